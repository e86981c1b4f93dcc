"""Two browsers that do what a person asks of them: one knows forms and nothing else, the other is Debian's Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Protocol
from urllib.parse import urljoin

import pytest


class Browser(Protocol):
    """Shows one page at a time; fields are called by their labels, buttons by what is written on them."""

    def open(self, url: str) -> None: ...
    def fill(self, label: str, text: str) -> None: ...
    def press(self, button: str) -> None: ...
    @property
    def url(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def text(self) -> str: ...


class FormBrowser:
    """Follows redirects and sends forms, as browsers did before there were scripts; it keeps cookies."""

    def __init__(self) -> None:
        import requests

        self._session = requests.Session()
        self._session.headers["Accept"] = "text/html"
        self._page = Page()
        self.url = ""

    def open(self, url: str) -> None:
        self._show(self._session.get(url, timeout=30))

    def fill(self, label: str, text: str) -> None:
        self._page.form.values[self._page.fields[label]] = text

    def press(self, button: str) -> None:
        form = self._page.form
        data = {**form.values, **form.buttons[button]}
        # Who asks is told as browsers tell it.
        origin = {"Origin": urljoin(self.url, "/").rstrip("/")}
        self._show(self._session.request(form.method, urljoin(self.url, form.action), data=data, headers=origin))

    @property
    def title(self) -> str:
        return self._page.text["title"]

    @property
    def text(self) -> str:
        return " ".join(self._page.text["main"].split())

    def close(self) -> None:
        self._session.close()

    def _show(self, answer: Any) -> None:
        self.url, self._page = answer.url, Page()
        self._page.feed(answer.text)


@dataclass
class Form:
    """A form: what it sends, and what each of its buttons adds to that."""

    method: str = "get"
    action: str = ""
    values: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, dict[str, str]] = field(default_factory=dict)


class Page(HTMLParser):
    """What a person finds on a page: its `text` by element, its one form, and the names of its `fields` by label."""

    def __init__(self) -> None:
        super().__init__()
        self.form = Form()
        self.fields: dict[str, str] = {}
        self.text = {"title": "", "main": ""}
        self._labels: dict[str, str] = {}
        self._inside: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.form = Form(found.get("method", "get"), found["action"])
        elif tag == "input":
            self.form.values[found["name"]] = found.get("value", "")
            if found.get("id") in self._labels:
                self.fields[self._labels[found["id"]]] = found["name"]
        if tag in ("title", "main", "label", "button"):
            self._inside.append((tag, found))

    def handle_endtag(self, tag: str) -> None:
        if self._inside and self._inside[-1][0] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        for tag, found in self._inside:
            if tag in self.text:
                self.text[tag] += data
            elif tag == "label":
                self._labels[found["for"]] = data
            elif tag == "button":
                self.form.buttons[data] = {found["name"]: found["value"]} if "name" in found else {}


class ChromiumBrowser:
    """Chromium with one page open; `requests` are the addresses that it has asked for."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.requests: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))

    def open(self, url: str) -> None:
        self.page.goto(url)

    def fill(self, label: str, text: str) -> None:
        self.page.get_by_label(label).fill(text)

    def press(self, button: str) -> None:
        self.page.get_by_role("button", name=button, exact=True).click()

    @property
    def url(self) -> str:
        return str(self.page.url)

    @property
    def title(self) -> str:
        return str(self.page.title())

    @property
    def text(self) -> str:
        return " ".join(self.page.inner_text("main").split())


@contextmanager
def chromium() -> Iterator[Any]:
    """Start Chromium without a window; skip the test where it, or Playwright, is not installed."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=["--no-sandbox", "--no-proxy-server"])
        yield browser
        browser.close()
