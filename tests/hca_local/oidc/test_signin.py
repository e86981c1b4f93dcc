"""Signing in with a browser: pages, prompts, sessions, and everything that others might try."""

from __future__ import annotations

import re

import pytest
import requests

from .conftest import PASSWORD, REDIRECT, Browser, Page, Program, Service, told


def test_a_sign_in_gives_the_program_a_code(browser: Browser, program: Program) -> None:
    page = browser.page(program.url())
    assert page.status == 200
    consent = Page(browser.sign_in(page))
    assert "ada@lab.example" in consent.text
    assert REDIRECT in consent.text
    response = browser.submit(consent, decision="allow")
    assert response.headers["Location"].startswith(REDIRECT + "?")
    assert response.headers["Cache-Control"] == "no-store"
    found = told(response)
    assert found.keys() == {"code", "state"}
    assert found["state"] == "s-77"


def test_consent_is_asked_for_once_and_kept(service: Service, browser: Browser, program: Program) -> None:
    browser.through(program.url())
    assert "code" in told(browser.open(program.url()))
    service.restart()
    again = browser.sign_in(browser.page(program.url()))
    assert "code" in told(again)
    more = browser.page(program.url(scope="openid email offline_access profile"))
    assert more.form.action == "/oauth/consent"


def test_consent_of_one_is_not_that_of_another(service: Service, browser: Browser, program: Program) -> None:
    browser.through(program.url())
    other = Browser(service)
    asked = Page(other.sign_in(other.page(program.url()), "bob@lab.example"))
    assert asked.form.action == "/oauth/consent"
    assert "bob@lab.example" in asked.text


def test_saying_no(browser: Browser, program: Program) -> None:
    consent = Page(browser.sign_in(browser.page(program.url())))
    found = told(browser.submit(consent, decision="deny"))
    assert (found["error"], found["state"]) == ("access_denied", "s-77")
    assert "code" not in found
    assert browser.page(program.url()).form.action == "/oauth/consent"


def test_another_account(browser: Browser, program: Program) -> None:
    consent = Page(browser.sign_in(browser.page(program.url())))
    page = Page(browser.submit(consent, decision="switch"))
    assert page.form.action == "/oauth/sign-in"
    assert "bob@lab.example" in browser.sign_in(page, "bob@lab.example").text


@pytest.mark.parametrize("decision", ["", "maybe"])
def test_no_decision_is_none(browser: Browser, program: Program, decision: str) -> None:
    consent = Page(browser.sign_in(browser.page(program.url())))
    assert Page(browser.submit(consent, decision=decision)).form.action == "/oauth/consent"


def test_a_decision_needs_a_sign_in(service: Service, browser: Browser, program: Program) -> None:
    page = browser.page(program.url())
    response = browser.open("/oauth/consent", "POST", data={"visit": page.form.fields["visit"], "decision": "allow"})
    assert Page(response).form.action == "/oauth/sign-in"


@pytest.mark.parametrize("email", ["ada@lab.example", "nobody@lab.example", "", "'; DROP TABLE accounts", "\ud800"])
def test_wrong_passwords_and_unknown_people_look_alike(
    service: Service, browser: Browser, program: Program, email: str
) -> None:
    data = {"email": email.encode("utf-8", "surrogatepass"), "password": "wrong"}
    page = browser.page(program.url())
    response = browser.open("/oauth/sign-in", "POST", data={**page.form.fields, **data})
    assert response.status_code == 403
    known = browser.sign_in(page, "ada@lab.example", "wrong")

    def without(text: str) -> str:
        return re.sub(r'(name="email" type="email" value=)"[^"]*"', r"\1", text.replace(" autofocus", ""))

    assert without(response.text) == without(known.text)
    assert response.headers.keys() == known.headers.keys()


def test_a_disabled_account_looks_like_a_wrong_password(service: Service, browser: Browser, program: Program) -> None:
    service.provider.accounts.set_disabled("ada@lab.example", True)
    response = browser.sign_in(browser.page(program.url()))
    assert response.status_code == 403
    assert "do not belong together" in response.text


def test_the_case_of_an_address_does_not_matter(browser: Browser, program: Program) -> None:
    assert browser.sign_in(browser.page(program.url()), " ADA@Lab.example ").status_code == 200


def test_guessing_is_slowed_down(service: Service, browser: Browser, program: Program) -> None:
    page = browser.page(program.url())
    for _ in range(5):
        assert browser.sign_in(page, password="wrong").status_code == 403
    refused = browser.sign_in(page)
    assert refused.status_code == 429
    assert "Try again in 31 seconds" in refused.text
    assert refused.headers["Retry-After"] == "31"
    assert browser.sign_in(page, "bob@lab.example").status_code == 200
    service.clock.advance(31)
    assert Browser(service).sign_in(Browser(service).page(program.url())).status_code == 400
    late = Browser(service)
    assert late.sign_in(late.page(program.url())).status_code == 200


def test_the_right_password_forgives_the_wrong_ones(service: Service, program: Program) -> None:
    for _ in range(3):
        browser = Browser(service)
        page = browser.page(program.url())
        for _ in range(3):
            assert browser.sign_in(page, password="wrong").status_code == 403
        assert browser.sign_in(page).status_code == 200


def test_prompt_none(service: Service, browser: Browser, program: Program) -> None:
    silent = program.url(prompt="none")
    found = told(browser.open(silent))
    assert (found["error"], found["state"]) == ("login_required", "s-77")
    browser.sign_in(browser.page(program.url()))
    assert told(browser.open(silent))["error"] == "consent_required"
    browser.through(program.url())
    assert "code" in told(browser.open(silent))
    assert told(browser.open(program.url(prompt="none login")))["error"] == "invalid_request"


def test_prompt_login_wants_the_password_again(browser: Browser, program: Program) -> None:
    browser.through(program.url())
    page = browser.page(program.url(prompt="login"))
    assert page.form.action == "/oauth/sign-in"
    assert "code" in told(browser.sign_in(page))


def test_prompt_consent_asks_again(browser: Browser, program: Program) -> None:
    browser.through(program.url())
    page = browser.page(program.url(prompt="consent"))
    assert page.form.action == "/oauth/consent"
    assert "code" in told(browser.submit(page, decision="allow"))


def test_max_age_wants_a_recent_password(service: Service, browser: Browser, program: Program) -> None:
    browser.through(program.url())
    service.clock.advance(61)
    assert "code" in told(browser.open(program.url(max_age="61")))
    page = browser.page(program.url(max_age="60"))
    assert page.form.action == "/oauth/sign-in"
    assert "code" in told(browser.sign_in(page))


def test_login_hint_fills_in_the_address(browser: Browser, program: Program) -> None:
    page = browser.page(program.url(login_hint='x"><script>alert(1)</script>'))
    assert page.form.fields["email"] == 'x"><script>alert(1)</script>'
    assert "script" not in {tag for tag, _ in page.tags}


def test_a_post_is_as_good_as_a_get(browser: Browser, program: Program) -> None:
    page = browser.page("/oauth/authorize", "POST", data=program.parameters())
    assert page.form.action == "/oauth/sign-in"


def test_sessions_end(service: Service, browser: Browser, program: Program) -> None:
    browser.through(program.url())
    response = browser.session.get(service.url + "/logout", allow_redirects=False)
    assert response.status_code == 302
    assert "Max-Age=0" in response.headers["Set-Cookie"]
    assert "signed out" in browser.page(response.headers["Location"]).text
    assert browser.page(program.url()).form.action == "/oauth/sign-in"


def test_logging_out_ends_the_session_and_not_just_the_cookie(
    service: Service, browser: Browser, program: Program
) -> None:
    browser.through(program.url())
    (cookie,) = browser.session.cookies
    browser.open("/logout")
    browser.session.cookies.set(cookie.name, cookie.value)
    assert told(browser.open(program.url(prompt="none")))["error"] == "login_required"


def test_a_session_lasts_eight_hours(service: Service, browser: Browser, program: Program) -> None:
    browser.through(program.url())
    service.clock.advance(8 * 3600 - 1)
    assert "code" in told(browser.open(program.url(prompt="none")))
    service.clock.advance(1)
    assert told(browser.open(program.url(prompt="none")))["error"] == "login_required"


@pytest.mark.parametrize("what", ["password", "disabled", "removed", "removed and added"])
def test_a_session_ends_with_what_it_was_for(service: Service, browser: Browser, program: Program, what: str) -> None:
    browser.through(program.url())
    accounts = service.provider.accounts
    if what == "password":
        accounts.set_password("ada@lab.example", "another password")
    elif what == "disabled":
        accounts.set_disabled("ada@lab.example", True)
    else:
        accounts.remove("ada@lab.example")
    if what == "removed and added":
        accounts.add("ada@lab.example", PASSWORD)
    assert told(browser.open(program.url(prompt="none")))["error"] == "login_required"


def test_the_cookie_is_kept_from_scripts_and_other_sites(service: Service, program: Program) -> None:
    cookie = service.get(program.url().removeprefix(service.url)).headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert cookie.startswith(f"hca_local_{service.url.rpartition(':')[2]}=")


def test_signing_in_changes_the_cookie(browser: Browser, program: Program) -> None:
    page = browser.page(program.url())
    (before,) = [cookie.value for cookie in browser.session.cookies]
    browser.sign_in(page)
    (after,) = [cookie.value for cookie in browser.session.cookies]
    assert before != after


def test_a_form_works_in_its_own_browser_only(service: Service, browser: Browser, program: Program) -> None:
    page = browser.page(program.url())
    victim = Browser(service)
    victim.page(program.url())
    refused = victim.sign_in(page)
    assert refused.status_code == 400
    assert "start again" in refused.text
    consent = Page(browser.sign_in(page))
    victim.sign_in(victim.page(program.url()), "bob@lab.example")
    assert victim.submit(consent, decision="allow").status_code == 400


def test_a_form_without_a_cookie_is_refused(service: Service, browser: Browser, program: Program) -> None:
    page = browser.page(program.url())
    data = {**page.form.fields, "email": "ada@lab.example", "password": PASSWORD}
    assert service.post("/oauth/sign-in", data).status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_forms_from_other_sites_are_refused(browser: Browser, program: Program, headers: dict[str, str]) -> None:
    page = browser.page(program.url())
    data = {"email": "ada@lab.example", "password": PASSWORD}
    assert browser.submit(page, headers=headers, **data).status_code == 400
    consent = Page(browser.sign_in(page))
    assert browser.submit(consent, headers=headers, decision="allow").status_code == 400


def test_forms_from_here_are_not(service: Service, browser: Browser, program: Program) -> None:
    page = browser.page(program.url())
    headers = {"Origin": service.url, "Sec-Fetch-Site": "same-origin"}
    assert browser.submit(page, headers=headers, email="ada@lab.example", password=PASSWORD).status_code == 200


def test_a_page_grows_old(service: Service, browser: Browser, program: Program) -> None:
    page = browser.page(program.url())
    service.clock.advance(15 * 60)
    assert browser.sign_in(page).status_code == 400


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "http://127.0.0.1:1/",
        "http://127.0.0.1:65535/callback/x",
        "http://localhost:8080",
        "http://localhost/",
        "http://[::1]:5000/",
    ],
)
@pytest.mark.parametrize("program_name", ["program", "installed"])
def test_programs_on_this_machine_take_any_port(
    request: pytest.FixtureRequest, browser: Browser, redirect_uri: str, program_name: str
) -> None:
    program: Program = request.getfixturevalue(program_name)
    response = browser.sign_in(browser.page(program.url(redirect_uri=redirect_uri)))
    assert browser.submit(Page(response), decision="allow").headers["Location"].startswith(redirect_uri + "?code=")


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "http://evil.example/",
        "https://127.0.0.1:43210/",
        "http://127.0.0.1:43210@evil.example/",
        "http://127.0.0.1:43210:80/",
        "http://127.0.0.1.evil.example/",
        "http://localhost.evil.example/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:0/",
        "http://127.0.0.1\\@evil.example/",
        "http://127.0.0.1:80/#fragment",
        "http://127.0.0.1:80/?q=1",
        "http://127.0.0.1:80/\r\nSet-Cookie: a=b",
        "http://127.0.0.1:٣/",
        "http://127.0.0.2:80/",
        "http://LOCALHOST:80/",
        "//127.0.0.1/",
        "javascript:alert(1)",
        "urn:ietf:wg:oauth:2.0:oob",
        'http://"/',
        "x",
    ],
)
@pytest.mark.parametrize("program_name", ["program", "installed"])
def test_nobody_is_sent_elsewhere(
    request: pytest.FixtureRequest, browser: Browser, redirect_uri: str, program_name: str
) -> None:
    program: Program = request.getfixturevalue(program_name)
    response = browser.open(program.url(redirect_uri=redirect_uri))
    assert response.status_code == 400
    assert "Location" not in response.headers
    assert "cannot be answered" in Page(response).text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"client_id": "stranger"}, "does not exist"),
        ({"client_id": ""}, "does not exist"),
        ({"response_type": '"'}, "not allowed"),
        ({"response_type": "\u00fc"}, "not allowed"),
    ],
)
def test_errors_that_must_not_redirect_show_a_page(
    browser: Browser, program: Program, changes: dict[str, str], words: str
) -> None:
    response = browser.open(program.url(**changes))
    assert response.status_code == 400
    assert words in Page(response).text
    assert "Location" not in response.headers


def test_a_parameter_twice_is_refused(browser: Browser, program: Program) -> None:
    response = browser.open(program.url() + "&redirect_uri=http://127.0.0.1:6666/")
    assert response.status_code == 400


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"scope": "openid superuser"}, "invalid_scope"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"request": "eyJ"}, "request_not_supported"),
        ({"request_uri": "https://evil.example/"}, "request_uri_not_supported"),
    ],
)
def test_errors_that_the_program_is_told(
    browser: Browser, program: Program, changes: dict[str, str | None], error: str
) -> None:
    response = browser.open(program.url(**changes))
    assert response.headers["Location"].startswith(REDIRECT + "?")
    found = told(response)
    assert (found["error"], found["state"]) == (error, "s-77")


def test_the_program_with_a_secret_needs_no_challenge_at_its_registered_address(
    service: Service, browser: Browser, installed: Program
) -> None:
    without: dict[str, str | None] = {"code_challenge": None, "code_challenge_method": None}
    assert browser.page(installed.url(**without)).form.action == "/oauth/sign-in"
    echo = installed.url(redirect_uri=f"{service.url}/echo", **without)
    assert browser.page(echo).form.action == "/oauth/sign-in"
    refused = browser.open(installed.url(redirect_uri="http://localhost:8081/", **without))
    assert told(refused)["error"] == "invalid_request"


def test_login_without_a_client(service: Service, browser: Browser) -> None:
    response = service.get("/login", params={"redirect_uri": f"{service.url}/echo", "state": "a b&c"})
    assert response.status_code == 301
    found = browser.through(response.headers["Location"])
    assert found["state"] == "a b&c"
    assert found["code"]
    assert service.get("/login").headers["Location"] == "/oauth/authorize"


def test_login_leads_to_the_echo_unless_told_otherwise(service: Service, browser: Browser) -> None:
    page = browser.page("/login")
    response = browser.submit(Page(browser.sign_in(page)), decision="allow")
    assert response.headers["Location"].startswith(f"{service.url}/echo?code=")
    assert browser.open("/login?redirect_uri=http://evil.example/").status_code == 400


def test_nobody_signs_in_by_get(service: Service, browser: Browser, program: Program) -> None:
    page = browser.page(program.url())
    query = {**page.form.fields, "email": "ada@lab.example", "password": PASSWORD}
    response = browser.session.get(service.url + "/oauth/sign-in", params=query)
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")


def test_looking_at_the_consent_decides_nothing(browser: Browser, program: Program) -> None:
    consent = Page(browser.sign_in(browser.page(program.url())))
    query = {"visit": consent.form.fields["visit"], "decision": "allow"}
    response = browser.session.get(browser.service.url + "/oauth/consent", params=query, allow_redirects=False)
    assert response.status_code == 200


def test_a_page_reached_by_another_name_of_this_machine_works(service: Service, program: Program) -> None:
    at_localhost = service.url.replace("127.0.0.1", "localhost")
    session = requests.Session()
    page = Page(session.get(program.url().replace(service.url, at_localhost)))
    data = {**page.form.fields, "email": "ada@lab.example", "password": PASSWORD}
    response = session.post(at_localhost + page.form.action, data=data, headers={"Origin": at_localhost})
    assert Page(response).form.action == "/oauth/consent"
