import json
from pathlib import Path

import pytest
from fake_fence import jwt

from hca_core.errors import AuthError, ConfigError
from hca_gen3 import keys
from hca_gen3.errors import KeyFileError, UsageError

KEY = jwt(iss="https://commons.example.org/user", pur="api_key")


def write(file: Path, content: object, mode: int = 0o600) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    file.chmod(mode)
    return file


def test_a_key_goes_to_the_commons_that_gave_it_out(home: Path) -> None:
    file = write(home / "key.json", {"api_key": KEY, "key_id": "1"})
    key = keys.read(file)
    assert (key.secret, key.commons, key.source) == (KEY, "https://commons.example.org", str(file))
    assert KEY not in repr(key)


@pytest.mark.parametrize(
    ("issuer", "commons"),
    [
        ("https://Commons.Example.org:443/user", "https://commons.example.org"),
        ("https://commons.example.org:8443/user", "https://commons.example.org:8443"),
        ("https://somebody@commons.example.org/user", "https://commons.example.org"),
        ("https://[2001:db8::1]/user", "https://[2001:db8::1]"),
        ("http://127.0.0.1:8000/user", "http://127.0.0.1:8000"),
        ("http://localhost/user", "http://localhost"),
    ],
)
def test_only_scheme_host_and_port_of_the_issuer_count(issuer: str, commons: str) -> None:
    assert keys.ApiKey(jwt(iss=issuer), "a file").commons == commons


@pytest.mark.parametrize(
    "issuer",
    [
        *("http://commons.example.org/user", "ftp://commons.example.org", "commons.example.org/user", "https:///user"),
        *(
            "https://commons.example.org:port/user",
            "https://[bad/user",
            "file:///etc/passwd",
            "http://127.0.0.1.evil.org",
        ),
        *("", 7),
    ],
)
def test_a_key_from_nowhere_safe_goes_nowhere(issuer: object) -> None:
    with pytest.raises(AuthError, match="The API key in a file cannot be used: it "):
        _ = keys.ApiKey(jwt(iss=issuer), "a file").commons


def test_a_key_that_says_nothing_goes_nowhere() -> None:
    with pytest.raises(AuthError, match="does not say which commons it is from"):
        _ = keys.ApiKey("opaque", "a file").commons


def test_names_are_looked_for_here_and_in_the_folder_of_gen3(home: Path) -> None:
    environ = {"HOME": str(home)}
    assert keys.locate("credentials", environ) is None
    with_suffix = write(home / ".gen3" / "credentials.json", "{}")
    assert keys.locate("credentials", environ) == with_suffix
    assert keys.locate("credentials.json", environ) == with_suffix
    without = write(home / ".gen3" / "credentials", "{}")
    assert keys.locate("credentials", environ) == without
    here = write(home / "credentials", "{}")
    assert keys.locate("credentials", environ) == here.relative_to(home)


def test_paths_are_looked_for_nowhere_else(home: Path) -> None:
    environ = {"HOME": str(home)}
    file = write(home / ".gen3" / "crdc.json", "{}")
    assert keys.locate("./crdc", environ) is None
    assert keys.locate("~/.gen3/crdc.json", environ) == file
    assert keys.locate(str(file.parent), environ) is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", r"key.json:1:2: this is not JSON"),
        (f'{{"api_key": "{KEY}"', "this is not JSON"),
        ("[]", "must contain a JSON object"),
        ({"key": KEY}, "it has no api_key"),
        ({"api_key": {"a": 1}}, "it has no api_key"),
        ({"api_key": " "}, "it has no api_key"),
        ({"api_key": "two words"}, "its api_key is not one"),
        ({"api_key": "ké"}, "its api_key is not one"),
    ],
)
def test_other_files_are_named_and_not_quoted(home: Path, content: object, words: str) -> None:
    file = write(home / "key.json", content)
    with pytest.raises(KeyFileError, match=words) as caught:
        keys.read(file)
    assert isinstance(caught.value, (ValueError, ConfigError))
    assert str(file) in str(caught.value)
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_missing_file_is_a_value_error(home: Path) -> None:
    with pytest.raises(ValueError, match="nothing.json cannot be used as a Gen3 API key: it does not exist"):
        keys.read(home / "nothing.json")


def test_a_file_that_others_can_read_is_warned_of(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = write(home / "key.json", {"api_key": KEY}, 0o644)
    assert keys.read(file).secret == KEY
    assert "can be read by others" in caplog.text
    assert KEY not in caplog.text


@pytest.mark.parametrize("given", [KEY, f" {KEY}\n", {"api_key": KEY}, json.dumps({"api_key": KEY, "key_id": "1"})])
def test_a_program_may_give_the_key_itself(given: object) -> None:
    assert keys.parse(given, "the argument").secret == KEY


@pytest.mark.parametrize("given", ["", "{", "{}", {}, ["x"], 7, '{"a":' * 100_000])
def test_what_is_no_key_is_refused(given: object) -> None:
    with pytest.raises(KeyFileError, match="the argument cannot be used as a Gen3 API key"):
        keys.parse(given, "the argument")


@pytest.mark.parametrize("address", ["http://example.org", "example.org", "https://", "https://[", "https://h:x", ""])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="cannot be the address of a Gen3 commons"):
        keys.origin(address)
