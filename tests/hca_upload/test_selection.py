"""Which areas are known, and what they are called."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from hca import HCAConfig
from hca_core.app import App
from hca_upload import UploadAreaURI, UploadConfig, UploadException, UploadService
from hca_upload.selection import match, shortest_alias

from .conftest import AREA, BUCKET, NOBODY, OTHER

THIRD = "b2d3c4d5-7425-40de-944b-e07fc1f90ae7"
AREAS = [AREA, OTHER, THIRD]


def uri(uuid: str, bucket: str = BUCKET) -> UploadAreaURI:
    return UploadAreaURI(f"s3://{bucket}/{uuid}/")


def file() -> Path:
    return HCAConfig().user_file


def written() -> Any:
    return json.loads(file().read_text())


# Aliases


def test_the_shortest_alias_of_each() -> None:
    assert [shortest_alias(uuid, AREAS) for uuid in AREAS] == ["7c9", "7c0", "b"]


def test_ud11_where_no_beginning_is_unique_it_is_the_whole() -> None:
    assert shortest_alias("ab", ["ab", "abc"]) == "ab"
    assert shortest_alias(AREA, [AREA]) == "7"


@pytest.mark.parametrize(("alias", "uuid"), [("7c9", AREA), ("7C9", AREA), (AREA, AREA), ("b", THIRD)])
def test_ud11_an_alias_is_a_beginning_in_any_case(alias: str, uuid: str) -> None:
    assert match(alias, AREAS) == uuid


@pytest.mark.parametrize("alias", ["zz", "", "(", ".", "7.9", "c9", "7c9e.*"])
def test_ud11_an_alias_is_taken_literally(alias: str) -> None:
    with pytest.raises(UploadException, match="No upload area that you selected begins with"):
        match(alias, AREAS)


def test_an_ambiguous_alias_is_a_sentence() -> None:
    with pytest.raises(UploadException, match=f"'7c' matches more than one area: {AREA}, {OTHER}"):
        match("7c", AREAS)


def test_an_exact_uuid_wins() -> None:
    assert match("AB", ["abc", "ab"]) == "ab"


# What is remembered


def test_areas_are_remembered_in_the_order_in_which_they_were_selected() -> None:
    config = UploadConfig()
    for uuid in (THIRD, AREA, OTHER):
        config.add_area(uri(uuid))
    config.select_area(AREA)
    again = UploadService.config()
    assert (again.areas, again.current_area) == ([THIRD, AREA, OTHER], AREA)
    assert (again.area_uri(THIRD), again.selected_uri()) == (uri(THIRD), uri(AREA))
    assert again.area_uuid_from_partial_uuid("7c0") == OTHER
    assert again.unique_prefix(OTHER) == "7c0"
    assert written()["upload"] == {
        "areas": {uuid: {"uri": uri(uuid).uri} for uuid in (THIRD, AREA, OTHER)},
        "current_area": AREA,
    }


def test_ud11_an_area_that_has_moved_is_where_it_is_now() -> None:
    config = UploadConfig()
    config.add_area(uri(AREA))
    config.add_area(uri(AREA, "elsewhere-dev"))
    assert UploadConfig().area_uri(AREA) == uri(AREA, "elsewhere-dev")


def test_an_area_that_is_not_known_is_a_sentence() -> None:
    config = UploadConfig()
    for use in (config.area_uri, config.select_area, config.forget_area):
        with pytest.raises(UploadException, match=f"no upload area '{NOBODY}' among those you selected"):
            use(NOBODY)
    assert not file().exists()


def test_ud5_no_area_selected_is_a_sentence() -> None:
    config = UploadConfig()
    config.add_area(uri(AREA))
    with pytest.raises(UploadException, match="No upload area is selected"):
        UploadConfig().selected_uri()


def test_forgetting_leaves_nothing_behind() -> None:
    file().parent.mkdir(parents=True, exist_ok=True)
    old = {"uri": uri(AREA).uri, "credentials": {"left by": "an older version"}}
    file().write_text(json.dumps({"upload": {"areas": {AREA: old}, "current_area": AREA}, "log_level": "INFO"}))
    config = UploadConfig()
    assert config.areas == [AREA]
    config.forget_area(AREA)
    assert (config.areas, config.current_area) == ([], None)
    assert UploadConfig().current_area is None
    assert AREA not in file().read_text()
    assert written()["log_level"] == "INFO"


def test_forgetting_another_one_keeps_the_selection() -> None:
    config = UploadConfig()
    config.add_area(uri(AREA))
    config.add_area(uri(OTHER))
    config.select_area(AREA)
    config.forget_area(OTHER)
    assert (UploadConfig().areas, UploadConfig().current_area) == ([AREA], AREA)


def test_ud19_reading_writes_nothing() -> None:
    config = UploadConfig()
    assert (config.areas, config.current_area) == ([], None)
    assert config.bucket_name_template == "org-humancellatlas-upload-{deployment_stage}"
    assert config.bucket_name("dev") == "org-humancellatlas-upload-dev"
    assert config.production_api_url == "https://upload.data.humancellatlas.org/v1"
    assert config.preprod_api_url_template == "https://upload.{deployment_stage}.data.humancellatlas.org/v1"
    config.save()
    assert not file().exists()


def test_ud19_what_is_written_is_private_and_no_default() -> None:
    UploadConfig().add_area(uri(AREA))
    assert stat.S_IMODE(file().stat().st_mode) == 0o600
    assert written() == {"upload": {"areas": {AREA: {"uri": uri(AREA).uri}}}}


def test_a_stronger_file_that_selects_another_area_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other.json"
    areas = {AREA: {"uri": uri(AREA).uri}, OTHER: {"uri": uri(OTHER).uri}}
    other.write_text(json.dumps({"upload": {"current_area": AREA, "areas": areas}}))
    monkeypatch.setenv("HCA_CONFIG_FILE", str(other))
    config = UploadConfig()
    with pytest.raises(UploadException, match=r"upload\.current_area comes from the HCA_CONFIG_FILE .*other\.json"):
        config.select_area(OTHER)
    with pytest.raises(UploadException, match=r"upload\.areas.* comes from the HCA_CONFIG_FILE .*other\.json"):
        config.forget_area(OTHER)


def test_the_profile_of_the_app_counts() -> None:
    file().parent.mkdir(parents=True, exist_ok=True)
    file().write_text(json.dumps({"profiles": {"mine": {"upload": {"bucket_name_template": "b-{deployment_stage}"}}}}))
    assert UploadConfig(App(profile="mine")).bucket_name("x") == "b-x"
    assert UploadConfig().bucket_name("x") == "org-humancellatlas-upload-x"


def test_nonsense_in_the_settings_is_no_area() -> None:
    file().parent.mkdir(parents=True, exist_ok=True)
    areas: dict[str, Any] = {AREA: "x", OTHER: {"uri": 5}, "": {"uri": "s3://b/"}, "a.b": {}}
    file().write_text(json.dumps({"upload": {"areas": areas, "current_area": 7}}))
    config = UploadConfig()
    assert (config.areas, config.current_area) == ([""], None)
