from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from hca_core.app import App
from hca_core.errors import ConfigError
from hca_gen3.config_file import ConfigLoader, configured, missing, read_config, read_gen3_file

IRODS = {"irods_host": "h", "irods_port": 1247, "irods_password": "p%w", "irods_zone": None}
INI = "[irods]\nirods_host = h\nport = 1247\nirods_password = p%w\n\n[gen3]\nendpoint = https://gen3.example\n"


def write(path: Path, content: str | dict[str, Any], mode: int = 0o600) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    path.chmod(mode)
    return path


@pytest.mark.parametrize("name", ["irods.json", "irods.conf.json", "irods", "irods.txt"])
def test_json_is_read_whatever_the_name_leaves_open(name: str, tmp_path: Path) -> None:
    file = write(tmp_path / name, IRODS)
    assert ConfigLoader.load_from_json(file) == IRODS
    assert ConfigLoader(str(file)).values == IRODS


@pytest.mark.parametrize("name", ["configs.ini", "configs.cfg", "configs"])
def test_an_ini_file_says_the_same_by_the_same_keys(name: str, tmp_path: Path) -> None:
    assert read_config(write(tmp_path / name, INI)) == {
        "irods_host": "h",
        "irods_port": "1247",
        "irods_password": "p%w",
        "gen3_endpoint": "https://gen3.example",
    }


def test_json_may_have_objects_for_sections(tmp_path: Path) -> None:
    file = write(tmp_path / "a.json", {"irods": {"host": "h"}, "gen3": {"gen3_endpoint": "https://e"}, "storage": "x"})
    assert read_config(file) == {"irods_host": "h", "gen3_endpoint": "https://e", "storage": "x"}


def test_a_loader_without_a_file_knows_nothing() -> None:
    assert ConfigLoader().values == {}


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "a.ini").write_text(INI, encoding="utf-8-sig")
    (tmp_path / "a.ini").chmod(0o600)
    assert read_config(tmp_path / "a.ini")["irods_host"] == "h"


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("a.json", '{\n "irods_host": }', "a.json:2:16: "),
        ("a.json", "[]", "a.json must contain a JSON object"),
        ("a.json", '{"irods_host": {"a": 1}}', "a.json: irods_host must be one value"),
        ("a.ini", "irods_password = hunter2", "a.ini:1: this is neither JSON nor a section"),
        ("a.ini", "[irods]\nirods_password hunter2", "a.ini:2: this is neither a section"),
        ("a.ini", "[irods]\nhost=1\nhost=2", "a.ini:3: 'host' is there twice"),
        ("a.ini", "[irods]\n[irods]", "a.ini:2: section 'irods' is there twice"),
        ("a.txt", "hunter2", "a.txt:1: this is neither JSON"),
    ],
)
def test_a_mistake_is_told_with_its_place_but_without_what_is_there(
    name: str, content: str, place: str, tmp_path: Path
) -> None:
    file = write(tmp_path / name, content)
    with pytest.raises(ConfigError) as error:
        read_config(file)
    assert place in str(error.value)
    assert "hunter2" not in f"{error.value}{error.value.hint}"
    assert error.value.file == str(file)


@pytest.mark.parametrize("name", ["none.json", "none.ini", "none"])
def test_a_file_that_is_not_there_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"There is no configuration file .*{name}"):
        read_config(tmp_path / name)


@pytest.mark.parametrize("name", ["folder.json", "folder.ini", "folder"])
def test_a_folder_is_no_file(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        read_config(tmp_path / name)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.ini").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_config(tmp_path / "a.ini")


def test_paths_start_from_the_folder_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conf").mkdir()
    content = {"gen3_endpoint": "https://e", "gen3_cred_file": "key.json", "gen3_ssl_cert": "/etc/ca.pem"}
    write(tmp_path / "conf" / "gen3.json", content)
    monkeypatch.chdir(tmp_path)
    found = read_gen3_file("conf/gen3.json")
    assert found.key_file == tmp_path / "conf" / "key.json"
    assert found.ca_bundle == Path("/etc/ca.pem")
    assert (found.endpoint, found.program) == ("https://e", None)


def test_a_path_may_begin_with_the_home_folder(tmp_path: Path, home: Path) -> None:
    file = write(tmp_path / "gen3.json", {"gen3_cred_file": "~/key.json"})
    assert read_gen3_file(file).key_file == home / "key.json"


def test_a_file_without_a_commons_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="says nothing about a Gen3 commons"):
        read_gen3_file(write(tmp_path / "gen3.json", {"irods_host": "h"}))


def app(**environ: str) -> App:
    config = {"irods.host": "of-settings", "irods.zone": "of-settings", "irods.user": "of-settings"}
    return App(config=config, environ={"HOME": "/nowhere", **environ})


def test_the_file_wins_over_the_environment_and_that_over_the_settings(tmp_path: Path) -> None:
    file = write(tmp_path / "a.json", {"irods_host": "of-file", "irods_zone": None, "irods_user": ""})
    known = configured(
        ("irods_host", "irods_zone", "irods_user", "irods_password"),
        file,
        app(IRODS_HOST="of-environment", IRODS_ZONE="of-environment"),
    )
    assert known == {"irods_host": "of-file", "irods_zone": "of-environment", "irods_user": "of-settings"}


def test_without_a_file_the_environment_and_the_settings_count() -> None:
    found = configured(("irods_host", "irods_project_root"), None, app(IRODS_COLLECTION_ROOT="/zone/home"))
    assert found == {"irods_host": "of-settings", "irods_project_root": "/zone/home"}


def test_what_is_missing_is_told_with_all_places_where_it_may_be() -> None:
    error = missing("irods_project_root", "a.json")
    assert str(error) == "irods_project_root is not set."
    assert error.hint == (
        "Set `irods_project_root` in a.json, or the environment variable IRODS_COLLECTION_ROOT, "
        "or the setting irods.project_root."
    )
    assert "a configuration file" in str(missing("irods_host", None).hint)


@pytest.mark.parametrize(
    ("content", "mode", "warned"), [(IRODS, 0o644, True), (IRODS, 0o600, False), ({}, 0o644, False)]
)
def test_a_password_that_others_can_read_is_warned_of(
    content: dict[str, Any], mode: int, warned: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    file = write(tmp_path / "irods.json", content, mode)
    read_config(file)
    assert ("can be read by others. It holds a password. Run: chmod 600" in caplog.text) is warned
    assert "p%w" not in caplog.text
