from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_commons import FakeCommons
from irods_double import IrodsDouble

from hca_core.testing import Result

ROOT = "/tempZone/home/datasets"
Hca = Callable[..., Result]


@pytest.fixture
def double() -> Iterator[IrodsDouble]:
    with IrodsDouble() as server:
        server.add(f"{ROOT}/ds/subjects.xlsx", b"PK")
        server.add(f"{ROOT}/ds/primary/sub-1/1.dcm", b"DICM" * 1000)
        yield server


def write(path: Path, content: dict[str, Any], mode: int = 0o600) -> Path:
    path.write_text(json.dumps(content))
    path.chmod(mode)
    return path


def irods_json(double: IrodsDouble, folder: Path, **changed: Any) -> str:
    return str(write(folder / "irods.json", {**double.settings(ROOT), **changed}))


def pacs_json(folder: Path) -> str:
    return str(write(folder / "pacs.json", {"pacs_ip": "127.0.0.1", "pacs_port": 1, "pacs_aec": "A", "pacs_aet": "B"}))


def test_a_dataset_comes_from_irods(hca: Hca, double: IrodsDouble, tmp_path: Path) -> None:
    words = ("gen3", "download", "ds", str(tmp_path / "out"), "--from", "irods")
    config = ("--storage-config", irods_json(double, tmp_path))
    result = hca(*words, *config, "--report", str(tmp_path / "report.jsonl"))
    assert (result.code, result.stdout) == (0, ""), result.stderr
    assert result.stderr == f"Saved 2 files in {tmp_path / 'out' / 'ds'}.\n"
    assert (tmp_path / "out" / "ds" / "primary" / "sub-1" / "1.dcm").read_bytes() == b"DICM" * 1000
    assert len((tmp_path / "report.jsonl").read_text().splitlines()) == 2
    again = hca(*words, *config)
    assert again.stderr.endswith(", of which 2 were there already.\n")


def test_the_result_can_be_had_as_data(hca: Hca, double: IrodsDouble, tmp_path: Path) -> None:
    result = hca(
        *("--output", "json", "gen3", "download", "ds", str(tmp_path), "--from", "irods"),
        *("--storage-config", irods_json(double, tmp_path)),
    )
    assert (result.json["files"], result.json["directory"]) == (2, str(tmp_path / "ds"))


def test_the_environment_may_say_where_irods_is(
    hca: Hca, double: IrodsDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in double.settings(ROOT).items():
        name = "IRODS_COLLECTION_ROOT" if key == "irods_project_root" else key.upper()
        monkeypatch.setenv(name, str(value))
    assert hca("gen3", "download", "ds", str(tmp_path), "--from", "irods").code == 0


def test_the_settings_may_say_where_irods_is_and_hide_the_password(
    hca: Hca, double: IrodsDouble, tmp_path: Path
) -> None:
    for key, value in double.settings(ROOT).items():
        assert hca("config", "set", key.replace("_", ".", 1), str(value)).code == 0
    assert hca("gen3", "download", "ds", str(tmp_path), "--from", "irods").code == 0
    shown = hca("config", "list")
    assert double.user in shown.stdout
    assert double.password not in shown.stdout + shown.stderr


@pytest.mark.parametrize(
    ("dataset", "changed", "code", "words"),
    [
        ("nope", {}, 7, "nope does not exist"),
        ("../x", {}, 2, "cannot be a dataset"),
        ("ds", {"irods_password": "Wr0ng-secret"}, 5, "refused user 'rods'"),
        ("ds", {"irods_zone": None}, 3, "irods_zone is not set"),
    ],
)
def test_what_went_wrong_is_told_and_is_an_exit_code(
    dataset: str, changed: dict[str, Any], code: int, words: str, hca: Hca, double: IrodsDouble, tmp_path: Path
) -> None:
    config = irods_json(double, tmp_path, **changed)
    for debug in ((), ("--debug",)):
        if debug and code != 5:
            continue  # `--debug` shows most, so it is where a password would be seen
        result = hca(*debug, "gen3", "download", dataset, str(tmp_path), "--from", "irods", "--storage-config", config)
        assert result.code == code
        assert words in result.stderr
        assert "Wr0ng-secret" not in result.stdout + result.stderr


def test_a_file_that_fails_ends_with_9_and_the_others_are_there(hca: Hca, double: IrodsDouble, tmp_path: Path) -> None:
    double.spoil(f"{ROOT}/ds/subjects.xlsx", times=2)
    config = irods_json(double, tmp_path)
    result = hca("gen3", "download", "ds", str(tmp_path), "--from", "irods", "--storage-config", config)
    assert result.code == 9
    assert "1 of 2 files failed: subjects.xlsx" in result.stderr
    assert [path.name for path in (tmp_path / "ds").iterdir()] == ["primary"]


def test_a_config_that_others_can_read_is_warned_of(hca: Hca, double: IrodsDouble, tmp_path: Path) -> None:
    config = irods_json(double, tmp_path)
    Path(config).chmod(0o644)
    result = hca("gen3", "download", "ds", str(tmp_path), "--from", "irods", "--storage-config", config)
    assert result.code == 0
    assert "can be read by others. It holds a password." in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("--from", "irods", "--endpoint", "https://gen3.example"),
        ("--from", "irods", "--key-file", "credentials"),
        ("--gen3-config", "gen3.json", "--endpoint", "https://gen3.example"),
    ],
)
def test_options_that_do_not_go_together_are_refused(words: tuple[str, ...], hca: Hca, home: Path) -> None:
    write(home / "gen3.json", {"gen3_endpoint": "https://gen3.example"})
    result = hca("gen3", "download", "ds", "out", *words)
    assert (result.code, "give one or the other" in result.stderr or "leave" in result.stderr) == (2, True)


@pytest.mark.parametrize("by", ["file", "options", "settings"])
def test_gen3_is_asked_for_data_in_a_pacs(by: str, hca: Hca, commons: FakeCommons, tmp_path: Path) -> None:
    commons.save_key(tmp_path / "key.json")
    gen3 = {"gen3_endpoint": commons.url, "gen3_cred_file": "key.json"}
    options: tuple[str, ...] = ()
    if by == "file":
        options = ("--gen3-config", str(write(tmp_path / "gen3.json", gen3)))
    elif by == "options":
        options = ("--endpoint", commons.url, "--key-file", str(tmp_path / "key.json"))
    else:
        hca("config", "set", "gen3.key_file", str(tmp_path / "key.json"))
    pacs = pacs_json(tmp_path)
    result = hca("gen3", "download", "nope", str(tmp_path / "out"), "--storage-config", pacs, *options)
    assert (result.code, "no experiment with submitter_id nope" in result.stderr) == (7, True), result.stderr
    found = hca("gen3", "download", "experiment-1", str(tmp_path / "out"), "--storage-config", pacs, *options)
    assert found.code == 0, found.stderr
    assert {path.name for path in (tmp_path / "out" / "experiment-1").iterdir()} == {
        *("dataset_description.xlsx", "subjects.xlsx", "manifest.xlsx")
    }


def test_the_help_tells_the_exit_codes(hca: Hca) -> None:
    shown = " ".join(hca("gen3", "download", "--help").stdout.split())
    assert "ends with 9 if files failed" in shown
    assert "--storage-config" in shown
