"""The pages on which people log in: readable on a phone, usable without a mouse and without scripts, and private."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from browsers import ChromiumBrowser

from .conftest import PASSWORD, Login, Stack, add_account, sign_in

LONGEST = (
    f"{'a' * 109}@department.example"  # nothing at which a line could be broken, of 128 characters that there may be
)

# Whoever reads a page with their ears, or with large letters, needs these.
DECENT = """() => ({
    lang: document.documentElement.lang,
    headings: document.querySelectorAll("h1").length,
    mains: document.querySelectorAll("main").length,
    unnamed: [...document.querySelectorAll("input:not([type=hidden])")].filter(one => one.labels.length != 1).length,
    hidden_sideways: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    scripts: document.scripts.length,
})"""


@pytest.fixture
def stack(login_stack: Stack, home: Path) -> Stack:
    return login_stack.of_somebody(home)


@pytest.fixture
def phone(engine: Any) -> Iterator[ChromiumBrowser]:
    """A small screen, whose browser runs no scripts of pages."""
    context = engine.new_context(viewport={"width": 360, "height": 640}, java_script_enabled=False)
    yield ChromiumBrowser(context.new_page())
    context.close()


@pytest.fixture
def browser(engine: Any) -> Iterator[ChromiumBrowser]:
    context = engine.new_context(viewport={"width": 360, "height": 640})
    yield ChromiumBrowser(context.new_page())
    context.close()


def test_the_pages_are_decent(stack: Stack, browser: ChromiumBrowser) -> None:
    add_account(stack, LONGEST)
    complaints: list[str] = []
    browser.page.on("console", lambda message: complaints.append(message.text))
    titles = []

    def look() -> None:
        titles.append(browser.title)
        assert browser.page.evaluate(DECENT) == {
            "lang": "en",
            "headings": 1,
            "mains": 1,
            "unnamed": 0,
            "hidden_sideways": 0,
            "scripts": 0,
        }, browser.title

    remote = Login(stack, "dss", "login", "--remote")
    login = Login(stack, "dss", "login", "--no-browser")
    browser.open(remote.url)
    look()
    sign_in(browser, LONGEST, "wrong")
    look()
    sign_in(browser, LONGEST)
    look()
    browser.press("Allow")
    look()
    remote.end(5, "\n")
    browser.open(login.url)
    look()
    login.end()
    browser.open(f"{stack.facts['auth_url']}/logout")
    look()
    assert [title.partition(" - ")[0] for title in titles] == [
        "Sign in",
        "Sign in",
        "Allow access",
        "Your code",
        "You are logged in",
        "You are signed out",
    ]
    assert [one for one in complaints if "status of 403" not in one] == [], "403 is what a wrong password gets"
    assert {urlsplit(url).hostname for url in browser.requests} == {"127.0.0.1"}


def test_a_login_without_a_mouse(stack: Stack, browser: ChromiumBrowser, people: Iterator[str]) -> None:
    login = Login(stack, "dss", "login", "--no-browser")
    browser.open(login.url)
    keyboard = browser.page.keyboard
    keyboard.type(next(people))  # the field has the focus already
    keyboard.press("Tab")
    keyboard.type(PASSWORD)
    keyboard.press("Enter")
    browser.page.wait_for_url("**/oauth/consent*")
    keyboard.press("Tab")
    assert browser.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    keyboard.press("Enter")
    browser.page.get_by_role("heading", name="You are logged in").wait_for()
    login.end()


def test_a_login_without_scripts(stack: Stack, phone: ChromiumBrowser, people: Iterator[str]) -> None:
    login = Login(stack, "dss", "login", "--no-browser")
    phone.open(login.url)
    sign_in(phone, next(people))
    phone.press("Allow")
    assert phone.title == "You are logged in - hca"
    login.end()
