"""An upload service with its object store, over real HTTP, and S3 clients with the keys that it gives out."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import pytest
import requests
from botocore.config import Config

from hca_core.openapi.document import bundled
from hca_core.openapi.parse import parse
from hca_local.guard import Guard
from hca_local.listener import Listener
from hca_local.s3.app import S3App
from hca_local.s3.signing import AccessKey
from hca_local.s3.store import ObjectStore
from hca_local.upload.app import UploadApp
from hca_local.upload.database import open_database
from hca_local.upload.files import Files

AREA = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
OTHER = "7c01d2aa-7425-40de-944b-e07fc1f90ae7"
NOBODY = "00000000-0000-4000-8000-000000000000"
BUCKET = "org-humancellatlas-upload-local"
API_KEY = "ingest-key"
ROOT = AccessKey("ROOT", "root-secret")
DOCUMENT = bundled("hca_upload:data/upload-api.json")
API = parse(DOCUMENT)
S3V4 = Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"total_max_attempts": 1})

CSV = b"barcode,reads\nAAAC,120\nAAAG,98\n"
CSV_SUMS = {
    "crc32c": "8df3121c",
    "sha1": "e3e6e26e2c065c357254b302c030dd5046557440",
    "sha256": "1a36d65fecebf500f7a31740b2941459e74725d49cfa0327fdd0ac15d77c5b66",
    "s3_etag": "bebdcc32360bf730c98ffb3c3f430729",
}
DONOR = b'{"donor": "D-001", "age": 44}\n'
DONOR_TYPE = 'application/json; dcp-type="metadata/donor"'
DONOR_SUMS = {
    "crc32c": "e1df6c4b",
    "sha1": "a9c2f45c26f361ac0cd3fd32a58ec4ed3a7ef894",
    "sha256": "da0e5a3fad12110c3de664c6e5fae6656360d3f360d1e03e5e2409fadcd03ae2",
    "s3_etag": "d90220f44725a09f5b2c4d96b172531b",
}


def tag_set(sums: dict[str, str]) -> dict[str, str]:
    return {f"hca-dss-{name}": value for name, value in sums.items()}


class Switch:
    """A WSGI application that can be another one for each test."""

    app: Callable[..., Iterable[bytes]]

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        return self.app(environ, start_response)


@dataclass
class Ports:
    upload: Switch
    s3: Switch
    upload_url: str
    s3_url: str


@pytest.fixture(scope="session")
def ports() -> Iterator[Ports]:
    with Listener() as upload, Listener() as s3:
        found = Ports(Switch(), Switch(), f"http://127.0.0.1:{upload.port}", f"http://127.0.0.1:{s3.port}")
        upload.serve(Guard(found.upload, upload.port), max_body=2**30)
        s3.serve(found.s3, max_body=2**30)
        yield found


class Gate:
    """Holds who comes to it until it is opened."""

    def __init__(self) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()

    def wait(self) -> None:
        self.reached.set()
        assert self.opened.wait(20)


class SlowStore(ObjectStore):
    """A store whose objects take their time to be read, or seem larger than they are, while it is told so.

    `gate` holds those who ask for unfinished uploads, which is how the emptying of an area begins.
    """

    pause = 0.0
    seeming_size: int | None = None
    gate: Gate | None = None

    def head(self, bucket: str, key: str) -> Any:
        found = super().head(bucket, key)
        return replace(found, size=self.seeming_size) if found and self.seeming_size else found

    def list_uploads(self, *words: Any, **more: Any) -> Any:
        if self.gate:
            self.gate.wait()
        return super().list_uploads(*words, **more)

    def open(self, bucket: str, key: str) -> Any:
        reader = super().open(bucket, key)
        return SlowReader(reader, lambda: self.pause) if self.pause else reader


class SlowReader(io.BufferedReader):
    def __init__(self, reader: Any, pause: Callable[[], float]) -> None:
        super().__init__(reader.detach())
        self.info = reader.info
        self.pause = pause

    def readinto(self, buffer: Any, /) -> int:
        time.sleep(self.pause())
        return super().readinto(buffer)


@dataclass
class Upload:
    """A service, and clients of it; `late` are the seconds by which its clock differs from ours."""

    ports: Ports
    folder: Path
    store: SlowStore
    options: dict[str, Any] = field(default_factory=dict)
    late: float = 0.0
    session: requests.Session = field(default_factory=requests.Session)

    def now(self) -> float:
        return time.time() + self.late

    def open(self, **options: Any) -> None:
        chosen = {"api_key": API_KEY, "readable": ["staging"], **options}
        self.app = UploadApp(
            API,
            DOCUMENT,
            root=self.folder / "upload",
            store=self.store,
            public_url=self.ports.upload_url,
            now=self.now,
            **chosen,
        )
        self.ports.upload.app = self.app
        keyring = self.app.keys.find
        self.ports.s3.app = S3App(self.store, lambda id: ROOT if id == ROOT.id else keyring(id), clock=self.now)

    def reopen(self, **options: Any) -> None:
        self.app.close()
        self.open(**options)

    # ── the service ──

    def send(self, method: str, path: str, *, key: str | None = API_KEY, **options: Any) -> Any:
        headers = {**({"Api-Key": key} if key is not None else {}), **options.pop("headers", {})}
        return self.session.request(
            method, f"{self.ports.upload_url}{path}", headers=headers, timeout=20, allow_redirects=False, **options
        )

    def area(self, method: str, rest: str = "", *, area: str = AREA, **options: Any) -> Any:
        """Ask about an area; `rest` is what follows its UUID."""
        return self.send(method, f"/v1/area/{area}{rest}", **options)

    def make_area(self, area: str = AREA) -> None:
        assert self.area("POST", area=area).status_code == 201

    def put(self, name: str, content: bytes, content_type: str = "text/plain; dcp-type=data", **options: Any) -> Any:
        """Store a file through the service."""
        return self.area("PUT", f"/{quote(name)}", data=content, headers={"Content-Type": content_type}, **options)

    def announce(self, name: str, **options: Any) -> Any:
        return self.area("POST", f"/{quote(name)}", key=None, **options)

    def checksum(self, name: str) -> Any:
        return self.area("GET", f"/{quote(name)}/checksum", key=None).json()

    def event(self, name: str, area: str = AREA) -> str:
        """The name under which the checksums of a file are computed; only the service's own jobs learn of it."""
        with closing(open_database(self.folder / "upload")) as database:
            file = Files(database).find(area, name)
        assert file is not None
        return file.event

    # ── S3 ──

    def credentials(self, area: str = AREA) -> AccessKey:
        answer = self.area("POST", "/credentials", area=area, key=None)
        assert answer.status_code == 201, answer.text
        found = answer.json()
        return AccessKey(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])

    def s3(self, key: AccessKey | None = None) -> Any:
        """A real client, with fresh credentials for the area unless others are given."""
        key = key or self.credentials()
        return boto3.client(
            "s3",
            endpoint_url=self.ports.s3_url,
            region_name="us-east-1",
            aws_access_key_id=key.id,
            aws_secret_access_key=key.secret,
            aws_session_token=key.session_token,
            config=S3V4,
        )

    def s3_root(self) -> Any:
        """A client that may do everything."""
        return self.s3(ROOT)

    def upload(self, name: str, content: bytes, *, area: str = AREA, crc32c: str | None = None, **more: Any) -> None:
        """Put a file into the store, as a client does."""
        metadata = {"crc32c": crc32c} if crc32c else {}
        self.store.put(BUCKET, f"{area}/{name}", io.BytesIO(content), metadata=metadata, **more)

    def tags(self, name: str, area: str = AREA) -> dict[str, str]:
        return self.store.get_tags(BUCKET, f"{area}/{name}")


def until(condition: Callable[[], Any], seconds: float = 20) -> Any:
    """Wait until something is true, and return it."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, "it does not come true"
        time.sleep(0.005)


@pytest.fixture
def bare(tmp_path: Path, ports: Ports) -> Iterator[Upload]:
    """A service without any area."""
    store = SlowStore(tmp_path / "s3")
    store.create_bucket("staging")
    service = Upload(ports, tmp_path, store)
    service.open()
    yield service
    service.session.close()
    service.app.close()
    store.close()


@pytest.fixture
def upload(bare: Upload, monkeypatch: pytest.MonkeyPatch) -> Upload:
    """A service with one area."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    bare.make_area()
    return bare
