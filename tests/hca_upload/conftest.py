"""The upload service and its object store on this machine, and a user whose settings lead to them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from hca_core.openapi.document import bundled
from hca_core.openapi.parse import parse
from hca_core.testing import Result, run
from hca_local.listener import Listener
from hca_local.s3.app import S3App
from hca_local.s3.signing import AccessKey
from hca_local.s3.store import ObjectStore
from hca_local.upload.app import UploadApp
from hca_upload import UploadArea, UploadAreaURI, UploadConfig, UploadService

AREA = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
OTHER = "7c01d2aa-7425-40de-944b-e07fc1f90ae7"
NOBODY = "00000000-0000-4000-8000-000000000000"
BUCKET = "org-humancellatlas-upload-local"
API_KEY = "ingest-key"
USER = AccessKey("USER", "user-secret")
DOCUMENT = bundled("hca_upload:data/upload-api.json")
API = parse(DOCUMENT)
CSV = b"barcode,reads\nAAAC,120\nAAAG,98\n"
CSV_ETAG = "bebdcc32360bf730c98ffb3c3f430729"
CSV_CRC = "8df3121c"


@dataclass(frozen=True)
class Seen:
    """A request that a service got; `size` is the number of bytes in its body."""

    method: str
    path: str
    query: str
    size: int
    headers: dict[str, str]


App = Callable[[Any, Any], Iterable[bytes]]


class Recorder:
    """Notes what an application is asked, and lets a test answer instead: `faults` return None to let it pass."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.seen: list[Seen] = []
        self.faults: list[Callable[[Seen], str | None]] = []

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        headers = {name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
        size = int(environ.get("CONTENT_LENGTH") or 0)
        path = unquote(environ["REQUEST_URI"].partition("?")[0])
        request = Seen(environ["REQUEST_METHOD"], path, environ["QUERY_STRING"], size, headers)
        self.seen.append(request)
        for fault in self.faults:
            status = fault(request)
            if status:
                environ["wsgi.input"].read(size)
                start_response(status, [("Content-Length", "0")])
                return [b""]
        return self.app(environ, start_response)

    def count(self, method: str, ending: str = "") -> int:
        return sum(one.method == method and one.path.endswith(ending) for one in self.seen)

    def sent(self) -> int:
        """How many bytes of files came in."""
        return sum(one.size for one in self.seen if one.method == "PUT")


def failing(method: str, ending: str, status: str = "500 Internal Server Error") -> Callable[[Seen], str | None]:
    return lambda one: status if one.method == method and one.path.endswith(ending) else None


@dataclass
class Stack:
    """Both services; `late` are the seconds by which the clock of the upload service differs from ours."""

    folder: Path
    objects: ObjectStore
    late: float = 0.0
    keyring: Callable[[str], AccessKey | None] = field(default=lambda _: None)

    def serve(self, upload: Listener, s3: Listener) -> None:
        self.upload_url, self.s3_url = f"http://127.0.0.1:{upload.port}", f"http://127.0.0.1:{s3.port}"
        self.app = UploadApp(
            API,
            DOCUMENT,
            root=self.folder / "upload",
            store=self.objects,
            public_url=self.upload_url,
            api_key=API_KEY,
            readable=["staging"],
            now=lambda: time.time() + self.late,
        )
        self.keyring = lambda id: USER if id == USER.id else self.app.keys.find(id)
        self.upload = Recorder(self.app)
        self.s3 = Recorder(S3App(self.objects, lambda id: self.keyring(id)))
        upload.serve(self.upload, max_body=2**30)
        s3.serve(self.s3, max_body=2**30)

    @property
    def service(self) -> UploadService:
        return UploadService("local", API_KEY)

    @property
    def area(self) -> UploadArea:
        """The first area, as one who is no operator sees it."""
        return UploadService("local").upload_area(UploadAreaURI(f"s3://{BUCKET}/{AREA}/"))

    def names(self, area: str = AREA) -> list[str]:
        """What is in an area, up to a thousand files."""
        return [found.key.removeprefix(f"{area}/") for found in self.objects.list(BUCKET, prefix=f"{area}/")]

    def head(self, name: str, area: str = AREA) -> Any:
        return self.objects.head(BUCKET, f"{area}/{name}")

    def content(self, name: str, area: str = AREA) -> bytes:
        with self.objects.open(BUCKET, f"{area}/{name}") as reader:
            return reader.read()

    def announced(self) -> list[str]:
        """The files that the service was told of."""
        prefix = f"/v1/area/{AREA}/"
        posts = [one.path for one in self.upload.seen if one.method == "POST" and one.path.startswith(prefix)]
        return sorted(path.removeprefix(prefix) for path in posts if not path.endswith("/credentials"))

    def state(self, name: str) -> str:
        return str(self.area.checksum_status(name)["checksum_status"])


@pytest.fixture
def stack(tmp_path_factory: pytest.TempPathFactory, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """A service with one area, and settings that lead there; nothing is selected."""
    folder = tmp_path_factory.mktemp("stack")
    objects = ObjectStore(folder / "s3")
    objects.create_bucket("staging")
    found = Stack(folder, objects)
    with Listener() as upload, Listener() as s3:
        found.serve(upload, s3)
        settings = {
            "upload": {
                "preprod_api_url_template": f"{found.upload_url}/v1",
                "s3_endpoint_url": found.s3_url,
            },
            "s3": {"endpoint_url": found.s3_url},
            "network": {"retries": 2, "deadline": 5},
        }
        (folder / "config.json").write_text(json.dumps(settings))
        monkeypatch.setenv("HCA_CONFIG_FILE", str(folder / "config.json"))
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", USER.id)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", USER.secret)
        found.service.create_area(AREA)
        found.upload.seen.clear()
        yield found
    found.app.close()
    objects.close()


@pytest.fixture
def selected(stack: Stack) -> Stack:
    """The same with its area selected."""
    config = UploadConfig()
    uri = UploadAreaURI(f"s3://{BUCKET}/{AREA}/")
    config.add_area(uri)
    config.select_area(AREA)
    return stack


@pytest.fixture
def upload() -> Callable[..., Result]:
    """Run `hca upload …`."""
    return lambda *words: run("upload", *words)


def until(condition: Callable[[], Any], seconds: float = 20) -> Any:
    """Wait until something is true, and return it."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it does not come true"
        time.sleep(0.01)
    return found


def write(folder: Path, *names: str, content: bytes = CSV) -> Path:
    """Make files in a folder, each with its own name at its end if no content is given."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def big(path: Path, size: int) -> Path:
    """Make a large file that takes little space but differs from part to part."""
    with path.open("wb") as file:
        for start in range(0, size, 64 * 2**20):
            file.seek(start)
            file.write(os.urandom(min(7, size - start)))
        file.truncate(size)
    return path
