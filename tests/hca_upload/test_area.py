"""What can be done with an area and asked about it, with the real services at the other end."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

import hca.upload
import hca_upload
from hca_core.errors import ApiError, AuthError, NotFoundError
from hca_core.testing import Answer, FakeServer
from hca_upload import UploadArea, UploadAreaURI, UploadException, UploadService

from .conftest import API_KEY, AREA, BUCKET, CSV, CSV_CRC, CSV_ETAG, NOBODY, OTHER, Stack, until, write

DONOR = '{"donor": "D-001", "age": 44}\n'
DONOR_TYPE = 'application/json; dcp-type="metadata/donor"'


def test_the_documented_names() -> None:
    assert hca.upload is hca_upload
    for name in hca_upload.__all__:
        assert getattr(hca_upload, name).__name__ == name
    with pytest.raises(AttributeError, match="nothing"):
        hca_upload.nothing  # noqa: B018


def test_making_one_asks_nobody() -> None:
    service = UploadService("dev", "key")
    assert (service.deployment_stage, service.api_token, service.api_client.deployment_stage) == ("dev", "key", "dev")
    area = service.upload_area(UploadAreaURI(f"s3://b-dev/{AREA}"))
    assert (area.uuid, area.deployment_stage, str(area.uri)) == (AREA, "dev", f"s3://b-dev/{AREA}/")
    assert str(area) == f"UploadArea s3://b-dev/{AREA}/"
    assert area.upload_service is service
    with pytest.raises(UploadException, match="UploadAreaURI"):
        UploadArea(f"s3://b-dev/{AREA}", service)  # type: ignore[arg-type]


def test_the_life_of_an_area(stack: Stack) -> None:
    area = stack.service.create_area(OTHER)
    assert str(area.uri) == f"s3://{BUCKET}/{OTHER}/"
    assert area.exists()
    assert stack.service.create_area(OTHER).uri == area.uri
    assert area.delete() is True
    until(lambda: not area.exists())
    assert not stack.service.upload_area(UploadAreaURI(f"s3://{BUCKET}/{NOBODY}")).exists()


def test_what_needs_an_api_key_says_so(stack: Stack) -> None:
    area = stack.area
    for use in (
        lambda: area.upload_service.create_area(OTHER),
        area.delete,
        lambda: area.store_file("f.json", DONOR, DONOR_TYPE),
        lambda: area.validate_files(["f"], "image"),
    ):
        with pytest.raises(UploadException, match="there is no Api-Key"):
            use()
    assert stack.upload.seen == []
    area = UploadService("local", "wrong").upload_area(area.uri)
    for use in (
        lambda: area.upload_service.create_area(OTHER),
        area.delete,
        lambda: area.store_file("f.json", DONOR, DONOR_TYPE),
        lambda: area.validate_files(["f"], "image"),
    ):
        with pytest.raises(AuthError) as caught:
            use()
        assert "Api-Key" in (caught.value.hint or "")
        assert "login" not in (caught.value.hint or "")
    assert {one.headers["API-KEY"] for one in stack.upload.seen} == {"wrong"}


def test_a_file_is_stored_through_the_service(stack: Stack) -> None:
    area = stack.service.upload_area(stack.area.uri)
    info = area.store_file("donor 1.json", DONOR, DONOR_TYPE)
    assert (info["name"], info["size"], info["checksums"]["crc32c"]) == ("donor 1.json", 30, "e1df6c4b")
    assert stack.content("donor 1.json") == DONOR.encode()
    assert stack.head("donor 1.json").content_type == DONOR_TYPE
    assert area.store_file("b.bin", b"\x00\xff", "application/x; dcp-type=data")["size"] == 2
    with pytest.raises(ApiError, match="Content-Type"):
        area.store_file("f.json", DONOR, "application/json")
    with pytest.raises(UploadException, match="no folders"):
        area.store_file("a/b", DONOR, DONOR_TYPE)


def test_credentials(stack: Stack) -> None:
    found = stack.area.get_credentials()
    assert [*found] == ["aws_access_key_id", "aws_secret_access_key", "aws_session_token", "expiry_time"]
    assert found["aws_access_key_id"].startswith("ASIALOCAL")
    assert stack.area.get_credentials() != found


def test_an_empty_area_has_no_files(stack: Stack) -> None:
    assert [*stack.area.list()] == []
    assert [*stack.area.list(detail=True)] == []


def test_ud13_odd_names_are_listed_with_all_that_is_known(stack: Stack, tmp_path: Path) -> None:
    write(tmp_path, "b sp%20ace.csv", "a+#ü.csv")
    stack.area.upload_files([tmp_path])
    until(lambda: all(info["checksums"] for info in stack.area.list(detail=True)))
    assert [*stack.area.list()] == [{"name": "a+#ü.csv"}, {"name": "b sp%20ace.csv"}]
    info = [*stack.area.list(detail=True)][1]
    assert info["url"] == f"s3://{BUCKET}/{AREA}/b sp%20ace.csv"
    assert (info["size"], info["content_type"]) == (31, "text/csv; dcp-type=data")
    assert (info["checksums"]["crc32c"], info["checksums"]["s3_etag"]) == (CSV_CRC, CSV_ETAG)


def test_ud4_checksums_that_are_not_known_yet_are_none(stack: Stack) -> None:
    stack.objects.put(BUCKET, f"{AREA}/f", io.BytesIO(CSV))  # nobody told the service
    assert [info["checksums"] for info in stack.area.list(detail=True)] == [None]


def test_a_long_listing_comes_page_by_page(stack: Stack) -> None:
    for number in range(205):
        stack.objects.put(BUCKET, f"{AREA}/{number:03}", io.BytesIO(b""))
    found: Any = stack.area.list(detail=True)
    assert next(found)["name"] == "000"
    assert stack.upload.count("PUT", "/files_info") == 1
    assert len([*found]) == 204
    assert stack.upload.count("PUT", "/files_info") == 3


def test_other_areas_are_not_listed(stack: Stack) -> None:
    for key in (f"{AREA}0/x", f"{AREA}/y", f"{AREA}/", "z"):
        stack.objects.put(BUCKET, key, io.BytesIO(b""))
    assert [*stack.area.list()] == [{"name": "y"}]


def test_ud15_a_listing_is_not_accelerated(stack: Stack) -> None:
    seen = []
    for accelerate in (False, True):
        settings = {"upload": {"s3_endpoint_url": None}, "s3": {"endpoint_url": None}}
        area = UploadService("local", config=settings).upload_area(stack.area.uri)
        client = area.store(accelerate=accelerate)._client()
        url = client.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "k"})
        seen.append(url.partition("?")[0])
    assert ["accelerate" in url for url in seen] == [False, True]
    assert stack.area.store(accelerate=True)._client().meta.endpoint_url == stack.s3_url


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_another_store_in_the_environment_is_not_accelerated(
    variable: str, stack: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(variable, stack.s3_url)
    write(tmp_path, "a.csv")
    settings = {"upload": {"s3_endpoint_url": None}, "s3": {"endpoint_url": None}}
    area = UploadService("local", config=settings).upload_area(stack.area.uri)
    assert area.upload_files([tmp_path])["sent"] == 1
    assert stack.names() == ["a.csv"]


def test_states(stack: Stack, tmp_path: Path) -> None:
    write(tmp_path, "cells.csv")
    area = stack.area
    area.upload_files([tmp_path / "cells.csv"])
    until(lambda: area.checksum_status("cells.csv")["checksum_status"] == "CHECKSUMMED")
    assert area.checksum_status("cells.csv")["checksums"]["crc32c"] == CSV_CRC
    assert area.validation_status("cells.csv") == {"validation_status": "UNSCHEDULED", "validation_results": "N/A"}
    assert area.checksum_statuses()["TOTAL_NUM_FILES"] == 1
    assert area.validation_statuses()["VALIDATED"] == 0
    operator = stack.service.upload_area(area.uri)
    assert operator.validate_files(("cells.csv",), "labs/check:3", environment={"A": "b"})["validation_id"]
    until(lambda: area.validation_status("cells.csv")["validation_status"] == "VALIDATED")
    with pytest.raises(NotFoundError):
        area.checksum_status("nope")


@pytest.fixture
def odd() -> Any:
    """An area of a service that answers what it is told to."""
    with FakeServer() as server:
        settings = {
            "upload": {"preprod_api_url_template": f"{server.url}/v1", "s3_endpoint_url": server.url},
            "network": {"retries": 0},
        }
        service = UploadService("local", API_KEY, config=settings)
        yield server, service.upload_area(UploadAreaURI(f"s3://{BUCKET}/{AREA}"))


@pytest.mark.parametrize("status", [409, 423])
def test_ud12_an_area_that_is_locked_is_a_sentence(odd: Any, status: int) -> None:
    server, area = odd
    answer = Answer.problem(status, "not_writable", "Upload Area is Not Writable")
    server.on("POST", f"/v1/area/{AREA}/credentials", answer)
    with pytest.raises(ApiError, match="Upload Area is Not Writable") as caught:
        area.upload_files([__file__])
    assert caught.value.status == status


def test_answers_that_make_no_sense_are_sentences(odd: Any) -> None:
    server, area = odd
    server.on("GET", f"/v1/area/{AREA}/checksums", Answer.json([]))
    with pytest.raises(ApiError, match="not what its description promises"):
        area.checksum_statuses()
    server.on("POST", f"/v1/area/{AREA}", Answer.json({"uri": 5}))
    with pytest.raises(ApiError, match="does not tell where"):
        area.upload_service.create_area(AREA)
    for found in ([], {}, [{"name": "other"}], ["f"]):
        server.on("PUT", f"/v1/area/{AREA}/files_info", Answer.json(found))
        with pytest.raises(ApiError, match="describes other files"):
            [*area._described(["f"])]


def test_a_service_that_fails_is_not_an_area_that_does_not_exist(odd: Any) -> None:
    server, area = odd
    server.on("HEAD", f"/v1/area/{AREA}", Answer(400))
    with pytest.raises(ApiError):
        area.exists()
