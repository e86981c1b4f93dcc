import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from gcp_storage_emulator.server import create_server

from hca_core.errors import AuthError, NetworkError, NotFoundError
from hca_core.transfer.digest import checksums
from hca_core.transfer.fetch import fetch
from hca_core.transfer.job import TransferJob
from hca_dss.gcs import GCSStore

TAGS = {"hca-dss-sha1": "a" * 40, "hca-dss-crc32c": "00000000"}


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[GCSStore]:
    """A store that talks to the emulator of the package index."""
    server = create_server("127.0.0.1", 0, in_memory=True, default_bucket="staging")
    server.start()
    host, port = server._api._httpd.server_address
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://{host}:{port}")
    yield GCSStore()
    server.stop()


@pytest.mark.parametrize("size", [0, 1, 9_000_000])
def test_a_file_is_sent_with_its_metadata(store: GCSStore, tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "f").write_bytes(data)
    told: list[int] = []
    stored = store.put(
        tmp_path / "f", "staging", "a/key.bin", content_type="text/x", tags=lambda _: TAGS, on_bytes=told.append
    )
    assert stored.checksums == checksums(tmp_path / "f")
    assert sum(told) == size
    found = store.head("staging", "a/key.bin")
    assert found is not None
    assert (found.size, found.content_type, found.tags) == (size, "text/x", TAGS)
    stream = store.open("gs://staging/a/key.bin")
    read = bytearray(size + 1)
    position = 0
    while count := stream.readinto(memoryview(read)[position:]):
        position += count
    stream.close()
    assert bytes(read[:position]) == data


def test_an_object_can_be_fetched_and_continued(store: GCSStore, tmp_path: Path) -> None:
    data = os.urandom(2_000_000)
    (tmp_path / "f").write_bytes(data)
    store.put(tmp_path / "f", "staging", "k")
    job = TransferJob(
        "k", "gs://staging/k", tmp_path / "out", "k", size=len(data), sha256=hashlib.sha256(data).hexdigest()
    )
    assert fetch(job, store.open).status == "fetched"
    assert (tmp_path / "out").read_bytes() == data
    stream = store.open("gs://staging/k", offset=1_999_990)
    assert (stream.status, stream.headers["Content-Range"]) == (206, "bytes 1999990-1999999/2000000")
    buffer = bytearray(100)
    assert bytes(buffer[: stream.readinto(memoryview(buffer))]) == data[-10:]
    assert store.open("gs://staging/k", offset=5, validator='"something else"').status == 200


def test_what_is_missing_is_named(store: GCSStore, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    assert store.head("staging", "nothing") is None
    with pytest.raises(NotFoundError, match="gs://staging/nothing"):
        store.open("gs://staging/nothing")
    with pytest.raises(NotFoundError, match="gs://no-such-bucket/k"):
        store.put(tmp_path / "f", "no-such-bucket", "k")


def test_without_credentials_the_hint_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "f").write_bytes(b"x")
    monkeypatch.setenv("NO_GCE_CHECK", "true")  # or Google's library asks a link-local address who we are
    with pytest.raises(AuthError) as caught:
        GCSStore().put(tmp_path / "f", "staging", "k")
    assert "GOOGLE_APPLICATION_CREDENTIALS" in (caught.value.hint or "")


def test_nobody_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from google.cloud.storage import retry

    monkeypatch.setattr(retry.DEFAULT_RETRY, "_timeout", 0.1)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:1")
    with pytest.raises(NetworkError, match="gs://staging/k"):
        GCSStore().head("staging", "k")


def test_a_file_that_cannot_be_read_is_the_callers_matter(store: GCSStore, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        store.put(tmp_path / "missing", "staging", "k")
