"""A DSS with its object store, over real HTTP, and the worked example to fill it with."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import requests
from example_bundle import BUNDLE_UUID, BUNDLE_VERSION, CONTENTS, FILE_VERSION, entries, file_uuid

from hca_core.openapi.document import bundled
from hca_core.openapi.parse import parse
from hca_core.transfer.digest import checksums
from hca_local.dss.app import DssApp
from hca_local.listener import Listener
from hca_local.s3.app import S3App
from hca_local.s3.signing import AccessKey
from hca_local.s3.store import ObjectStore
from hca_local.users import User, Users, to_record

KEY = AccessKey("KEY", "secret")
NOW = datetime(2024, 5, 1, 12, 5, 0, 123456, tzinfo=timezone.utc)
PEOPLE = {
    "ada": User("ada@example.org", "hca"),
    "bob": User("bob@example.org", "public"),
    "root": User("root@example.org", "hca", admin=True),
}
USERS = Users.from_records([to_record(user, f"token-of-{name}") for name, user in PEOPLE.items()])
DOCUMENT = bundled("hca_dss:data/dss-api.json")
API = parse(DOCUMENT)


class Switch:
    """A WSGI application that can be another one for each test."""

    app: Callable[..., Iterable[bytes]]

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        return self.app(environ, start_response)


@dataclass
class Ports:
    dss: Switch
    s3: Switch
    dss_url: str
    s3_url: str


@pytest.fixture(scope="session")
def ports() -> Iterator[Ports]:
    with Listener() as dss, Listener() as s3:
        found = Ports(Switch(), Switch(), f"http://127.0.0.1:{dss.port}", f"http://127.0.0.1:{s3.port}")
        dss.serve(found.dss, max_body=2**30)
        s3.serve(found.s3, max_body=2**30)
        yield found


@dataclass
class Dss:
    """A service, whose time is `moment`, and a client of it."""

    ports: Ports
    folder: Path
    store: ObjectStore
    options: dict[str, Any] = field(default_factory=dict)
    moment: datetime = NOW
    session: requests.Session = field(default_factory=requests.Session)

    def open(self) -> None:
        self.app = DssApp(
            API,
            DOCUMENT,
            root=self.folder / "dss",
            store=self.store,
            public_url=self.ports.dss_url,
            s3_url=self.ports.s3_url,
            access_key=KEY,
            users=USERS,
            now=lambda: self.moment,
            **self.options,
        )
        self.ports.dss.app = self.app

    def reopen(self, **options: Any) -> None:
        self.app.close()
        self.options = options
        self.open()

    def wait(self, seconds: float) -> None:
        """Let time pass for the service."""
        self.moment += timedelta(seconds=seconds)

    def send(self, method: str, path: str, *, user: str | None = "ada", body: Any = None, **query: Any) -> Any:
        return self.session.request(
            method,
            path if path.startswith("http") else f"{self.ports.dss_url}/v1{path}",
            params=query or None,
            json=body,
            headers={"Authorization": f"Bearer token-of-{user}"} if user else {},
            allow_redirects=False,
            timeout=10,
        )

    def stage(
        self, key: str, content: bytes, content_type: str, *, tags: Mapping[str, str] | None = None, **more: Any
    ) -> str:
        """Upload an object with its checksums in tags, upper case on purpose; return its address."""
        if tags is None:
            sums = asdict(checksums(io.BytesIO(content), len(content)))
            tags = {f"hca-dss-{name}": value.upper() for name, value in sums.items()}
        self.store.put("stage", key, io.BytesIO(content), content_type=content_type, tags=tags, **more)
        return f"s3://stage/{key}"

    def put_file(
        self, url: str, uuid: str, *, creator_uid: int = 8008, version: str = FILE_VERSION, **more: Any
    ) -> Any:
        body = {"source_url": url, "creator_uid": creator_uid}
        return self.send("PUT", f"/files/{uuid}", body=body, version=version, **more)

    def put_files(self) -> list[dict[str, Any]]:
        """Put the five files of the example; return them as a bundle lists them."""
        for entry in entries():
            url = self.stage(entry["uuid"], CONTENTS[entry["name"]], entry["content-type"])
            assert self.put_file(url, entry["uuid"]).status_code == 201
        return [{key: entry[key] for key in ("uuid", "version", "name", "indexed")} for entry in entries()]

    def put_bundle(
        self, files: list[dict[str, Any]], uuid: str = BUNDLE_UUID, version: str = BUNDLE_VERSION, **more: Any
    ) -> Any:
        body = {"creator_uid": 8008, "files": files}
        return self.send("PUT", f"/bundles/{uuid}", body=body, replica="aws", version=version, **more)

    def put_example(self) -> list[dict[str, Any]]:
        files = self.put_files()
        assert self.put_bundle(files).status_code == 201
        return files

    def put_many(self, count: int) -> list[str]:
        """Put bundles without files; return their uuids in order."""
        uuids = [f"b0000000-0000-4000-8000-{number:012d}" for number in range(count)]
        for uuid in uuids:
            assert self.put_bundle([], uuid).status_code == 201
        return uuids


@pytest.fixture
def dss(tmp_path: Path, ports: Ports) -> Iterator[Dss]:
    store = ObjectStore(tmp_path / "s3")
    store.create_bucket("stage")
    ports.s3.app = S3App(store, {KEY.id: KEY}.get, clock=NOW.timestamp)
    service = Dss(ports, tmp_path, store)
    service.open()
    yield service
    service.session.close()
    service.app.close()
    store.close()


@pytest.fixture
def marker() -> dict[str, Any]:
    """The entry of the example's empty file."""
    return {"uuid": file_uuid(5), "version": FILE_VERSION, "name": "empty.marker", "indexed": False}
