import json
import logging
import os
import traceback
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from service_account_file import EMAIL, KEY_ID, pem, private_key, write_account

from hca_core.credentials.service_account import audience, credentials, read, sign
from hca_core.errors import ConfigError

AUDIENCE = "https://dev.example.org/"
NOW = 1_800_000_000.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_account(tmp_path / "account.json")


def checked(token: str) -> dict[str, Any]:
    """Return the claims of a token after checking all that a service checks, but its times."""
    options: Any = {"verify_exp": False, "verify_iat": False, "require": ["exp", "iat", "iss", "sub", "aud"]}
    key = private_key().public_key()
    return jwt.decode(token, key, algorithms=["RS256"], audience=AUDIENCE, issuer=EMAIL, options=options)


# signing


def test_the_claims_are_those_that_services_check(file: Path) -> None:
    signed = sign(read(file), AUDIENCE, NOW)
    assert jwt.get_unverified_header(signed.token) == {"alg": "RS256", "typ": "JWT", "kid": KEY_ID}
    claims = checked(signed.token)
    assert claims == {
        "iss": EMAIL,
        "sub": EMAIL,
        "aud": AUDIENCE,
        "iat": claims["iat"],
        "exp": claims["iat"] + 3600,
        "email": EMAIL,
        "scope": ["email", "openid", "offline_access"],
        "https://auth.data.humancellatlas.org/email": EMAIL,
        "https://auth.data.humancellatlas.org/group": "hca",
    }
    assert isinstance(claims["iat"], int)
    assert signed.expires_at == claims["exp"]
    assert signed.source == "GOOGLE_APPLICATION_CREDENTIALS"


def test_a_service_whose_clock_is_behind_does_not_see_a_token_from_the_future(file: Path) -> None:
    claims = checked(sign(read(file), AUDIENCE, NOW).token)
    assert claims["iat"] <= NOW - 30
    assert claims["exp"] > NOW + 3000


def test_a_real_verifier_accepts_it_today(file: Path) -> None:
    import time

    token = sign(read(file), AUDIENCE, time.time()).token
    assert jwt.decode(token, private_key().public_key(), algorithms=["RS256"], audience=AUDIENCE)["sub"] == EMAIL


# keeping


def test_a_token_is_signed_once_until_it_is_about_to_expire(file: Path) -> None:
    first = credentials(file, AUDIENCE, now=NOW)
    assert first.expires_at is not None
    assert credentials(file, AUDIENCE, now=first.expires_at - 301) is first
    second = credentials(file, AUDIENCE, now=first.expires_at - 300)
    assert second.token != first.token
    assert credentials(file, AUDIENCE, now=first.expires_at) is second


def test_the_file_is_read_once(file: Path) -> None:
    first = credentials(file, AUDIENCE, now=NOW)
    file.unlink()
    assert credentials(file, AUDIENCE, now=NOW + 60) is first


def test_each_audience_and_file_has_its_own_token(file: Path, tmp_path: Path) -> None:
    other = write_account(tmp_path / "other.json", client_email="other@lab.example")
    tokens = {
        credentials(file, AUDIENCE, now=NOW).token,
        credentials(file, "https://other.example.org/", now=NOW).token,
        credentials(other, AUDIENCE, now=NOW).token,
    }
    assert len(tokens) == 3


def test_a_rejected_token_is_not_kept(file: Path) -> None:
    first = credentials(file, AUDIENCE, now=NOW)
    assert credentials(file, AUDIENCE, now=NOW + 60, rejected="another") is first
    assert credentials(file, AUDIENCE, now=NOW + 60, rejected=first.token) is first
    assert credentials(file, AUDIENCE, now=NOW + 60).token != first.token


# the file


def refused(file: Path) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(file)
    assert caught.value.message.startswith(f"GOOGLE_APPLICATION_CREDENTIALS names {file}, which cannot be used: ")
    assert caught.value.file == str(file)
    assert caught.value.hint == (
        "Name the JSON key file of a service account, or unset GOOGLE_APPLICATION_CREDENTIALS."
    )
    return caught.value


def test_a_missing_file(tmp_path: Path) -> None:
    assert refused(tmp_path / "missing.json").message.endswith(": it does not exist.")


def test_a_directory(tmp_path: Path) -> None:
    assert "it is a directory" in refused(tmp_path).message


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root can read everything")
def test_an_unreadable_file(file: Path) -> None:
    file.chmod(0)
    assert "Permission denied" in refused(file).message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ":1:1: this is not JSON"),
        (b'{"private_key": "s3cr3t",', "this is not JSON"),
        (b"-----BEGIN PRIVATE KEY-----\ns3cr3t\n", "this is not JSON"),
        (b'["s3cr3t"]', "must contain a JSON object"),
        (b"\xff\xfe", "is not UTF-8 text"),
    ],
)
def test_what_is_not_a_json_object(content: bytes, words: str, file: Path) -> None:
    file.write_bytes(content)
    error = refused(file)
    assert words in error.message
    assert "s3cr3t" not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize("kind", ["authorized_user", "external_account", 5, ["s3cr3t" * 100]])
def test_credentials_of_another_type(kind: Any, tmp_path: Path) -> None:
    error = refused(write_account(tmp_path / "other.json", type=kind))
    assert f"of the type {str(kind)[:40]!r}, not those of a service account" in error.message
    assert len(error.message) < 400


@pytest.mark.parametrize("name", ["client_email", "private_key_id", "private_key"])
@pytest.mark.parametrize("value", [None, "", 5])
def test_a_field_is_missing(name: str, value: Any, tmp_path: Path) -> None:
    assert refused(write_account(tmp_path / "other.json", **{name: value})).message.endswith(f": it has no {name}.")


def test_a_file_without_a_type_is_taken_at_its_fields(tmp_path: Path) -> None:
    assert read(write_account(tmp_path / "other.json", type=None)).email == EMAIL


def bad_keys() -> list[tuple[str, str]]:
    whole = pem(private_key())
    password = serialization.BestAvailableEncryption(b"password")
    encoding, private, public = (
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.PublicFormat.SubjectPublicKeyInfo,
    )
    return [
        ("s3cr3t", "is not a key in PEM form"),
        ("s3cr3t\ud800", "is not a key in PEM form"),
        (whole[:500], "is not a key in PEM form"),
        (whole.replace("A", "B"), "is not a key in PEM form"),
        (private_key().public_key().public_bytes(encoding, public).decode(), "is not a key in PEM form"),
        (private_key().private_bytes(encoding, private, password).decode(), "locked with a password"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "is not an RSA key"),
    ]


def test_a_bad_key_is_not_shown(tmp_path: Path) -> None:
    for number, (key, words) in enumerate(bad_keys()):
        error = refused(write_account(tmp_path / f"{number}.json", private_key=key))
        assert words in error.message
        shown = "".join(traceback.format_exception(error))
        assert not any(line in shown for line in key.splitlines() if len(line) > 5), words


def test_the_key_is_not_in_the_repr(file: Path) -> None:
    shown = repr(read(file))
    assert EMAIL in shown
    assert "key=" not in shown
    signed = credentials(file, AUDIENCE, now=NOW)
    assert signed.token not in repr(signed)


@pytest.mark.skipif(os.name != "posix", reason="permissions are a matter of POSIX")
def test_others_being_able_to_read_the_file_is_worth_a_warning(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        read(file)
        assert caplog.messages == []
        file.chmod(0o644)
        assert read(file).email == EMAIL
    assert caplog.messages == [f"{file} can be read by others. Run: chmod 600 {file}"]
    assert caplog.records[0].levelname == "WARNING"


def test_nothing_is_logged_about_the_key(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        token = credentials(file, AUDIENCE, now=NOW).token
    secrets = [token, *json.loads(file.read_text())["private_key"].splitlines()[1:-1]]
    assert not any(secret in caplog.text for secret in secrets)


# the setting


def test_the_audience_is_a_setting() -> None:
    assert audience({"auth": {"audience": AUDIENCE}}) == AUDIENCE


@pytest.mark.parametrize(
    "settings", [{}, {"auth": {}}, {"auth": 5}, {"auth": {"audience": ""}}, {"auth": {"audience": [1]}}]
)
def test_a_missing_audience_is_an_error(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="auth.audience") as caught:
        audience(settings)
    assert caught.value.key == "auth.audience"
