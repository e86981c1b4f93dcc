"""A DSS just large enough for a client to download a bundle from it, or to upload one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from example_bundle import BUNDLE_UUID, CONTENTS, entries, page

import hca_dss
from hca_core.errors import AuthError
from hca_core.settings import Settings
from hca_core.testing import Answer, Blob, FakeServer, Request
from hca_core.transfer.content import Content
from hca_core.transfer.digest import checksums
from hca_core.transfer.job import ByteStream
from hca_core.transfer.objects import Labels, ObjectInfo, Stored
from hca_dss.client import DSSClient

TOKEN = "token-of-ada"


class FakeDSS(FakeServer):
    """Serves its API description, the bundle of the worked example with the contents of its files, and uploads.

    `files` are the registered files by uuid and version, `bundles` the bodies that were put.
    """

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryStore()
        self.files: dict[str, dict[str, dict[str, str]]] = {}
        self.bundles: list[dict[str, Any]] = []
        self.register: Callable[[Request], Answer] = self.accept_file
        self.blobs: dict[str, Blob] = {}
        self.on("GET", "/v1/swagger.json", self._description)
        self.publish(entries(), CONTENTS.values())

    def __enter__(self) -> FakeDSS:
        super().__enter__()
        return self

    @property
    def swagger_url(self) -> str:
        return f"{self.url}/v1/swagger.json"

    def client(self) -> DSSClient:
        return DSSClient(swagger_url=self.swagger_url, token=TOKEN)

    def publish(self, files: list[dict[str, Any]], contents: Iterable[bytes], per_page: int = 500) -> None:
        """Make these the files of the bundle."""
        parts = [files[start : start + per_page] for start in range(0, len(files), per_page)]
        path = f"/v1/bundles/{BUNDLE_UUID}"
        content_key = {"X-OpenAPI-Paginated-Content-Key": "bundle.files"}
        links = [f'<{self.url}{path}?replica=aws&start_at={start * per_page}>; rel="next"' for start in range(1, 500)]
        answers = [
            Answer.json(page(part), 206, {"Link": link, **content_key})
            for part, link in zip(parts[:-1], links, strict=False)
        ]
        self.on("GET", path, *answers, Answer.json(page(parts[-1] if parts else []), 200, content_key))
        for file, content in zip(files, contents, strict=True):
            blob = f"/blobs/{file['uuid']}"
            self.on("GET", f"/v1/files/{file['uuid']}", Answer.redirect(f"{self.url}{blob}?sig=x"))
            self.blobs[file["name"]] = self.serve_bytes(blob, content, etag=f'"{file["uuid"]}"')

    def answer(self, request: Request) -> Answer:
        found = super().answer(request)
        kind, _, uuid = request.path.removeprefix("/v1/").partition("/")
        if (request.method, kind) == ("PUT", "files"):
            return self.register(request)
        if (request.method, kind) == ("HEAD", "files"):
            return self.head_file(uuid, request.params.get("version", [None])[0])
        if (request.method, kind) == ("PUT", "bundles"):
            return self.accept_bundle(request)
        return found

    def accept_file(self, request: Request) -> Answer:
        if request.headers["Authorization"] != f"Bearer {TOKEN}":
            return Answer.problem(401, "Unauthorized", "who are you?")
        uuid, version = request.path.rpartition("/")[2], request.params["version"][0]
        source = request.json()["source_url"].removeprefix("s3://")
        if source not in self.store.objects:
            return Answer.problem(404, "not_found", source)
        tags = self.store.objects[source]["tags"]
        headers = {"X-DSS-VERSION": version, "X-DSS-SHA256": tags["hca-dss-sha256"]}
        self.files.setdefault(uuid, {})[version] = headers
        return Answer.json({"version": version}, 201)

    def head_file(self, uuid: str, version: str | None) -> Answer:
        versions = self.files.get(uuid, {})
        headers = versions.get(version or max(versions, default=""))
        return Answer(200, headers=headers) if headers else Answer(404)

    def accept_bundle(self, request: Request) -> Answer:
        body = request.json()
        missing = [file["name"] for file in body["files"] if file["version"] not in self.files.get(file["uuid"], {})]
        if missing:
            return Answer.problem(400, "file_missing", str(missing))
        self.bundles.append({**body, "uuid": request.path.rpartition("/")[2], "params": request.params})
        return Answer.json({"version": request.params["version"][0], "manifest": {}}, 201)

    def _description(self, _: Request) -> Answer:
        text = (Path(hca_dss.__file__).parent / "data/dss-api.json").read_text()
        return Answer.json({**json.loads(text), "host": self.host, "schemes": ["http"]})


class MemoryStore:
    """An object store in memory: `objects` by `bucket/key`; base names in `failing` cannot be put; of those in
    `partial` some bytes have been sent. If it is `write_only` nobody may look at what is there.
    """

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.failing: dict[str, Exception] = {}
        self.partial: dict[str, int] = {}
        self.puts = 0
        self.write_only = False

    @classmethod
    def from_settings(cls, settings: Settings) -> MemoryStore:
        return cls()

    def put(
        self,
        path: Path,
        bucket: str,
        key: str,
        *,
        content_type: str = "",
        metadata: Labels | None = None,
        tags: Labels | None = None,
        content: Content | None = None,
        on_bytes: Callable[[int], object] | None = None,
    ) -> Stored:
        self.puts += 1
        if path.name in self.failing:
            raise self.failing[path.name]
        data = path.read_bytes()
        sums = content.checksums if content else checksums(path)
        if on_bytes:
            on_bytes(len(data))
        found = dict(tags(sums)) if tags else {}
        self.objects[f"{bucket}/{key}"] = {"data": data, "content_type": content_type, "tags": found}
        return Stored("etag", sums, self.partial.get(path.name, 0))

    def head(self, bucket: str, key: str, *, tags: bool = True) -> ObjectInfo | None:
        if self.write_only:
            raise AuthError("only writing is allowed")
        found = self.objects.get(f"{bucket}/{key}")
        return ObjectInfo(len(found["data"]), "etag", found["content_type"], found["tags"]) if found else None

    def unfinished(self, bucket: str, key: str) -> int:
        return self.partial.get(key.rpartition("/")[2], 0)

    def open(self, url: str, *, offset: int = 0, validator: str | None = None) -> ByteStream:
        raise NotImplementedError


def entry(name: str, content: bytes, number: int = 1, **changed: Any) -> dict[str, Any]:
    """A file of a bundle as the DSS lists it."""
    path = Path("content")
    path.write_bytes(content)
    sums = checksums(path)
    path.unlink()
    return {
        "name": name,
        "uuid": f"0a000000-0000-4000-8000-{number:012d}",
        "version": "2024-05-01T120000.000000Z",
        "size": len(content),
        "indexed": name.endswith(".json"),
        "content-type": "application/octet-stream",
        **vars(sums),
        **changed,
    }
