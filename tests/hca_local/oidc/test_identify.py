"""Whose a token is, and every token that is nobody's."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from hca_core.credentials import service_account
from hca_core.credentials.claims import EMAIL_CLAIM
from hca_local.oidc.clients import PUBLIC
from hca_local.oidc.store import Store
from hca_local.problem import Problem
from hca_local.users import OWNER, User, Users, to_record

from .conftest import AUDIENCE, CHEAP, Browser, Program, Service

ADA = User("ada@lab.example", "hca")
ROBOT = "robot@local.iam.gserviceaccount.com"


@pytest.fixture
def token(service: Service) -> str:
    return service.provider.mint("ada@lab.example")


def claims_of(token: str) -> dict[str, Any]:
    return part_of(token, 1)


def part_of(token: str, number: int) -> dict[str, Any]:
    text = token.split(".")[number]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return found


def text_of(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def refused(service: Service, token: str) -> tuple[int, str]:
    with pytest.raises(Problem) as caught:
        service.provider.from_token(token)
    return caught.value.status, caught.value.title


@pytest.fixture
def key(service: Service) -> RSAKey:
    """The key with which the provider signs, as nobody else has it."""
    store = Store(service.folder, now=service.clock.now, cost=CHEAP)
    found = store.keys.current()
    store.close()
    return found


def signed(key: RSAKey, claims: dict[str, Any], **header: Any) -> str:
    return jwt.encode({"alg": "RS256", "kid": key.kid, **header}, claims, key, ["RS256"])


def test_a_token_of_an_account(service: Service, token: str) -> None:
    assert service.provider.from_token(token) == ADA
    assert service.provider.from_token(service.provider.mint("root@lab.example")) == User(
        "root@lab.example", "hca", True
    )
    assert service.provider.from_token(service.provider.mint("bob@lab.example")) == User("bob@lab.example", "public")


def test_what_is_in_a_token(service: Service, token: str) -> None:
    now = int(service.clock.now())
    found = claims_of(token)
    assert found["iss"] == service.url
    assert AUDIENCE in found["aud"]
    assert (found["iat"], found["exp"]) == (now, now + 3600)
    assert found["email"] == found[EMAIL_CLAIM] == "ada@lab.example"
    assert found["https://auth.data.humancellatlas.org/group"] == "hca"
    assert found["scope"] == "openid email"
    header = part_of(token, 0)
    (public,) = service.get("/.well-known/jwks.json").json()["keys"]
    assert header == {"typ": "JWT", "alg": "RS256", "kid": public["kid"]}


def test_what_is_in_the_tokens_of_a_sign_in(service: Service, browser: Browser, program: Program) -> None:
    tokens = program.tokens(browser, nonce="n-1")
    access, identity = claims_of(tokens["access_token"]), claims_of(tokens["id_token"])
    assert access["aud"] == [AUDIENCE, program.client_id]
    assert access["scope"] == program.scope
    assert access["sub"] == identity["sub"]
    assert (identity["aud"], identity["nonce"]) == (program.client_id, "n-1")
    assert identity["auth_time"] == int(service.clock.now())
    half = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
    assert identity["at_hash"] == text_of(half)
    assert "nonce" not in claims_of(program.tokens(browser)["id_token"])


def test_other_kinds_of_tokens_are_left_to_others(service: Service) -> None:
    for token in ("hca-local-secret", "", "a.b", "a.b.c.d", "\ud800"):
        assert service.provider.from_token(token) is None


@pytest.mark.parametrize(
    "token",
    [
        "a.b.c",
        "..",
        "\u00fc.\u00fc.\u00fc",
        f"{text_of([])}.{text_of({})}.x",
        f"{text_of({})}.{text_of({})}.x",
        f"{text_of({'alg': 'RS256'})}.{text_of([1])}.x",
        f"{text_of({'alg': 'RS256'})}.{text_of({'iss': chr(0xD800)})}.x",
        f"{text_of({'alg': 'RS256', 'kid': chr(0xD800)})}.{text_of({})}.x",
        f"{text_of({'alg': 'RS256'})}.{text_of(b'{')}.x",
        f"{text_of({'alg': 'RS256'})}.{text_of(b'[' * 9000)}.x",
        f"{text_of({'alg': 'RS256'})}.{text_of({'a': 'b' * 20000})}.x",
    ],
)
def test_what_cannot_be_decoded(service: Service, token: str) -> None:
    assert refused(service, token) == (401, "The token cannot be decoded.")


def test_an_expired_token(service: Service, token: str) -> None:
    service.clock.advance(3600 + 59)
    assert service.provider.from_token(token) == ADA
    service.clock.advance(2)
    assert refused(service, token) == (401, "The token has expired.")


def test_a_token_that_is_not_good_yet(service: Service, token: str, key: RSAKey) -> None:
    now = int(service.clock.now())
    assert service.provider.from_token(signed(key, {**claims_of(token), "nbf": now + 60})) == ADA
    assert refused(service, signed(key, {**claims_of(token), "nbf": now + 61}))[0] == 401


@pytest.mark.parametrize("value", ["x", None, True, float("nan"), float("inf"), [1], {}])
def test_an_expiry_that_is_no_time(service: Service, token: str, key: RSAKey, value: Any) -> None:
    assert refused(service, signed(key, {**claims_of(token), "exp": value}))[0] == 401


@pytest.mark.parametrize("name", ["exp", "aud", "sub"])
def test_a_claim_that_is_missing(service: Service, token: str, key: RSAKey, name: str) -> None:
    claims = claims_of(token)
    del claims[name]
    assert refused(service, signed(key, claims))[0] == 401


@pytest.mark.parametrize("audience", ["https://other.example/", [], [AUDIENCE + "x"], {AUDIENCE: 1}, [[AUDIENCE]], 7])
def test_a_token_for_others(service: Service, token: str, key: RSAKey, audience: Any) -> None:
    assert refused(service, signed(key, {**claims_of(token), "aud": audience}))[0] == 401


def test_an_audience_may_be_one_text(service: Service, token: str, key: RSAKey) -> None:
    assert service.provider.from_token(signed(key, {**claims_of(token), "aud": AUDIENCE})) == ADA


def test_an_identity_token_gives_no_access(service: Service, browser: Browser, program: Program) -> None:
    assert refused(service, program.tokens(browser)["id_token"])[0] == 401


@pytest.mark.parametrize("issuer", ["https://humancellatlas.auth0.com/", None, 7, [], "x/", "", ROBOT])
def test_an_issuer_that_is_not_trusted(service: Service, token: str, key: RSAKey, issuer: Any) -> None:
    status, title = refused(service, signed(key, {**claims_of(token), "iss": issuer}))
    assert status == 403
    assert "not trusted" in title


def test_a_token_signed_by_somebody_else(service: Service, token: str, key: RSAKey) -> None:
    other = RSAKey.generate_key(2048)
    claims = claims_of(token)
    assert refused(service, signed(other, claims, kid="unknown")) == (401, "The token is signed with an unknown key.")
    assert refused(service, signed(other, claims, kid=key.kid)) == (401, "The signature of the token is wrong.")
    assert refused(service, jwt.encode({"alg": "RS256"}, claims, other, ["RS256"]))[0] == 401
    own = {"jwk": other.as_dict(private=False), "jku": "http://evil.example/", "x5u": "http://evil.example/"}
    assert refused(service, signed(other, claims, kid=key.kid, jku=own["jku"]))[0] == 401
    assert refused(service, signed(other, claims, kid=key.kid, jwk=own["jwk"]))[0] == 401


@pytest.mark.parametrize("kid", [None, 7, ["a"], {}])
def test_a_key_id_that_is_none(service: Service, token: str, kid: Any) -> None:
    _, claims, signature = token.split(".")
    header = text_of({"alg": "RS256", "kid": kid})
    assert refused(service, f"{header}.{claims}.{signature}")[0] == 401


def test_other_algorithms(service: Service, token: str, key: RSAKey) -> None:
    header, claims, signature = token.split(".")
    for name in ("none", "None", "NONE"):
        unsigned = text_of({"alg": name, "kid": key.kid})
        assert refused(service, f"{unsigned}.{claims}.")[0] == 401
        assert refused(service, f"{unsigned}.{claims}.{signature}")[0] == 401
    shared = text_of({"alg": "HS256", "kid": key.kid})
    mac = hmac.new(key.as_pem(private=False), f"{shared}.{claims}".encode(), "sha256").digest()
    assert refused(service, f"{shared}.{claims}.{text_of(mac)}")[0] == 401
    for name in ("RS384", "PS256"):
        strange = jwt.encode(
            {"alg": name, "kid": key.kid}, claims_of(token), RSAKey.import_key(key.as_pem(True)), [name]
        )
        assert refused(service, strange)[0] == 401
    assert refused(service, f"{header}.{claims}.")[0] == 401


def test_a_token_that_was_changed(service: Service, token: str) -> None:
    header, _, signature = token.split(".")
    changed = {**claims_of(token), EMAIL_CLAIM: "root@lab.example", "email": "root@lab.example"}
    assert refused(service, f"{header}.{text_of(changed)}.{signature}")[0] == 401


def test_a_critical_header_that_nobody_knows(service: Service, token: str, key: RSAKey) -> None:
    _, claims, signature = token.split(".")
    header = text_of({"alg": "RS256", "kid": key.kid, "crit": ["exp2"], "exp2": 1})
    assert refused(service, f"{header}.{claims}.{signature}")[0] == 401


def test_accounts_that_are_shut_out_or_gone(service: Service, token: str) -> None:
    accounts = service.provider.accounts
    accounts.set_disabled("ada@lab.example", True)
    assert refused(service, token) == (403, "The account ada@lab.example is disabled.")
    accounts.set_disabled("ada@lab.example", False)
    assert service.provider.from_token(token) == ADA
    accounts.remove("ada@lab.example")
    assert refused(service, token)[0] == 401
    accounts.add("ada@lab.example", "another password", admin=True)
    assert refused(service, token)[0] == 401


def test_who_is_disabled_elsewhere_is_refused_here(
    service: Service, token: str, robot: service_account.Account
) -> None:
    for person, found in (
        ("ada@lab.example", token),
        (ROBOT, service_account.sign(robot, AUDIENCE, service.clock.now()).token),
    ):
        service.restart(is_enabled=lambda email, person=person: email != person)
        assert service.provider.from_token(service.provider.mint("bob@lab.example")) is not None
        assert (person, *refused(service, found)) == (person, 403, f"{person} is disabled.")
        assert service.userinfo(found).status_code == 403


def test_the_token_of_the_owner(service: Service) -> None:
    service.restart(users=Users.from_records([to_record(OWNER, "0wn3r")]))
    assert service.provider.from_token("0wn3r") == OWNER
    assert service.provider.from_token("0wn3r2") is None
    found = service.userinfo("0wn3r").json()
    assert (found["sub"], found["email"]) == (OWNER.email, OWNER.email)
    service.post("/oauth/revoke", {"client_id": PUBLIC, "token": "0wn3r"})
    assert service.provider.from_token("0wn3r") == OWNER


def test_another_provider_on_the_same_accounts(service: Service, token: str) -> None:
    service.restart(issuer="http://127.0.0.1:1")
    assert refused(service, token)[0] == 403
    service.restart(audience="https://other.example/")
    assert refused(service, token)[0] == 401
    service.restart()
    assert service.provider.from_token(token) == ADA


def test_another_stack_has_other_keys(service: Service, token: str, tmp_path: Path) -> None:
    service.provider.close()
    shutil.rmtree(service.folder)
    service.open()
    service.provider.accounts.add("ada@lab.example", "another password")
    assert refused(service, token) == (401, "The token is signed with an unknown key.")


@pytest.fixture
def robot(service: Service, tmp_path: Path) -> service_account.Account:
    """A service account as hca's own client reads its key."""
    file = tmp_path / "key.json"
    content = service.provider.service_accounts.create("robot", token_uri=service.url + "/oauth/token")
    file.touch(mode=0o600)
    file.write_text(json.dumps(content))
    return service_account.read(file)


def sign(robot: service_account.Account, claims: dict[str, Any], **header: Any) -> str:
    key = RSAKey.import_key(robot.key)
    return jwt.encode({"alg": "RS256", "kid": robot.key_id, **header}, claims, key, ["RS256"])


def test_a_service_account_signs_its_own_tokens(service: Service, robot: service_account.Account) -> None:
    token = service_account.sign(robot, AUDIENCE, service.clock.now()).token
    assert service.provider.from_token(token) == User(ROBOT, "hca")
    assert service.userinfo(token).json()["sub"] == ROBOT
    service.provider.service_accounts.remove("robot")
    assert refused(service, token)[0] == 403


def test_the_group_of_a_service_account_is_not_its_own_choice(service: Service, tmp_path: Path) -> None:
    content = service.provider.service_accounts.create("reader", token_uri="http://x/", group="public", admin=True)
    account = service_account.Account(
        content["client_email"], content["private_key_id"], RSAKey.import_key(content["private_key"]).private_key
    )  # type: ignore[arg-type]
    token = service_account.sign(account, AUDIENCE, service.clock.now()).token
    assert claims_of(token)["https://auth.data.humancellatlas.org/group"] == "hca"
    assert service.provider.from_token(token) == User(content["client_email"], "public", admin=True)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"sub": "ada@lab.example"}, 403),
        ({EMAIL_CLAIM: "root@lab.example"}, 403),
        ({EMAIL_CLAIM: None, "email": "root@lab.example"}, 403),
        ({EMAIL_CLAIM: None, "email": None}, 403),
        ({EMAIL_CLAIM: ["x"]}, 403),
        ({"iss": "robot@real.iam.gserviceaccount.com"}, 403),
        ({"aud": "https://other.example/"}, 401),
    ],
)
def test_a_service_account_speaks_only_for_itself(
    service: Service, robot: service_account.Account, changes: dict[str, Any], status: int
) -> None:
    claims = claims_of(service_account.sign(robot, AUDIENCE, service.clock.now()).token)
    changed = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    assert refused(service, sign(robot, changed))[0] == status


def test_a_service_account_names_its_key(service: Service, robot: service_account.Account) -> None:
    claims = claims_of(service_account.sign(robot, AUDIENCE, service.clock.now()).token)
    assert service.provider.from_token(sign(robot, claims)) is not None
    assert refused(service, sign(robot, claims, kid="another"))[0] == 401
    service.provider.service_accounts.remove("robot")
    service.provider.service_accounts.create("robot", token_uri="x")
    assert refused(service, sign(robot, claims)) == (401, "The token is signed with an unknown key.")


def test_a_service_account_cannot_be_the_provider(service: Service, robot: service_account.Account, token: str) -> None:
    assert refused(service, sign(robot, claims_of(token)))[0] == 401


def test_the_provider_cannot_be_a_service_account(
    service: Service, robot: service_account.Account, key: RSAKey
) -> None:
    claims = claims_of(service_account.sign(robot, AUDIENCE, service.clock.now()).token)
    assert refused(service, signed(key, claims))[0] == 401


def test_a_service_account_signs_for_an_hour(service: Service, robot: service_account.Account) -> None:
    now = int(service.clock.now())
    claims = claims_of(service_account.sign(robot, AUDIENCE, now).token)
    assert service.provider.from_token(sign(robot, {**claims, "exp": now + 3660})) is not None
    assert refused(service, sign(robot, {**claims, "exp": now + 3661})) == (
        401,
        "A token that a service account signs may last no longer than an hour.",
    )
