"""An auth service over real HTTP, and people to ask it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import requests

from hca_core.openapi.document import bundled
from hca_core.openapi.parse import parse
from hca_local.auth.app import AuthApp
from hca_local.listener import Listener
from hca_local.problem import Problem
from hca_local.router import KnowsUsers
from hca_local.users import User

NOW = datetime(2024, 5, 1, 12, 5, 0, tzinfo=timezone.utc)
DOCUMENT = bundled("hca_auth:data/auth-api.json")
API = parse(DOCUMENT)
ADA = "ada@lab.example"


class People:
    """Tokens are names at lab.example, of whom `boss` is an administrator elsewhere, or have something wrong."""

    def from_token(self, token: str) -> User | None:
        if token == "no-email":
            raise Problem(403, "Forbidden", "The token names no e-mail address.")
        if token == "unknown-key":
            return None
        email = bytes.fromhex(token[4:]).decode() if token.startswith("hex-") else f"{token}@lab.example"
        return User(email, "hca", admin=token == "boss")


class Switch:
    """A WSGI application that can be another one for each test."""

    app: Callable[..., Iterable[bytes]]

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        return self.app(environ, start_response)


@dataclass
class Auth:
    """A service, whose time is `moment`, and a client of it."""

    switch: Switch
    url: str
    folder: Path
    admins: tuple[str, ...] = (ADA,)
    moment: datetime = NOW
    session: requests.Session = field(default_factory=requests.Session)

    def open(self, users: KnowsUsers | None = None) -> None:
        self.app = AuthApp(
            API,
            DOCUMENT,
            root=self.folder,
            public_url=self.url,
            users=users or People(),
            admins=self.admins,
            now=lambda: self.moment,
        )
        self.switch.app = self.app

    def reopen(self) -> None:
        self.app.close()
        self.open()

    def send(self, method: str, path: str, *, user: str | None = "ada", body: Any = None, **query: Any) -> Any:
        return self.session.request(
            method,
            path if path.startswith("http") else f"{self.url}{path}",
            params=query or None,
            json=body,
            headers={"Authorization": f"Bearer {user}"} if user else {},
            timeout=10,
        )

    def get(self, path: str, **more: Any) -> Any:
        """What a GET answers, which has to work."""
        answer = self.send("GET", path, **more)
        assert answer.status_code in (200, 206), answer.text
        return answer.json()

    def create(self, kind: str, id: str, **more: Any) -> None:
        body = {f"{kind}_id": id, **({"policy": self.policy()} if kind == "role" else {}), **more}
        answer = self.send("POST", f"/v1/{kind}", body=body)
        assert answer.status_code == 201, answer.text

    def evaluate(self, principal: str, action: Any, resource: Any) -> Any:
        body = {"principal": principal, "action": _listed(action), "resource": _listed(resource)}
        answer = self.send("POST", "/v1/policies/evaluate", body=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def allows(self, principal: str, action: Any, resource: Any) -> bool:
        result = self.evaluate(principal, action, resource)["result"]
        assert isinstance(result, bool)
        return result

    @staticmethod
    def policy(action: Any = "slides:GetImage", resource: Any = "arn:hca:slides:local:*:image/*", **more: Any) -> Any:
        return {"Statement": [{"Effect": "Allow", "Action": action, "Resource": resource, **more}]}

    @staticmethod
    def refused(answer: Any) -> tuple[int, str]:
        """Status and title of an error, after a look at its form."""
        document = answer.json()
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert document.keys() == {"type", "title", "status", "detail"}
        assert (document["type"], document["status"]) == ("about:blank", answer.status_code)
        return answer.status_code, document["title"]


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else value


@pytest.fixture(scope="session")
def port() -> Iterator[tuple[Switch, str]]:
    with Listener() as listener:
        switch = Switch()
        listener.serve(switch, max_body=2**30)
        yield switch, f"http://127.0.0.1:{listener.port}"


@pytest.fixture
def auth(tmp_path: Path, port: tuple[Switch, str]) -> Iterator[Auth]:
    service = Auth(*port, tmp_path / "auth")
    service.open()
    yield service
    service.session.close()
    service.app.close()
