"""A provider over real HTTP, a browser that fills in its forms, and a program that signs people in with it."""

from __future__ import annotations

import base64
import hashlib
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
import requests

from hca_core.testing import Clock
from hca_local.listener import Listener
from hca_local.oidc.clients import INSTALLED, PUBLIC
from hca_local.oidc.passwords import Cost
from hca_local.oidc.provider import Provider
from hca_local.oidc.store import Store

CHEAP = Cost(n=2, r=1, p=1)
AUDIENCE = "https://services.lab.example/"
PASSWORD = "correct horse battery"
REDIRECT = "http://127.0.0.1:43210/"


class Switch:
    """A WSGI application that can be another one for each test."""

    app: Callable[..., Iterable[bytes]]

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        return self.app(environ, start_response)


@pytest.fixture(scope="session")
def port() -> Iterator[tuple[Switch, str]]:
    with Listener() as listener:
        switch = Switch()
        listener.serve(switch, max_body=2**30)
        yield switch, f"http://127.0.0.1:{listener.port}"


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a key and three accounts: making them takes a while."""
    folder = tmp_path_factory.mktemp("template") / "oidc"
    store = Store(folder, now=Clock().now, cost=CHEAP)
    store.keys.current()
    store.accounts.add("ada@lab.example", PASSWORD)
    store.accounts.add("bob@lab.example", PASSWORD, group="public")
    store.accounts.add("root@lab.example", PASSWORD, admin=True)
    store.close()
    return folder


@dataclass
class Service:
    """A provider, whose time is `clock`."""

    switch: Switch
    url: str
    folder: Path
    clock: Clock = field(default_factory=Clock)

    def open(self, **options: Any) -> Provider:
        defaults = {"issuer": self.url, "audience": AUDIENCE, "app_metadata": lambda email: {"roles": [f"r-{email}"]}}
        self.provider = Provider(self.folder, now=self.clock.now, cost=CHEAP, **{**defaults, **options})
        self.switch.app = self.provider
        return self.provider

    def restart(self, **options: Any) -> None:
        self.provider.close()
        self.open(**options)

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        return requests.request(method, self.url + path, allow_redirects=False, timeout=10, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.send("GET", path, **options)

    def post(self, path: str, data: Any = None, **options: Any) -> requests.Response:
        return self.send("POST", path, data=data, **options)

    def userinfo(self, token: str) -> requests.Response:
        return self.get("/oauth/userinfo", headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
def service(port: tuple[Switch, str], template: Path, tmp_path: Path) -> Iterator[Service]:
    shutil.copytree(template, tmp_path / "oidc")
    found = Service(*port, tmp_path / "oidc")
    found.open()
    yield found
    found.provider.close()


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class Page(HTMLParser):
    """What a browser finds in a page."""

    def __init__(self, response: requests.Response) -> None:
        super().__init__()
        self.response = response
        self.status = response.status_code
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.forms: list[Form] = []
        self.labels: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        self._open: list[tuple[str, dict[str, str | None]]] = []
        self.feed(response.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        if tag == "form":
            self.forms.append(Form(found["action"] or "", found["method"] or "get"))
        if tag == "input":
            self.forms[-1].fields[found["name"] or ""] = found.get("value") or ""
        if tag == "button":
            self.forms[-1].buttons.append((found.get("name") or "", found.get("value") or ""))
        if tag not in ("input", "meta"):
            self._open.append((tag, found))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if not self._open:
            return
        tag, attributes = self._open[-1]
        self.texts[tag] = self.texts.get(tag, "") + data
        if tag == "label":
            self.labels[attributes["for"] or ""] = data

    @property
    def form(self) -> Form:
        (form,) = self.forms
        return form

    @property
    def text(self) -> str:
        return " ".join(text for tag, text in self.texts.items() if tag != "style")


class Browser:
    """Follows redirects at the provider, and stops where they leave it."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.session = requests.Session()

    def open(self, url: str, method: str = "GET", **options: Any) -> requests.Response:
        url = urljoin(self.service.url, url)
        response = self.session.request(method, url, allow_redirects=False, timeout=10, **options)
        location = urljoin(url, response.headers.get("Location", ""))
        if response.is_redirect and location.startswith(self.service.url + "/oauth/"):
            return self.open(location)
        return response

    def page(self, url: str, method: str = "GET", **options: Any) -> Page:
        return Page(self.open(url, method, **options))

    def submit(self, page: Page, headers: dict[str, str] | None = None, **fields: str) -> requests.Response:
        form = page.form
        return self.open(form.action, form.method.upper(), data={**form.fields, **fields}, headers=headers)

    def sign_in(self, page: Page, email: str = "ada@lab.example", password: str = PASSWORD) -> requests.Response:
        return self.submit(page, email=email, password=password)

    def through(self, url: str, email: str = "ada@lab.example") -> dict[str, str]:
        """Sign in and allow, as far as asked; return what the program is told."""
        response = self.open(url)
        if "password" in response.text:
            response = self.sign_in(Page(response), email)
        if response.status_code == 200:
            response = self.submit(Page(response), decision="allow")
        return told(response)


def told(response: requests.Response) -> dict[str, str]:
    """Return what a redirect tells a program."""
    assert response.is_redirect, response.text
    found = parse_qs(urlsplit(response.headers["Location"]).query, keep_blank_values=True)
    assert all(len(values) == 1 for values in found.values())
    return {name: values[0] for name, values in found.items()}


@pytest.fixture
def browser(service: Service) -> Browser:
    return Browser(service)


@dataclass
class Program:
    """A client of the provider."""

    service: Service
    client_id: str = PUBLIC
    redirect_uri: str = REDIRECT
    scope: str = "openid email offline_access"
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def challenge(self) -> str:
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()

    def parameters(self, **changes: str | None) -> dict[str, str]:
        """The request; None leaves something out."""
        found = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": self.scope,
            "state": "s-77",
            "code_challenge": self.challenge,
            "code_challenge_method": "S256",
            **changes,
        }
        return {name: value for name, value in found.items() if value is not None}

    def url(self, **changes: str | None) -> str:
        request = requests.Request("GET", self.service.url + "/oauth/authorize", params=self.parameters(**changes))
        return str(request.prepare().url)

    def exchange(self, code: str, /, **changes: str | None) -> requests.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "client_id": self.client_id,
            "code_verifier": self.verifier,
            **changes,
        }
        return self.service.post("/oauth/token", {name: value for name, value in form.items() if value is not None})

    def refresh(self, refresh_token: str, **changes: str) -> requests.Response:
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": self.client_id, **changes}
        return self.service.post("/oauth/token", form)

    def tokens(self, browser: Browser, **changes: str | None) -> dict[str, Any]:
        """Sign ada in and return the answer of the token endpoint."""
        answer = self.exchange(browser.through(self.url(**changes))["code"])
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
def program(service: Service) -> Program:
    return Program(service)


@pytest.fixture
def installed(service: Service) -> Program:
    """The program with a secret, that does without PKCE."""
    return Program(service, INSTALLED, "http://localhost:8080/")
