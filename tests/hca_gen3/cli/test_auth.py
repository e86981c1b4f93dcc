import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_fence import FakeFence

from hca_core.testing import Answer, Result

Run = Callable[..., Result]


@pytest.fixture
def fence() -> Iterator[FakeFence]:
    with FakeFence() as running:
        yield running


@pytest.fixture
def key(fence: FakeFence, home: Path) -> str:
    return fence.save_key(home / ".gen3" / "credentials.json")


@pytest.mark.parametrize("words", [(), ("status",)])
def test_status_says_who_one_is_and_never_the_token(
    hca: Run, fence: FakeFence, key: str, home: Path, words: tuple[str, ...]
) -> None:
    shown = hca("gen3", "auth", *words)
    assert shown.code == 0
    found = shown.json
    assert found.pop("expires_at").endswith("Z")
    assert found == {
        "endpoint": fence.url,
        "source": str(home / ".gen3" / "credentials.json"),
        "user": "ada",
        "email": "ada@example.org",
        "project_access": {"demo": ["read", "create", "update"]},
        "resources": ["/programs/demo"],
        "authz": {"/programs/demo": [{"method": "read", "service": "*"}]},
    }
    secrets = {key, *fence.tokens}
    assert not any(secret in shown.stdout + shown.stderr for secret in secrets)


def test_the_options_name_a_commons_and_a_key(hca: Run, fence: FakeFence, key: str, home: Path) -> None:
    with FakeFence() as other:
        other.save_key(home / "other.json")
        other.save_key(home / ".gen3" / "third.json")
        other.partners["here"] = fence
        assert hca("gen3", "auth", "--key-file", "other.json").json["endpoint"] == other.url
        assert hca("gen3", "auth", "status", "--key-file", "third").json["endpoint"] == other.url
        by_way = hca("gen3", "auth", "--key-file", "third", "--endpoint", f"{fence.url}/").json
        assert (by_way["endpoint"], by_way["user"]) == (fence.url, "ada")


def test_settings_name_a_commons_and_a_key(hca: Run, fence: FakeFence, home: Path) -> None:
    fence.save_key(home / "other.json")
    hca("config", "set", "gen3.key_file", str(home / "other.json"))
    hca("config", "set", "gen3.endpoint", fence.url)
    assert hca("gen3", "auth").json["source"] == str(home / "other.json")


def test_a_client_secret_is_masked(hca: Run) -> None:
    hca("config", "set", "gen3.client_secret", "s3cret")
    assert "s3cret" not in hca("config", "list").stdout


def test_the_token_of_the_environment_comes_first(
    hca: Run, fence: FakeFence, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HCA_TOKEN", "for another service")
    assert hca("gen3", "auth").json["source"].endswith("credentials.json")
    hca("config", "set", "gen3.endpoint", fence.url)
    for name in ("HCA_TOKEN", "HCA_GEN3_TOKEN"):
        token = fence.new_token()
        monkeypatch.setenv(name, token)
        assert hca("gen3", "auth", "token").stdout == f"{token}\n"
        assert hca("gen3", "auth").json["source"] == name
    fence.tokens.clear()
    refused = hca("gen3", "auth")
    assert refused.code == 5
    assert f"{fence.url} refused the token from HCA_GEN3_TOKEN." in refused.stderr


def test_token_prints_a_token_that_is_good(hca: Run, fence: FakeFence, key: str, home: Path) -> None:
    token = hca("gen3", "auth", "token").stdout.strip()
    assert token in fence.tokens
    assert hca("gen3", "auth", "token").stdout.strip() == token
    fence.lifetime = 60
    (home / ".cache" / "hca" / "gen3-tokens.json").unlink()
    hca("gen3", "auth", "token")
    fence.lifetime = 3600
    assert hca("gen3", "auth", "token").stdout.strip() != token


def test_without_credentials_the_advice_is_how_to_get_some(hca: Run) -> None:
    shown = hca("gen3", "auth")
    assert shown.code == 5
    assert "There is no Gen3 API key, and this is no Gen3 workspace." in shown.stderr
    assert "~/.gen3/credentials.json" in shown.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--key-file", "nowhere"), 3, "There is no Gen3 key file nowhere."),
        (("--endpoint", "http://commons.example.org"), 2, "cannot be the address of a Gen3 commons"),
        (("--endpoint", "https://a.example.org", "--key-file", "idp://wts/b"), 2, "says which commons is meant"),
        (("nonsense",), 2, "No such command 'nonsense'"),
        (("--nonsense",), 2, "No such option"),
    ],
)
def test_mistakes(hca: Run, words: tuple[str, ...], code: int, said: str) -> None:
    shown = hca("gen3", "auth", *words)
    assert (shown.code, shown.stdout) == (code, "")
    assert said in shown.stderr


def test_help_shows_the_commands(hca: Run) -> None:
    shown = hca("gen3", "auth", "--help")
    assert shown.code == 0
    assert all(name in shown.stdout for name in ("status", "token", "curl"))
    assert "--endpoint" in hca("gen3", "auth", "status", "--help").stdout


def test_curl_prints_what_the_commons_answers(hca: Run, fence: FakeFence, key: str, home: Path) -> None:
    assert hca("gen3", "auth", "curl", "/user/user").json["username"] == "ada"
    fence.on("GET", "/text", Answer(200, b"two\nlines\x1b[2J", {"Content-Type": "text/plain"}))
    assert hca("gen3", "auth", "curl", "text").stdout == "two\nlines\\x1b[2J\n"
    fence.on("GET", "/deep", Answer(200, b"[" * 100_000))
    assert hca("gen3", "auth", "curl", "/deep").stdout.startswith("[[[")
    fence.on("PUT", "/echo", lambda request: Answer(200, request.body))
    (home / "data.json").write_text('{"b": 2}')
    assert hca("gen3", "auth", "curl", "/echo", "-X", "put", "-d", '{"a": 1}').json == {"a": 1}
    assert hca("gen3", "auth", "curl", "/echo", "-X", "PUT", "-d", "@data.json").json == {"b": 2}
    assert hca("gen3", "auth", "curl", "/echo", "-X", "PUT", "-d", "-", stdin=json.dumps([3])).json == [3]


def test_curl_ends_with_the_code_of_the_refusal(hca: Run, fence: FakeFence, key: str) -> None:
    assert hca("gen3", "auth", "curl", "/nothing").code == 7
    assert hca("gen3", "auth", "curl", "/x", "-d", "{").code == 2
    fence.on("GET", "/forbidden", Answer.json({"message": "user is unauthorized"}, 403))
    forbidden = hca("gen3", "auth", "curl", "/forbidden")
    assert forbidden.code == 5
    assert "user is unauthorized" in forbidden.stderr


def test_a_commons_that_says_nonsense_about_its_user(hca: Run, fence: FakeFence, key: str) -> None:
    fence.on("GET", "/user/user", Answer(200, b"<html></html>", {"Content-Type": "text/html"}), Answer.json([1]))
    for _ in range(2):
        shown = hca("gen3", "auth")
        assert shown.code == 0
        assert shown.json["user"] is None


def test_a_key_that_is_refused(hca: Run, fence: FakeFence, key: str) -> None:
    fence.keys.clear()
    shown = hca("gen3", "auth")
    assert shown.code == 5
    assert f"{fence.url} refused the API key in " in shown.stderr
    assert "create a new one" in shown.stderr
    assert key not in shown.stderr
    debug = hca("--debug", "gen3", "auth")
    assert key not in debug.stderr + debug.stdout
