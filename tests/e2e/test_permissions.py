"""Who may do what in a local stack: all kinds of users try the same things, and bad tokens are refused."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from hca_core.testing import Result, run

from .conftest import Stack, add_account

FILE = "66666666-7777-4888-8999-aaaaaaaaaaaa"
AUDIENCE = "https://dev.data.humancellatlas.org/"
VERSION = "2026-01-01T000000.000000Z"
ROBOT = "robot@local.iam.gserviceaccount.com"
STRANGER_KEY = RSAKey.generate_key(2048, {"use": "sig"})


@dataclass(frozen=True)
class World:
    """A stack with something in it; `people` are the variables that make `hca` act as somebody."""

    stack: Stack
    people: Mapping[str, Mapping[str, str]]
    bundle: str
    source_url: str
    key: Mapping[str, str]

    def try_to(self, do: str, who: str | Mapping[str, str]) -> Result:
        """Run `hca` as somebody."""
        words = {
            "put-file": ["--uuid", FILE, "--creator-uid", "1", "--version", VERSION, "--source-url", self.source_url],
            "put-subscription": ["--replica", "aws", "--callback-url", "https://lab.example/hook"],
            "delete-bundle": ["--uuid", self.bundle, "--replica", "aws", "--reason", "test"],
            "get-collections": [],
            "get-v1-users": [],
        }
        service = "auth" if do == "get-v1-users" else "dss"
        person = self.people[who] if isinstance(who, str) else who
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {"HCA_CONFIG_FILE": self.stack.environ["HCA_CONFIG_FILE"], **person}.items():
                patch.setenv(name, value)
            return run(service, do, *words[do])


@pytest.fixture(scope="module")
def world(login_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("world")
    key_file = folder / "robot.json"
    stack = login_stack
    stack.hca("local", "service-account", "create", "robot", "--output-file", str(key_file))
    add_account(stack, "ada@hca.example")
    add_account(stack, "paul@public.example", "--group", "public")
    add_account(stack, "guy@guests.example", "--group", "guests")
    add_account(stack, "root@hca.example", "--admin")
    add_account(stack, "dora@hca.example", "--admin")
    people = {
        name: {"HCA_TOKEN": stack.hca("local", "token", email).stdout.strip()}
        for name, email in {
            "hca": "ada@hca.example",
            "public": "paul@public.example",
            "guest": "guy@guests.example",
            "admin": "root@hca.example",
            "disabled": "dora@hca.example",
        }.items()
    }
    stack.hca("local", "user", "disable", "dora@hca.example")
    people |= {"service account": {"GOOGLE_APPLICATION_CREDENTIALS": str(key_file)}, "nobody": {}}
    made = upload(stack, people["hca"], folder / "bundle")
    return World(stack, people, made["bundle_uuid"], staged(stack), json.loads(key_file.read_text()))


def upload(stack: Stack, person: Mapping[str, str], folder: Path) -> dict[str, Any]:
    folder.mkdir()
    (folder / "project_0.json").write_text('{"describedBy": "https://example.org/type/project/1.0.0/project"}')
    words = ("dss", "upload", "--src-dir", str(folder), "--replica", "aws", "--staging-bucket", "staging")
    made: dict[str, Any] = json.loads(Stack(stack.root, {**stack.environ, **person}).hca(*words).stdout)
    return made


def staged(stack: Stack) -> str:
    """Return the address of the object that an upload has left in the staging bucket."""
    import boto3

    keys = Path(stack.environ["AWS_SHARED_CREDENTIALS_FILE"]).read_text().split()
    key_id, secret = (keys[keys.index(name) + 2] for name in ("aws_access_key_id", "aws_secret_access_key"))
    s3 = boto3.client(
        "s3",
        endpoint_url=stack.facts["s3_url"],
        region_name="us-east-1",
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
    )
    (found,) = s3.list_objects_v2(Bucket="staging")["Contents"]
    return f"s3://staging/{found['Key']}"


NO_TOKEN = "needs a login, and no token was found"
MAY_NOT = {
    "put-file": "{} may not use put_file.",
    "put-subscription": "{} may not use put_subscription.",
    "delete-bundle": "{} may not use delete_bundle.",
    "get-collections": "{} may not use get_collections.",
    "get-v1-users": "{} may not fus:GetUser on arn:hca:fus:*:*:user",
}
MAY = {
    "nobody": set(),
    "disabled": set(),
    "guest": set(),
    "public": {"put-subscription"},
    "hca": {"put-file", "put-subscription", "get-collections"},
    "service account": {"put-file", "put-subscription", "get-collections"},
    "admin": set(MAY_NOT),
}
EMAILS = {
    "guest": "guy@guests.example",
    "public": "paul@public.example",
    "hca": "ada@hca.example",
    "service account": ROBOT,
}


def refusal(who: str, do: str) -> str:
    if who == "nobody":
        return NO_TOKEN
    if who == "disabled":
        return "The account dora@hca.example is disabled."
    return MAY_NOT[do].format(EMAILS[who])


@pytest.mark.parametrize("do", MAY_NOT)
@pytest.mark.parametrize("who", MAY)
def test_who_may_do_what(world: World, who: str, do: str) -> None:
    ended = world.try_to(do, who)
    if do in MAY[who]:
        assert (ended.code, ended.stderr) == (0, "")
    else:
        assert (ended.code, ended.stdout) == (5, "")
        assert refusal(who, do) in ended.stderr


# tokens that somebody made up

NOW = int(time.time())
GOOD: dict[str, Any] = {"iss": ROBOT, "sub": ROBOT, "email": ROBOT, "aud": AUDIENCE, "iat": NOW, "exp": NOW + 1800}


def signed(key: Mapping[str, str], kid: str | None = None, by: RSAKey | None = None, **claims: Any) -> str:
    """Return a token of the service account; `claims` change what it says."""
    header = {"alg": "RS256", "kid": kid or key["private_key_id"]}
    return jwt.encode(header, {**GOOD, **claims}, by or RSAKey.import_key(key["private_key"]))


def test_a_token_need_not_be_signed_by_hca(world: World) -> None:
    assert world.try_to("get-collections", {"HCA_TOKEN": signed(world.key)}).code == 0


@pytest.mark.parametrize("do", ["get-collections", "get-v1-users"])
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"exp": NOW - 120}, "The token has expired."),
        ({"exp": NOW + 100_000}, "may last no longer than an hour"),
        ({"exp": None}, "The token is not valid here"),
        ({"aud": "https://elsewhere.example/"}, "The token is not valid here"),
        ({"aud": None}, "The token is not valid here"),
        ({"iss": "https://elsewhere.example/"}, "The issuer of this token is not trusted here"),
        ({"iss": None}, "The issuer of this token is not trusted here"),
        ({"email": "root@hca.example"}, "A service account can sign tokens only for itself."),
        ({"sub": "root@hca.example"}, "A service account can sign tokens only for itself."),
        ({"by": STRANGER_KEY}, "The signature of the token is wrong."),
        ({"kid": "another"}, "The token is signed with an unknown key."),
    ],
)
def test_tokens_that_are_no_good(world: World, changes: dict[str, Any], words: str, do: str) -> None:
    refused = world.try_to(do, {"HCA_TOKEN": signed(world.key, **changes)})
    assert (refused.code, refused.stdout) == (5, "")
    assert words in refused.stderr


def test_a_token_that_nobody_signed(world: World) -> None:
    header, claims, _ = signed(world.key).split(".")
    none = base64.urlsafe_b64encode(b'{"alg": "none"}').decode().rstrip("=")
    for token in (f"{none}.{claims}.", f"{header}.{claims}.", f"{header}.{claims}.AAAA", "owner@localhost"):
        assert world.try_to("get-collections", {"HCA_TOKEN": token}).code == 5, token


def test_a_token_of_another_stack(world: World, tmp_path: Path) -> None:
    """With its own keys, and its own people of the same names."""
    from hca_local.oidc.provider import Provider

    other = Provider(tmp_path, issuer=world.stack.facts["auth_url"], app_metadata=lambda email: {})
    other.accounts.add("root@hca.example", "correct horse battery", admin=True)
    refused = world.try_to("get-collections", {"HCA_TOKEN": other.mint("root@hca.example")})
    other.close()
    assert refused.code == 5
    assert "The token is signed with an unknown key." in refused.stderr
