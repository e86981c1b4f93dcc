"""The object store, served on loopback, and clients for it."""

from __future__ import annotations

import hashlib
import http.client
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from cheroot.wsgi import Server

from hca_local.s3.app import S3App
from hca_local.s3.signing import AccessKey
from hca_local.s3.store import ObjectStore

ROOT = AccessKey("ROOTKEY", "root-secret")
S3V4 = Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"total_max_attempts": 1})


@dataclass
class Clock:
    """The server's clock: real time, moved by the test."""

    offset: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.offset


@dataclass(frozen=True)
class Answer:
    """A response as it came over the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The S3 error code in the body."""
        return self.body.partition(b"<Code>")[2].partition(b"</Code>")[0].decode()


class Signer(S3SigV4Auth):
    """botocore's signer, with a payload hash of the test's choice."""

    def __init__(self, key: AccessKey, payload: str) -> None:
        super().__init__(Credentials(key.id, key.secret, key.session_token), "s3", "us-east-1")
        self._payload = payload

    def payload(self, request: Any) -> str:
        return self._payload


@dataclass
class S3:
    """A running object store."""

    store: ObjectStore
    endpoint: str
    clock: Clock
    keys: dict[str, AccessKey] = field(default_factory=dict)

    def client(self, key: AccessKey = ROOT, config: Config = S3V4, **options: Any) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=options.pop("endpoint_url", self.endpoint),
            region_name=options.pop("region_name", "us-east-1"),
            aws_access_key_id=key.id,
            aws_secret_access_key=key.secret,
            aws_session_token=key.session_token,
            config=config,
            **options,
        )

    def send(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        unsigned: Mapping[str, str] | None = None,
        body: bytes | Iterable[bytes] = b"",
        payload: str | None = None,
        key: AccessKey = ROOT,
    ) -> Answer:
        """Send one request that botocore signed, without anything else of botocore's."""
        if payload is None:
            assert isinstance(body, bytes)
            payload = hashlib.sha256(body).hexdigest()
        request = AWSRequest(method=method, url=self.endpoint + target, headers=dict(headers or {}))
        Signer(key, payload).add_auth(request)
        return self.send_raw(method, target, headers={**dict(request.headers), **(unsigned or {})}, body=body)

    def send_raw(
        self, method: str, target: str, *, headers: Mapping[str, str], body: bytes | Iterable[bytes] = b""
    ) -> Answer:
        """Send one request as it is; an iterable body goes in HTTP chunks."""
        connection = http.client.HTTPConnection(urlsplit(self.endpoint).netloc, timeout=20)
        try:
            encoded = {name: value.encode() for name, value in headers.items()}
            connection.request(method, target, body, encoded, encode_chunked=not isinstance(body, bytes))
            response = connection.getresponse()
            return Answer(response.status, dict(response.headers), response.read())
        finally:
            connection.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ObjectStore]:
    store = ObjectStore(tmp_path / "store")
    store.create_bucket("box")
    yield store
    store.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Serve a WSGI application on a free port of loopback and return its URL."""
    servers: list[Server] = []

    def serve(app: Any) -> str:
        server = Server(("127.0.0.1", 0), app, numthreads=4, timeout=2, shutdown_timeout=1)
        server.expiration_interval = 0.01  # how long stopping may take to be noticed
        server.prepare()
        servers.append(server)
        threading.Thread(target=server.serve, daemon=True).start()
        return f"http://127.0.0.1:{server.bind_addr[1]}"

    yield serve
    for server in servers:
        server.stop()


@pytest.fixture
def s3(store: ObjectStore, serve: Callable[..., str]) -> S3:
    """The store with one bucket `box`, served to the unrestricted key ROOT."""
    clock, keys = Clock(), {ROOT.id: ROOT}
    return S3(store, serve(S3App(store, keys.get, clock=clock)), clock, keys)


@pytest.fixture
def client(s3: S3) -> Any:
    """The real boto3 client of the unrestricted key."""
    return s3.client()
