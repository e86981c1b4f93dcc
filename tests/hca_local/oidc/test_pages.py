"""What people see: readable without scripts, styles from elsewhere or good eyes, and hostile to nobody."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

import pytest

from .conftest import Browser, Page, Program, Service

Show = Callable[[Browser, Program], Page]


def sign_in(browser: Browser, program: Program) -> Page:
    return browser.page(program.url())


def wrong_password(browser: Browser, program: Program) -> Page:
    return Page(browser.sign_in(sign_in(browser, program), password="wrong"))


def consent(browser: Browser, program: Program) -> Page:
    return Page(browser.sign_in(sign_in(browser, program)))


def refusal(browser: Browser, program: Program) -> Page:
    return browser.page(program.url(client_id="<b>x</b>"))


def signed_out(browser: Browser, program: Program) -> Page:
    return browser.page("/oauth/signed-out")


def echo(browser: Browser, program: Program) -> Page:
    return browser.page("/echo?code=%3Cb%3Ec-41", headers={"Accept": "text/html,*/*;q=0.8"})


def empty_echo(browser: Browser, program: Program) -> Page:
    return browser.page("/echo?error=%3Cscript%3E", headers={"Accept": "text/html"})


every = pytest.mark.parametrize(
    "show", [sign_in, wrong_password, consent, refusal, signed_out, echo, empty_echo], ids=lambda show: show.__name__
)


@every
def test_a_page_is_for_everybody(browser: Browser, program: Program, show: Show) -> None:
    page = show(browser, program)
    assert page.response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.response.text.startswith("<!DOCTYPE html>\n")
    tags = dict(page.tags)
    assert tags["html"]["lang"] == "en"
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in [a for _, a in page.tags]
    assert page.texts["title"].endswith(" - hca local")
    assert page.texts["h1"]
    assert len([tag for tag, _ in page.tags if tag == "h1"]) == 1
    fields = [attributes for tag, attributes in page.tags if tag == "input" and attributes.get("type") != "hidden"]
    assert {field["id"] for field in fields} == page.labels.keys()
    identifiers = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))


@every
def test_a_page_brings_all_it_needs(browser: Browser, program: Program, show: Show) -> None:
    page = show(browser, program)
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "link", "img", "iframe", "object", "a"})
    names = {name for _, attributes in page.tags for name in attributes}
    assert names.isdisjoint({"src", "href", "style", "onclick", "onload", "onsubmit"})
    assert "url(" not in page.texts["style"]
    assert "@import" not in page.texts["style"]


@every
def test_a_page_may_do_nothing_else(browser: Browser, program: Program, show: Show) -> None:
    page = show(browser, program)
    headers = page.response.headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    style = base64.b64encode(hashlib.sha256(page.texts["style"].encode()).digest()).decode()
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["style-src"] == f"'sha256-{style}'"
    assert policy["form-action"].startswith("'self'")
    assert policy.keys() == {"default-src", "style-src", "base-uri", "frame-ancestors", "form-action"}
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("redirect_uri", "source"),
    [
        ("http://127.0.0.1:43210/x", "http://127.0.0.1:43210"),
        ("http://localhost:8080/", "http://localhost:8080"),
        ("http://[::1]:5000/", "http:"),
    ],
)
def test_a_form_may_lead_to_the_program(browser: Browser, program: Program, redirect_uri: str, source: str) -> None:
    page = browser.page(program.url(redirect_uri=redirect_uri))
    for one in (page, Page(browser.sign_in(page, password="wrong")), Page(browser.sign_in(page))):
        assert one.response.headers["Content-Security-Policy"].endswith(f"form-action 'self' {source}")


def test_the_forms(browser: Browser, program: Program) -> None:
    page = sign_in(browser, program)
    assert page.form.method == "post"
    assert page.form.fields.keys() == {"visit", "email", "password"}
    fields = {attributes.get("name"): attributes for tag, attributes in page.tags if tag == "input"}
    assert fields["password"]["type"] == "password"
    assert fields["password"]["autocomplete"] == "current-password"
    assert fields["email"]["autocomplete"] == "username"
    asked = Page(browser.sign_in(page))
    assert asked.form.buttons == [("decision", "allow"), ("decision", "deny"), ("decision", "switch")]


def test_a_mistake_is_said_where_a_screen_reader_finds_it(browser: Browser, program: Program) -> None:
    page = wrong_password(browser, program)
    (alert,) = [attributes for _, attributes in page.tags if attributes.get("role") == "alert"]
    fields = [attributes for tag, attributes in page.tags if tag == "input" and attributes.get("type") != "hidden"]
    assert {field["aria-describedby"] for field in fields} == {alert["id"]}
    assert page.form.fields["email"] == "ada@lab.example"
    assert page.form.fields["password"] == ""


def test_what_is_allowed_is_said_in_words(browser: Browser, program: Program) -> None:
    page = Page(browser.sign_in(browser.page(program.url(scope="openid offline_access"))))
    assert "Stay signed in" in page.text
    assert "See your e-mail address" not in page.text
    assert "offline_access" not in page.text


def test_the_echo_shows_the_code_as_text(service: Service, browser: Browser, program: Program) -> None:
    page = echo(browser, program)
    assert page.texts["code"] == "<b>c-41"
    assert "b" not in {tag for tag, _ in page.tags}
    assert "<script>" in empty_echo(browser, program).text
