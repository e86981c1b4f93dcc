"""Serves single parts of the embedded DSS beside the whole one, at the same address."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from hca_core.openapi.document import bundled
from hca_core.openapi.parse import parse
from hca_local.dss.blobs import Blobs
from hca_local.dss.records import Records
from hca_local.dss.versions import Versions, is_version
from hca_local.router import Format, Handler, Router
from hca_local.users import User, Users, to_record

API = parse(bundled("hca_dss:data/dss-api.json"))
NOW = datetime(2024, 5, 1, 12, 5, 1, tzinfo=timezone.utc).timestamp()  # just after that of the whole service
_PEOPLE = [("ada", "hca"), ("bob", "public"), ("eve", "hca")]
USERS = Users.from_records(
    [to_record(User(f"{name}@example.org", group), f"token-of-{name}") for name, group in _PEOPLE]
)


class Clock:
    """A time that stands still, or moves on by `step` each time it is asked for."""

    def __init__(self, step: timedelta = timedelta()) -> None:
        self.now = datetime(2024, 5, 2, 8, 15, tzinfo=timezone.utc)
        self.step = step

    def __call__(self) -> datetime:
        self.now += self.step
        return self.now


def versions() -> Versions:
    """Return what tells versions, as if the service had just been started at a fixed time."""
    return Versions(Clock(timedelta(microseconds=1)))


def serve_part(dss: Any, path: str, handlers: Mapping[str, Handler]) -> None:
    """Answer requests below `path` with `handlers`, all others with the service that is there already."""
    router = Router(
        API,
        handlers,
        public_url=dss.ports.dss_url,
        users=USERS,
        formats={"DSS_VERSION": Format(is_version, "illegal_version")},
    )
    whole: Callable[..., Iterable[bytes]] = dss.app

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        return (router if environ["PATH_INFO"].startswith(f"/v1{path}") else whole)(environ, start_response)

    dss.ports.dss.app = app


@contextmanager
def own_records(dss: Any) -> Iterator[tuple[Records, Blobs]]:
    """What the service knows, opened once more."""
    records = Records(Path(dss.folder) / "dss", now=lambda: NOW)
    yield records, Blobs(dss.store)
    records.close()
