"""The auth service, behind the provider that it shares an address with, answers as its description says."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("schemathesis")  # which needs a newer Python than we do
from conformance import SETTINGS, Record, Served, check, described

from hca_local.auth.app import AuthApp
from hca_local.oidc.clients import INSTALLED, OLD_REDIRECT_URI
from hca_local.oidc.passwords import Cost
from hca_local.oidc.provider import Provider
from hca_local.oidc.store import Store

from .conftest import ADA, Auth, Switch

API = described("hca_auth:data/auth-api.json")
CHEAP = Cost(n=2, r=1, p=1)
SCOPE = "openid email offline_access"
SIGN_INS = 4


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, port: tuple[Switch, str]) -> Path:
    """What both keep, for a service with one of everything and long lists of it: making that takes a while."""
    folder = tmp_path_factory.mktemp("template")
    auth = Auth(*port, folder / "auth")
    auth.open()
    fill(auth)
    auth.app.close()
    auth.session.close()
    with closing(Store(folder / "oidc", cost=CHEAP)) as store:
        store.keys.current()
        store.accounts.add(ADA, "correct horse battery")
    return folder


@pytest.fixture
def served(template: Path, port: tuple[Switch, str], tmp_path: Path) -> Iterator[Served]:
    """The service and the provider at one address, for an administrator."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    auth = Auth(*port, tmp_path / "auth")
    provider = Provider(tmp_path / "oidc", issuer=auth.url, app_metadata=lambda one: auth.app.authorization(one))
    with closing(provider):
        auth.open(provider)
        auth.switch.app = together(provider, auth.app)
        known = {"v1": names(), "oauth": sign_ins(tmp_path / "oidc", provider)}
        known["login"] = known["logout"] = known["oauth"]
        with closing(auth.app), auth.session as session:
            yield Served(auth.url, {"Authorization": f"Bearer {provider.mint(ADA)}"}, known, session=session)


def together(provider: Provider, service: AuthApp) -> Callable[..., Iterable[bytes]]:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        return (provider if provider.handles(environ["PATH_INFO"]) else service)(environ, start_response)

    return app


def fill(auth: Auth) -> None:
    for number in range(20):
        auth.create("role", f"r{number}")
        auth.create("group", f"g{number}")
    auth.create("group", "full", roles=[f"r{number}" for number in range(20)])
    for number in range(20):
        auth.create("user", f"u{number}@lab.example", groups=["full", "g1"], roles=["r1"])
    auth.create("user", "full@lab.example", groups=[f"g{n}" for n in range(8)], roles=[f"r{n}" for n in range(20)])


def names() -> list[Record]:
    return [
        name("u1@lab.example", "full", "r1", before="g"),
        name("u2@lab.example", "g1", "r2", before="u1@lab.example"),
        name("full@lab.example", "g9", "r19", before=""),
    ]


def name(user: str, group: str, role: str, *, before: str) -> Record:
    policy = Auth.policy("slides:GetImage", Condition={"StringLike": {"k": "v*"}})
    lists = {"users": [user], "groups": [group], "roles": [role], "policy": policy}
    asked = {"principal": user, "action": ["slides:GetImage"], "resource": ["arn:hca:slides:local:*:image/1"]}
    token = base64.urlsafe_b64encode(before.encode()).decode()
    return {"user_id": user, "group_id": group, "role_id": role, "next_token": token, **lists, **asked}


def sign_ins(folder: Path, provider: Provider) -> list[Record]:
    """What a program says about itself, each time with a code and a token that were not used yet."""
    secret = provider.application_secrets()["installed"]["client_secret"]
    program = {"client_id": INSTALLED, "client_secret": secret, "redirect_uri": OLD_REDIRECT_URI}
    asked = {**program, "response_type": "code", "scope": SCOPE}
    with closing(Store(folder, cost=CHEAP)) as store:
        return [{**asked, **sign_in(store)} for _ in range(SIGN_INS)]


def sign_in(store: Store) -> Record:
    redeemed = store.families.redeem(code(store), INSTALLED)
    assert redeemed is not None
    token = store.families.issue(redeemed)
    return {"code": code(store), "token": token, "refresh_token": token}


def code(store: Store) -> str:
    account = store.accounts.get(ADA)
    assert account is not None
    asked: dict[str, Any] = {"scope": SCOPE, "redirect_uri": OLD_REDIRECT_URI, "challenge": None, "nonce": None}
    return store.families.start(account.id, INSTALLED, signed_in=account.created, **asked)


@API.parametrize()
@SETTINGS
def test_answers_are_as_described(case: Any, served: Served) -> None:
    check(case, served)
