"""The Python client, as the documentation describes it."""

from __future__ import annotations

import base64
import inspect
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from example_bundle import BUNDLE_UUID, CONTENTS
from fake_dss import FakeDSS

import hca_dss
from hca_core.client import ApiClient
from hca_core.errors import ArgumentError
from hca_core.testing import Answer
from hca_dss.version import check_version

EMPTY = inspect.Parameter.empty


@pytest.fixture
def dss() -> Iterator[FakeDSS]:
    with FakeDSS() as server:
        yield server


def test_public_names_are_loaded_when_they_are_asked_for() -> None:
    code = "import sys, hca_dss; print('hca_dss.client' in sys.modules); hca_dss.DSSFile; hca_dss.DSSClient"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"
    assert hca_dss.__all__ == ["DSSClient", "DSSFile", "TaskRunner"]
    assert hca_dss.TaskRunner.__name__ == "TaskRunner"
    with pytest.raises(AttributeError, match="nonsense"):
        _ = hca_dss.nonsense


def test_dss_file_has_the_documented_fields() -> None:
    assert hca_dss.DSSFile._fields == ("name", "uuid", "version", "sha256", "size", "indexed", "replica")


def test_a_bundles_own_document_is_a_file_too() -> None:
    file = hca_dss.DSSFile.for_bundle_manifest(b"{}", BUNDLE_UUID, "2024-05-01T120100.000000Z", "gcp")
    sha256 = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert file == ("bundle.json", BUNDLE_UUID, "2024-05-01T120100.000000Z", sha256, 2, False, "gcp")


@pytest.mark.parametrize(
    ("method", "documented"),
    [
        (
            hca_dss.DSSClient.upload,
            {
                "src_dir": EMPTY,
                "replica": EMPTY,
                "staging_bucket": EMPTY,
                "timeout_seconds": 1200,
                "no_progress": False,
                "bundle_uuid": None,
            },
        ),
        (
            hca_dss.DSSClient.download,
            {
                "bundle_uuid": EMPTY,
                "replica": EMPTY,
                "version": "",
                "download_dir": "",
                "metadata_filter": ("*",),
                "data_filter": ("*",),
                "no_metadata": False,
                "no_data": False,
                "num_retries": 10,
                "min_delay_seconds": 0.25,
            },
        ),
        (
            hca_dss.DSSClient.download_manifest,
            {
                "manifest": EMPTY,
                "replica": EMPTY,
                "layout": "none",
                "no_metadata": False,
                "no_data": False,
                "num_retries": 10,
                "min_delay_seconds": 0.25,
                "download_dir": "",
            },
        ),
        (
            hca_dss.DSSClient.download_collection,
            {"uuid": EMPTY, "replica": EMPTY, "version": None, "download_dir": ""},
        ),
    ],
)
def test_documented_signatures(method: Callable[..., Any], documented: dict[str, Any]) -> None:
    parameters = list(inspect.signature(method).parameters.values())[1:]
    positional = [parameter for parameter in parameters if parameter.kind is not parameter.KEYWORD_ONLY]
    assert {parameter.name: parameter.default for parameter in positional} == documented


def test_it_is_the_client_of_the_api(dss: FakeDSS) -> None:
    assert issubclass(hca_dss.DSSClient, ApiClient)
    with dss.client() as client:
        assert client.get_bundle(uuid=BUNDLE_UUID, replica="aws")["bundle"]["uuid"] == BUNDLE_UUID


def test_create_version_returns_growing_versions() -> None:
    client = hca_dss.DSSClient()
    first, second = client.create_version(), client.create_version()
    assert check_version(first) < check_version(second)


def test_download_prints_nothing(dss: FakeDSS, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with dss.client() as client:
        client.download(BUNDLE_UUID, "aws")
    assert len([path for path in home.rglob(f"{BUNDLE_UUID}*/**/*") if path.is_file()]) == len(CONTENTS) + 1
    assert capfd.readouterr() == ("", "")


def test_get_collections_may_be_given_a_replica_as_in_the_documentation(dss: FakeDSS) -> None:
    dss.on("GET", "/v1/collections", Answer.json({"collections": []}))
    with dss.client() as client:
        assert client.get_collections(replica="aws") == {"collections": []}
        assert list(client.get_collections.iterate(replica="aws")) == []
        with pytest.raises(ArgumentError, match="no parameter 'replica'"):
            client.put_file("s3://b/k", 0, BUNDLE_UUID, "2024-05-01T120100.000000Z", replica="aws")
    assert not any("replica" in request.params for request in dss.requests)


@pytest.mark.parametrize(("seconds", "expired"), [(-5, True), (5, True), (3600, False)])
def test_expired_token_tells_of_the_token_in_use(dss: FakeDSS, seconds: int, expired: bool) -> None:
    dss.on("GET", "/v1/collections", Answer.json({"collections": []}))
    claims = base64.urlsafe_b64encode(json.dumps({"exp": time.time() + seconds}).encode()).decode().rstrip("=")
    with hca_dss.DSSClient(swagger_url=dss.swagger_url, token=f"e30.{claims}.e30") as client:
        assert not client.expired_token()
        client.get_collections()
        assert client.expired_token() is expired
    assert not client.expired_token()
