"""Logging in, with real providers on this machine and a browser that is a thread."""

from __future__ import annotations

import json
import logging
import threading
import time
import traceback
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import OctKey
from open_id import FOREIGN_KEY, SECRET, Browser, OpenId, fetch

from hca_core.credentials.login import Dialogue, LoginFlow, from_token, open_browser, pasted
from hca_core.credentials.provider import Provider, find
from hca_core.credentials.refresh import renew
from hca_core.credentials.store import Login, TokenStore
from hca_core.errors import AuthError, HcaError, NetworkError
from hca_core.http import Session
from hca_core.retry import RetryPolicy
from hca_core.testing import Answer, FakeServer, Request

AUDIENCE = "https://dev.example.org/"


@pytest.fixture
def provider() -> Iterator[OpenId]:
    with OpenId() as server:
        yield server


@pytest.fixture
def browser() -> Browser:
    return Browser()


def get(url: str) -> Any:
    with Session(policy=RetryPolicy(attempts=1)) as session:
        return session.send("GET", url).json()


def post(url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Any:
    with Session(policy=RetryPolicy(attempts=1)) as session:
        return session.send("POST", url, data=form, headers=headers).json()


def flow(
    provider: OpenId, open_browser: Callable[[str], bool], ask: Callable[[], str] = input, **options: Any
) -> LoginFlow:
    said: list[str] = options.pop("said", [])
    found = options.pop("found", None) or find("dss", f"{provider.url}/v1", get)
    return LoginFlow("dss", found, get, post, Dialogue(said.append, ask, open_browser), AUDIENCE, **options)


def failure(attempt: Callable[[], object], kind: type[HcaError] = AuthError) -> HcaError:
    """Return the error that a login ends in, after checking that it gives nothing away."""
    with pytest.raises(kind) as caught:
        attempt()
    shown = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
    for secret in (SECRET, "code-0", "access-1", "refresh-1"):
        assert secret not in shown
    return caught.value


def query(url: str) -> dict[str, str]:
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))


# in a browser


def test_a_login(provider: OpenId, browser: Browser) -> None:
    said: list[str] = []
    before = time.time()
    login = flow(provider, browser, said=said).in_browser(timeout=60)
    assert login == Login(
        "access-1",
        login.expires_at,
        "refresh-1",
        f"{provider.url}/oauth/token",
        "local-cli",
        SECRET,
        f"{provider.url}/oauth/revoke",
        f"{provider.url}/",
        "openid email offline_access",
        "ada@lab.example",
        "client_secret_post",
    )
    assert login.expires_at == pytest.approx(before + 3600, abs=30)
    assert "You are logged in" in browser.last_page()
    assert browser.opened[0] in said[-1]


def test_what_the_provider_is_asked(provider: OpenId, browser: Browser) -> None:
    flow(provider, browser).in_browser(timeout=60)
    asked = query(browser.opened[0])
    assert {name: asked[name] for name in ("response_type", "client_id", "scope", "audience")} == {
        "response_type": "code",
        "client_id": "local-cli",
        "scope": "openid email offline_access",
        "audience": AUDIENCE,
    }
    assert asked["code_challenge_method"] == "S256"
    redirect = urllib.parse.urlsplit(asked["redirect_uri"])
    assert (redirect.scheme, redirect.hostname, redirect.path) == ("http", "127.0.0.1", "/")
    (form,) = provider.forms("/oauth/token")
    assert form.keys() == {"grant_type", "code", "redirect_uri", "client_id", "client_secret", "code_verifier"}
    assert form["redirect_uri"] == asked["redirect_uri"]
    assert 43 <= len(form["code_verifier"]) <= 128
    assert form["code_verifier"] not in browser.opened[0]


def test_no_two_logins_are_alike(provider: OpenId, browser: Browser) -> None:
    for _ in range(2):
        flow(provider, browser).in_browser(timeout=60)
    first, second = map(query, browser.opened)
    for name in ("state", "nonce", "code_challenge"):
        assert first[name] != second[name]
        assert len(first[name]) >= 43


def test_a_client_without_a_secret_sends_none(provider: OpenId, browser: Browser) -> None:
    found = find("dss", f"{provider.url}/v1", get, issuer=provider.url, client_id="public-cli")
    login = flow(provider, browser, found=found).in_browser(timeout=60)
    assert (login.client_id, login.client_secret) == ("public-cli", None)
    assert "client_secret" not in provider.forms("/oauth/token")[0]


@pytest.mark.parametrize("methods", [["client_secret_basic"], None])
def test_a_provider_that_wants_the_secret_in_a_header(
    provider: OpenId, browser: Browser, methods: list[str] | None
) -> None:
    provider.methods = methods
    login = flow(provider, browser).in_browser(timeout=60)
    assert (login.access_token, login.auth_method) == ("access-1", "client_secret_basic")
    (form,) = provider.forms("/oauth/token")
    assert form.keys() == {"grant_type", "code", "redirect_uri", "code_verifier"}


def test_without_a_browser_the_user_opens_the_address(provider: OpenId) -> None:
    said: list[str] = []

    class User(list[str]):
        def append(self, line: str) -> None:
            super().append(line)
            if line.startswith("http"):
                Browser()(line)

    said = User()
    login = flow(provider, lambda url: pytest.fail("opened"), said=said).in_browser(opens=False, timeout=10)
    assert login.access_token == "access-1"
    assert (said[0], len(said)) == ("Open this address in a browser on this machine:", 2)


def test_a_browser_that_cannot_be_opened_is_no_obstacle(provider: OpenId, browser: Browser) -> None:
    def fails(url: str) -> bool:
        browser(url)  # the user, with what was printed
        return False

    said: list[str] = []
    assert flow(provider, fails, said=said).in_browser(timeout=60).access_token == "access-1"
    assert said[:2] == ["Open this address in a browser on this machine:", browser.opened[0]]
    assert said[2:] == ["If your browser is on another machine, use --remote."]


def test_nobody_logs_in(provider: OpenId) -> None:
    error = failure(lambda: flow(provider, lambda url: True).in_browser(timeout=0.1))
    assert error.message == "Nobody logged in to the dss service within 0.1 s."
    assert "--remote" in (error.hint or "")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"error": "access_denied"}, "the provider says that access was denied (access_denied)"),
        ({"error": "server_error", "error_description": "<b>try\x1b[2J</b>"}, "server_error: <b>try [2J</b>"),
        ({"code": ""}, "Nobody logged in"),
        ({"error": "login_required", "code": "code-0"}, "login_required"),
    ],
)
def test_a_provider_that_declines(provider: OpenId, browser: Browser, answer: dict[str, str], words: str) -> None:
    def decline(request: Request) -> Answer:
        params = {name: values[0] for name, values in request.params.items()}
        more = urllib.parse.urlencode({**answer, "state": params["state"]})
        return Answer.redirect(f"{params['redirect_uri']}?{more}")

    provider.on("GET", "/oauth/authorize", decline)
    error = failure(lambda: flow(provider, browser).in_browser(timeout=1))
    assert words in error.message
    assert error.exit_code == 5
    page = browser.last_page()
    assert "You are logged in" not in page
    assert "<b>" not in page
    assert provider.forms("/oauth/token") == []


def test_answers_to_another_login_are_ignored(provider: OpenId, browser: Browser) -> None:
    """Somebody else's page sends its own code, with a state that it had to guess, before the user's answer comes."""
    seen: list[tuple[int, str]] = []

    def attack(url: str) -> bool:
        asked = query(url)
        for state in ("guess", "", asked["state"][:-1]):
            seen.append(fetch(f"{asked['redirect_uri']}?{urllib.parse.urlencode({'code': 'evil', 'state': state})}"))
        seen.append(fetch(f"{asked['redirect_uri']}?code=evil"))
        seen.append(fetch(f"{asked['redirect_uri']}?code=evil&state={asked['state']}&state=x"))
        return browser(url)

    def attack_in_thread(url: str) -> bool:
        threading.Thread(target=attack, args=(url,), daemon=True).start()
        return True

    login = flow(provider, attack_in_thread).in_browser(timeout=60)
    assert login.access_token == "access-1"
    assert [status for status, _ in seen] == [404] * 5
    assert [form["code"] for form in provider.forms("/oauth/token")] == ["code-0"]


def test_an_injected_code_is_no_use_without_our_verifier(provider: OpenId, browser: Browser) -> None:
    """The answer carries a code of the attacker's own login, and even the right state."""

    def inject(request: Request) -> Answer:
        params = {name: values[0] for name, values in request.params.items()}
        provider.codes["evil"] = {**params, "code_challenge": "that-of-the-attacker"}
        return Answer.redirect(f"{params['redirect_uri']}?code=evil&state={params['state']}")

    provider.on("GET", "/oauth/authorize", inject)
    error = failure(lambda: flow(provider, browser).in_browser(timeout=60))
    assert "invalid_grant: another verifier" in error.message
    assert "You are not logged in" in browser.last_page()


# what the token endpoint answers


@pytest.mark.parametrize(
    ("answer", "words", "kind"),
    [
        (Answer.json({"error": "invalid_client"}, 401), "invalid_client", AuthError),
        (Answer(200, b"<html>"), "did not answer with JSON", AuthError),
        (Answer.json([]), "did not answer with a token", AuthError),
        (Answer.json({"access_token": "a b"}), "did not answer with a token", AuthError),
        (Answer.json({"access_token": "a", "token_type": "mac"}), "unknown type", AuthError),
        (Answer.redirect("/elsewhere"), "redirected", NetworkError),
        (Answer(503), "503", NetworkError),
        (Answer(hang_up=True), "broke", NetworkError),
    ],
)
def test_a_token_endpoint_that_gives_no_tokens(
    provider: OpenId, browser: Browser, answer: Answer, words: str, kind: type[HcaError]
) -> None:
    provider.on("POST", "/oauth/token", answer)
    attempt = flow(provider, browser)

    def strict(url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Any:
        with Session(policy=RetryPolicy(attempts=1, max_redirects=0)) as session:
            return session.send("POST", url, data=form, headers=headers).json()

    object.__setattr__(attempt, "post", strict)
    error = failure(lambda: attempt.in_browser(timeout=60), kind)
    assert words in error.message
    assert words.replace("'", "&#x27;") in browser.last_page()


def test_a_token_endpoint_that_repeats_what_it_was_sent(
    provider: OpenId, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    def echo(request: Request) -> Answer:
        return Answer.json({"error": "server_error", "error_description": f"{request.body.decode()} {SECRET}"}, 400)

    provider.on("POST", "/oauth/token", echo)
    with caplog.at_level(logging.DEBUG):
        error = failure(lambda: flow(provider, browser).in_browser(timeout=60))
    verifier = provider.forms("/oauth/token")[0]["code_verifier"]
    for text in (error.message, caplog.text, browser.last_page()):
        assert SECRET not in text
        assert verifier not in text


def test_a_token_is_not_asked_for_where_others_can_listen(browser: Browser, provider: OpenId) -> None:
    found = Provider(f"{provider.url}/oauth/authorize", "http://auth.example.org/token", "local-cli")
    error = failure(lambda: flow(provider, browser, found=found).in_browser(timeout=60))
    assert "over plain http" in error.message


def test_no_expiry_and_another_scope(provider: OpenId, browser: Browser) -> None:
    provider.tokens = {"expires_in": None, "refresh_token": None, "scope": "openid"}
    login = flow(provider, browser).in_browser(timeout=60)
    assert (login.expires_at, login.refresh_token, login.scope) == (None, None, "openid")
    assert not login.renewable


# the identity token


def test_without_an_identity_token_the_login_goes_on(provider: OpenId, browser: Browser) -> None:
    provider.tokens = {"id_token": None}
    login = flow(provider, browser).in_browser(timeout=60)
    assert (login.access_token, login.subject) == ("access-1", None)


def test_an_identity_token_that_nobody_can_check_says_nothing(provider: OpenId, browser: Browser) -> None:
    provider.on("GET", "/.well-known/openid-configuration", Answer(404))
    login = flow(provider, browser).in_browser(timeout=60)
    assert (login.access_token, login.subject, login.issuer) == ("access-1", None, None)


class In(int):
    """So many seconds from now, whenever that is."""


def now(claims: dict[str, Any]) -> dict[str, Any]:
    return {name: int(time.time()) + value if isinstance(value, In) else value for name, value in claims.items()}


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"nonce": "another"}, "its nonce is missing or not the right one"),
        ({"nonce": None}, "its nonce is missing"),
        ({"iss": "https://evil.example/"}, "its iss is"),
        ({"iss": None}, "its iss is"),
        ({"aud": "another-app"}, "its aud is"),
        ({"aud": ["local-cli", "another-app"]}, "its azp is"),
        ({"aud": ["another-app"], "azp": "local-cli"}, "its aud is"),
        ({"aud": None}, "its aud is"),
        ({"aud": 5}, "its aud is"),
        ({"azp": "another-app"}, "its azp is"),
        ({"exp": In(-300)}, "it has expired"),
        ({"exp": None}, "its exp is"),
        ({"exp": "soon"}, "its exp is"),
        ({"iat": In(3600), "exp": In(7200)}, "its iat is"),
        ({"nbf": In(3600)}, "its nbf is"),
        ({"sub": None}, "its sub is"),
        ({"at_hash": "bm90LXRoaXMtb25l"}, "its at_hash is"),
    ],
)
def test_an_identity_token_for_something_else(
    provider: OpenId, browser: Browser, claims: dict[str, Any], words: str
) -> None:
    provider.claims = now(claims)
    error = failure(lambda: flow(provider, browser).in_browser(timeout=60))
    assert words in error.message
    assert "You are not logged in" in browser.last_page()


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": In(-60)},
        {"iat": In(60)},
        {"nbf": In(60)},
        {"aud": ["local-cli"]},
        {"aud": ["local-cli", "other"], "azp": "local-cli"},
    ],
)
def test_clocks_may_differ_a_little(provider: OpenId, browser: Browser, claims: dict[str, Any]) -> None:
    provider.claims = now(claims)
    assert flow(provider, browser).in_browser(timeout=60).subject == "ada@lab.example"


def _forge(provider: OpenId, how: str) -> None:
    if how == "foreign key":
        provider.key = FOREIGN_KEY
    elif how == "unknown key":
        provider.header = {"alg": "RS256", "kid": "k-2"}
    elif how == "shared key":
        provider.key, provider.header = OctKey.import_key(SECRET * 4), {"alg": "HS256", "kid": "k-1"}
    elif how == "alg none":
        provider.tokens = {"id_token": f"{_b64({'alg': 'none', 'kid': 'k-1'})}.{_b64({'sub': 'x'})}."}
    elif how == "no keys":
        provider.on("GET", "/jwks", Answer.json({"keys": []}))
    elif how == "strange keys":
        provider.on("GET", "/jwks", Answer.json({"keys": [5, {"kty": "RSA"}]}))
    elif how == "a list":
        provider.on("GET", "/jwks", Answer.json([]))
    else:
        provider.tokens = {"id_token": how}


def _b64(value: Any) -> str:
    import base64

    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "how",
    [
        "foreign key",
        "unknown key",
        "shared key",
        "alg none",
        "no keys",
        "strange keys",
        "a list",
        "nonsense",
        "a.b.c",
        "é.é.é",
        "[" * 5000,
    ],
)
def test_a_forged_identity_token(provider: OpenId, browser: Browser, how: str) -> None:
    _forge(provider, how)
    error = failure(lambda: flow(provider, browser).in_browser(timeout=60))
    assert "cannot be trusted: its signature cannot be verified" in error.message


@pytest.mark.parametrize("answer", [Answer(404), Answer(200, b"<html>")])
def test_a_provider_that_publishes_no_keys(provider: OpenId, browser: Browser, answer: Answer) -> None:
    provider.on("GET", "/jwks", answer)
    error = failure(lambda: flow(provider, browser).in_browser(timeout=60))
    assert "does not publish the keys" in error.message


# with a browser elsewhere


def _by_hand(provider: OpenId, typed: Callable[[str], str]) -> Login:
    """Log in by hand; `typed` is what the user pastes after having been shown an address."""
    said: list[str] = []

    def ask() -> str:
        return typed(next(line for line in said if line.startswith("http")))

    return flow(provider, lambda url: pytest.fail("opened"), ask, said=said).by_hand()


def _answer_at(url: str) -> str:
    """Where the provider sends the browser that opens `url`."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            return None

    try:
        urllib.request.build_opener(Stay).open(url)
    except urllib.error.HTTPError as error:
        return str(error.headers["Location"])
    raise AssertionError("no redirect")


@pytest.mark.parametrize("kind", ["address", "code", "blanks"])
def test_a_login_by_hand(provider: OpenId, kind: str) -> None:
    def typed(url: str) -> str:
        answer = _answer_at(url)
        assert answer.startswith(f"{provider.url}/echo?code=")
        return {"address": answer, "code": query(answer)["code"], "blanks": f"  {answer}\r\n"}[kind]

    assert _by_hand(provider, typed).subject == "ada@lab.example"


def test_without_an_echo_the_browser_ends_nowhere(provider: OpenId) -> None:
    provider.on("GET", "/internal/application_secrets", Answer(404))
    said: list[str] = []
    found = find("dss", f"{provider.url}/v1", get, client_id="public-cli")

    def ask() -> str:
        answer = _answer_at(said[1])
        assert answer.startswith("http://127.0.0.1:8080/?code=")
        return answer

    assert flow(provider, browser_fails, ask, said=said, found=found).by_hand().client_id == "public-cli"


def browser_fails(url: str) -> bool:
    raise AssertionError("a browser was opened")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (lambda url: "", "nothing was pasted"),
        (lambda url: "two words", "what was pasted is not a code"),
        (lambda url: f"{query(url)['redirect_uri']}?code=code-0", "belongs to another login"),
        (lambda url: f"{query(url)['redirect_uri']}?code=code-0&state=guess", "belongs to another login"),
        (lambda url: "code=code-0&state=guess", "belongs to another login"),
        (lambda url: f"http://x/?error=access_denied&state={query(url)['state']}", "access was denied"),
        (lambda url: f"http://x/?state={query(url)['state']}", "the provider sent no code"),
        (lambda url: "http://[::1", "failed"),
        (lambda url: "not-a-known-code", "invalid_grant"),
    ],
)
def test_what_may_be_pasted_by_mistake(provider: OpenId, typed: Callable[[str], str], words: str) -> None:
    assert words in failure(lambda: _by_hand(provider, typed)).message


def test_nobody_there_to_paste(provider: OpenId) -> None:
    def ask() -> str:
        raise EOFError

    error = failure(lambda: flow(provider, browser_fails, ask).by_hand())
    assert error.message == "The login to the dss service failed: nothing was pasted."
    assert "HCA_DSS_TOKEN" in (error.hint or "")


def test_pasted_addresses_and_codes() -> None:
    assert pasted("4/0AX-4_a=", "s") == {"code": "4/0AX-4_a="}
    assert pasted("https://h/echo?code=a%2Bb&state=s", "s") == {"code": "a+b", "state": "s"}
    assert pasted("?code=a&state=s", "s") == {"code": "a", "state": "s"}


# a token by itself


def test_a_token_is_good_until_it_says_otherwise() -> None:
    assert from_token("dss", "opaque") == Login("opaque")
    token = f"e30.{_b64({'exp': 2_000_000_000})}.c2ln"
    assert from_token("dss", token, lambda: 1e9) == Login(token, 2e9)
    with pytest.raises(AuthError, match="has expired"):
        from_token("dss", token, lambda: 2e9)
    with pytest.raises(AuthError, match="is not a token"):
        from_token("dss", "Bearer abc")


def test_no_browser_is_looked_for_without_a_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    assert not open_browser("http://127.0.0.1:1/", {})


# somebody else's provider


@pytest.mark.filterwarnings("ignore")  # the provider's own
def test_an_independent_provider(tmp_path: Path) -> None:
    """Not of our making: oidc-provider-mock, whose page asks who the user is and whether they agree."""
    import oidc_provider_mock

    user = oidc_provider_mock.User(sub="ada", claims={"email": "ada@lab.example"})
    with oidc_provider_mock.run_server_in_thread(user_claims=[user]) as server, FakeServer() as service:
        url = f"http://localhost:{server.server_port}"
        uris = {"auth_uri": f"{url}/oauth2/authorize", "token_uri": f"{url}/oauth2/token"}
        application = {"client_id": "local-cli", "client_secret": SECRET, **uris}
        service.on("GET", "/internal/application_secrets", Answer.json({"installed": application}))
        form = urllib.parse.urlencode({"sub": "ada"}).encode()
        pages: list[str] = []

        def agree(address: str) -> bool:
            threading.Thread(target=lambda: pages.append(_posted(address, form))).start()
            return True

        found = find("dss", f"{service.url}/v1", get)
        login = LoginFlow("dss", found, get, post, Dialogue(lambda line: None, input, agree)).in_browser(timeout=20)
        assert (login.subject, login.issuer) == ("ada@lab.example", url)

        store = TokenStore(tmp_path / "credentials.json")
        store.put(service.host, login)
        later = (login.expires_at or 0) + 1

        def renewed(stale: str) -> Login | None:
            return renew(store, service.host, stale, service="dss", post=post, now=lambda: later)

        second = renewed(login.access_token)
        assert second is not None
        assert second.access_token != login.access_token
        assert _email(url, second.access_token) == "ada@lab.example"
        assert _email(url, login.access_token) is None
        _posted(f"{url}/users/ada/revoke-tokens", b"")
        ended = renewed(second.access_token)
    assert ended is not None
    assert ended.expired(later)
    assert not ended.renewable


def _email(provider: str, token: str) -> str | None:
    status, text = fetch(f"{provider}/userinfo", {"Authorization": f"Bearer {token}"})
    return str(json.loads(text)["email"]) if status == 200 else None


def _posted(address: str, form: bytes) -> str:
    with urllib.request.urlopen(address, form, timeout=10) as answer:
        return str(answer.read().decode())
