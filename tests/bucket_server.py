"""An object store that speaks S3, with one bucket, in which a test can look and make faults."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from hca_local.listener import Listener
from hca_local.s3.app import S3App
from hca_local.s3.signing import AccessKey
from hca_local.s3.store import ObjectStore

BUCKET = "lung-atlas"
PREFIX = "lung"
USER = AccessKey("USER", "user-secret")
NOBODY = AccessKey("NOBODY", "other-secret", bucket="elsewhere")

Fault = Callable[[str, str], str | None]  # (method, path) -> status


class BucketServer:
    """The object store of hca-local; `seen` is what it was asked, `faults` may answer instead of it."""

    def __init__(self, folder: Path) -> None:
        self.store = ObjectStore(folder)
        self.store.create_bucket(BUCKET)
        self.seen: list[tuple[str, str]] = []
        self.faults: list[Fault] = []
        self._app = S3App(self.store, {key.id: key for key in (USER, NOBODY)}.get)
        self._listener = Listener()
        self._listener.serve(self, max_body=2**30)
        self.url = f"http://127.0.0.1:{self._listener.port}"

    def __enter__(self) -> BucketServer:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self.store.close()

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        request = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        self.seen.append(request)
        for fault in self.faults:
            status = fault(*request)
            if status:
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                start_response(status, [("Content-Length", "0")])
                return [b""]
        answer: Iterable[bytes] = self._app(environ, start_response)
        return answer

    def count(self, method: str) -> int:
        return sum(seen == method for seen, _ in self.seen)

    def contents(self) -> dict[str, bytes]:
        """All objects, up to a thousand, by their keys."""
        return {info.key: self.read(info.key) for info in self.store.list(BUCKET)}

    def read(self, key: str) -> bytes:
        with self.store.open(BUCKET, key) as reader:
            return reader.read()

    def metadata(self, key: str) -> dict[str, str]:
        info = self.store.head(BUCKET, key)
        assert info is not None
        return dict(info.metadata)

    def put(self, key: str, content: bytes, **metadata: str) -> None:
        self.store.put(BUCKET, key, io.BytesIO(content), metadata=metadata)


def use(server: BucketServer, monkeypatch: pytest.MonkeyPatch, key: AccessKey = USER) -> None:
    """Give the user of `hca` these keys."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key.id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key.secret)


def write_settings(path: Path, server: BucketServer, swagger_url: str, **network: Any) -> None:
    settings = {"DSSClient": {"swagger_url": swagger_url}, "s3": {"endpoint_url": server.url}, "network": network}
    path.write_text(json.dumps(settings))


def key_of(sha256: str, prefix: str = f"{PREFIX}/") -> str:
    return f"{prefix}.hca/v2/files_2_4/{sha256[:2]}/{sha256[2:6]}/{sha256}"
