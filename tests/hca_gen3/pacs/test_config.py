"""The keys of a `pacs.json`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hca_core.errors import ConfigError
from hca_gen3.pacs import PacsConfig

DOCUMENTED = {"pacs_ip": "10.0.0.7", "pacs_port": "11112", "pacs_aec": "PACS", "pacs_aet": "ME"}


def test_the_documented_keys_are_enough() -> None:
    config = PacsConfig.from_mapping(DOCUMENTED)
    assert (config.host, config.port, config.aec, config.aet) == ("10.0.0.7", 11112, "PACS", "ME")
    assert config.move_port is None
    assert not config.by_web


def test_null_means_the_default_and_keys_of_others_are_not_looked_at() -> None:
    given = {**DOCUMENTED, "pacs_port": None, "storage": "pacs", "irods_host": "x"}
    assert PacsConfig.from_mapping(given).port == 104


def test_a_web_address_alone_means_dicomweb() -> None:
    config = PacsConfig.from_mapping({"pacs_dicomweb_url": "https://pacs.test/dicom-web/"})
    assert config.by_web
    assert config.dicomweb_url == "https://pacs.test/dicom-web"
    assert not PacsConfig.from_mapping({**DOCUMENTED, "pacs_dicomweb_url": "https://x", "pacs_route": "get"}).by_web


def test_the_password_is_not_shown() -> None:
    config = PacsConfig.from_mapping({**DOCUMENTED, "pacs_user": "u", "pacs_password": "s3cret"})
    assert config.password == "s3cret"
    assert "s3cret" not in repr(config)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("pacs_ip", 7),
        ("pacs_ip", "a\nb"),
        ("pacs_ip", "a..b"),
        ("pacs_ip", "x" * 64),
        ("pacs_senders", ["10.0.0.7", ".a"]),
        ("pacs_port", 0),
        ("pacs_port", 65536),
        ("pacs_port", "11112x"),
        ("pacs_port", True),
        ("pacs_aec", "SEVENTEEN LETTERS"),
        ("pacs_aet", "A\\B"),
        ("pacs_move_port", -1),
        ("pacs_senders", 5),
        ("pacs_route", "carrier pigeon"),
        ("pacs_dicomweb_url", "ftp://pacs.test"),
        ("pacs_dicomweb_url", "http://[pacs"),
        ("pacs_read_timeout", "soon"),
        ("pacs_connect_timeout", 0),
        ("pacs_connect_timeout", "nan"),
        ("pacs_tls", "perhaps"),
        ("pacs_certificate", "/nowhere/cert.pem"),
        ("pacs_colour", "blue"),
    ],
)
def test_what_cannot_be_used_is_named(key: str, value: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        PacsConfig.from_mapping({**DOCUMENTED, key: value}, file="pacs.json")
    assert caught.value.message.startswith(f"{key} is ")
    assert caught.value.key == key
    assert caught.value.file == "pacs.json"


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({}, "pacs_ip"),
        ({"pacs_route": "dicomweb", "pacs_ip": "h"}, "pacs_dicomweb_url"),
        ({"pacs_route": "move", "pacs_ip": "h"}, "pacs_move_port"),
        ({"pacs_ip": "h", "pacs_password": "p"}, "pacs_user"),
        ({"pacs_ip": "h", "pacs_tls": True, "pacs_move_port": 5}, "pacs_certificate"),
    ],
)
def test_what_is_missing_is_named(given: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError, match=f"{key} is missing"):
        PacsConfig.from_mapping(given)


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError) as caught:
        PacsConfig.from_mapping({"pacs_dicomweb_url": "https://me:s3cret@pacs.test"})
    assert "s3cret" not in caught.value.message


def test_senders_are_a_list_or_words_with_commas() -> None:
    for value in ("10.0.0.8, 10.0.0.9", ["10.0.0.8", "10.0.0.9"]):
        assert PacsConfig.from_mapping({**DOCUMENTED, "pacs_senders": value}).senders == ("10.0.0.8", "10.0.0.9")


def test_files_are_found_in_the_home(home: Path) -> None:
    (home / "cert.pem").write_text("x")
    config = PacsConfig.from_mapping({**DOCUMENTED, "pacs_certificate": "~/cert.pem", "pacs_tls": "yes"})
    assert config.certificate == home / "cert.pem"
    assert config.tls
