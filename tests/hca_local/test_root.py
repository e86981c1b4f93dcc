from __future__ import annotations

import configparser
import json
import os
import stat
from pathlib import Path

import pytest

from hca_core.errors import ConfigError
from hca_local.root import (
    Root,
    Secrets,
    default_root,
    ensure_secrets,
    find_root,
    known_roots,
    open_root,
    read_secrets,
    write_settings,
)
from hca_local.state import State
from hca_local.users import OWNER, Users

from .conftest import PORTS

STATE = State(1, "one", PORTS)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_root_is_private_and_marked(tmp_path: Path) -> None:
    root = open_root(tmp_path / "deep" / "root")
    assert mode(root.path) == 0o700
    assert root.marker.is_file()
    assert find_root(root.path) == root


def test_an_empty_folder_becomes_a_root(tmp_path: Path) -> None:
    assert open_root(tmp_path).marker.is_file()


def test_a_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ConfigError, match="holds other things"):
        open_root(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]
    assert find_root(tmp_path) is None


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "root").touch()
    with pytest.raises(ConfigError, match="is not a folder"):
        open_root(tmp_path / "root")


def test_a_root_that_others_can_read_is_tightened(root: Root) -> None:
    root.path.chmod(0o755)
    open_root(root.path)
    assert mode(root.path) == 0o700


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_root_of_another_user_is_refused(root: Root) -> None:
    os.chown(root.path, 12345, 12345)
    for function in (open_root, find_root):
        with pytest.raises(ConfigError, match="belongs to another user"):
            function(root.path)
    assert known_roots({"HCA_LOCAL_ROOT": str(root.path)}) == []


def test_a_link_to_a_root_is_that_root(root: Root, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root.path)
    assert open_root(tmp_path / "link") == root


def test_the_default_root(tmp_path: Path) -> None:
    assert default_root({"XDG_DATA_HOME": str(tmp_path)}) == tmp_path / "hca" / "local"
    assert default_root({"XDG_DATA_HOME": str(tmp_path), "HCA_LOCAL_ROOT": "/elsewhere"}) == Path("/elsewhere")


def test_known_roots_are_the_default_one_and_those_in_use(root: Root, tmp_path: Path) -> None:
    other = open_root(tmp_path / "other")
    listed = os.pathsep.join([str(other.config_file), "", "/no/such/config.json", str(root.path / "else.json")])
    assert known_roots({"HCA_LOCAL_ROOT": str(root.path), "HCA_CONFIG_FILE": listed}) == [root, other]
    assert known_roots({"HCA_LOCAL_ROOT": str(tmp_path / "none")}) == []


def test_secrets_are_made_once_and_private(root: Root) -> None:
    before = os.umask(0)
    try:
        secrets = ensure_secrets(root)
    finally:
        os.umask(before)
    assert mode(root.secrets_file) == 0o600
    assert ensure_secrets(root) == secrets
    assert len(secrets.secret_access_key) >= 40
    assert Users.from_records(secrets.users).from_token(secrets.owner_token) == OWNER


def test_roots_have_different_secrets(root: Root, tmp_path: Path) -> None:
    one, two = ensure_secrets(root), ensure_secrets(open_root(tmp_path / "other"))
    assert one.owner_token != two.owner_token
    assert one.access_key_id != two.access_key_id
    assert one.secret_access_key != two.secret_access_key


def test_secrets_are_not_shown() -> None:
    shown = repr(Secrets("the-id", "the-key", "the-token", []))
    assert "the-id" in shown
    assert "the-key" not in shown
    assert "the-token" not in shown


def test_secrets_that_others_can_read_are_refused(root: Root) -> None:
    ensure_secrets(root)
    root.secrets_file.chmod(0o640)
    with pytest.raises(ConfigError, match="can be read by others"):
        read_secrets(root)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"owner_token": "x"}'])
def test_damaged_secrets_are_an_error_with_a_way_out(root: Root, text: str) -> None:
    root.secrets_file.write_text(text)
    root.secrets_file.chmod(0o600)
    with pytest.raises(ConfigError, match="is damaged") as caught:
        ensure_secrets(root)
    assert "Delete that file" in str(caught.value.hint)


def test_settings_lead_to_the_services_and_hold_no_secret(root: Root) -> None:
    secrets = ensure_secrets(root)
    write_settings(root, STATE, secrets)
    text = root.config_file.read_text()
    assert json.loads(text) == {
        "DSSClient": {"swagger_url": "http://127.0.0.1:8000/v1/swagger.json"},
        "AuthClient": {"swagger_url": "http://127.0.0.1:8002/swagger.json"},
        "upload": {"preprod_api_url_template": "http://127.0.0.1:8003/v1", "s3_endpoint_url": "http://127.0.0.1:8001"},
        "s3": {"endpoint_url": "http://127.0.0.1:8001", "credentials_file": str(root.aws_file)},
    }
    assert secrets.owner_token not in text
    assert secrets.secret_access_key not in text
    assert mode(root.config_file) == 0o600


def test_the_access_key_is_in_the_form_of_aws(root: Root) -> None:
    secrets = ensure_secrets(root)
    write_settings(root, STATE, secrets)
    found = configparser.ConfigParser()
    found.read(root.aws_file)
    assert dict(found["default"]) == {
        "aws_access_key_id": secrets.access_key_id,
        "aws_secret_access_key": secrets.secret_access_key,
    }
    assert mode(root.aws_file) == 0o600
