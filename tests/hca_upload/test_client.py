"""Which service is asked, without asking anybody first."""

from __future__ import annotations

from typing import Any

import pytest

from hca_core.app import App
from hca_core.testing import Answer, FakeServer
from hca_upload import UploadException
from hca_upload.client import UploadClient, api_url

from .conftest import AREA


def url(stage: str, settings: dict[str, Any] | None = None) -> str:
    return UploadClient(stage, config=settings).api.base_url


def test_the_address_follows_from_the_stage() -> None:
    assert url("prod") == "https://upload.data.humancellatlas.org"
    assert url("staging") == "https://upload.staging.data.humancellatlas.org"
    assert UploadClient().deployment_stage == "prod"


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/"])
def test_the_settings_say_where_it_is(ending: str) -> None:
    settings = {
        "upload": {"preprod_api_url_template": f"http://127.0.0.1:1/x{ending}", "production_api_url": "https://p"}
    }
    assert url("local", settings) == "http://127.0.0.1:1/x"
    assert url("prod", settings) == "https://p"


def test_braces_in_an_address_mean_nothing_else() -> None:
    app = App(config={"upload": {"preprod_api_url_template": "https://{x}{deployment_stage}.{0}/v1"}})
    assert api_url(app.settings, "dev") == "https://{x}dev.{0}/v1"


@pytest.mark.parametrize("stage", ["", "a-b", "dev/../..", "evil.example#", "user@evil", "DEV", "a..b"])
def test_a_stage_must_be_one(stage: str) -> None:
    with pytest.raises(UploadException, match="is not a deployment stage"):
        UploadClient(stage)


def test_ud20_no_description_is_fetched() -> None:
    with FakeServer() as server:
        server.on("HEAD", f"/v1/area/{AREA}", Answer(200))
        settings = {
            "upload": {"preprod_api_url_template": f"{server.url}/v1"},
            "UploadClient": {"swagger_url": f"{server.url}/nowhere.json"},
        }
        with UploadClient("local", config=settings) as client:
            client.head_v1_area(upload_area_uuid=AREA)
        assert [(one.method, one.path) for one in server.requests] == [("HEAD", f"/v1/area/{AREA}")]


def test_ud12_what_may_be_repeated_is_tried_again() -> None:
    with FakeServer() as server:
        answers = Answer(503), Answer.json({"checksum_status": "FAILED"})
        server.on("GET", f"/v1/area/{AREA}/f/checksum", *answers)
        server.on("POST", f"/v1/area/{AREA}/f", *answers)
        settings = {"upload": {"preprod_api_url_template": f"{server.url}/v1"}}
        with UploadClient("local", config=settings) as client:
            assert client.get_v1_area_checksum(AREA, "f") == {"checksum_status": "FAILED"}
            client.post_v1_area(upload_area_uuid=AREA, filename="f")
        assert len(server.requests) == 4


def test_the_key_is_not_shown() -> None:
    assert "a secret key" not in repr(UploadClient(api_token="a secret key"))
