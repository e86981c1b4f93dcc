"""The upload areas of a stack, seen from outside of its process."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from hca_core.errors import HcaError
from hca_core.http import Session
from hca_core.paths import check_uuid
from hca_local.root import Root, read_secrets
from hca_local.state import running
from hca_local.upload.areas import Areas
from hca_local.upload.database import database_file, open_database
from hca_local.upload.names import BUCKET, area_uri

__all__ = ["create", "delete", "list_areas"]


def create(root: Root, area: str | None = None) -> dict[str, Any]:
    """Make an upload area, with a new UUID if none is given; return its `uuid` and `uri`.

    Raises:
        HcaError: the stack is not running, or the area is being deleted.
    """
    wanted = check_uuid(area) if area else str(uuid.uuid4())
    with _service(root) as service:
        return {"uuid": wanted, "uri": service.send("POST", wanted).json()["uri"]}


def delete(root: Root, area: str) -> None:
    """Begin to delete an upload area.

    Raises:
        HcaError: the stack is not running, or there is no such area.
    """
    with _service(root) as service:
        service.send("DELETE", check_uuid(area))


def list_areas(root: Root) -> list[dict[str, Any]]:
    """Return the areas that exist, the oldest first; the stack need not run."""
    if not database_file(root.upload).exists():
        return []
    with closing(open_database(root.upload)) as database:
        return [
            {"uuid": area.uuid, "uri": area_uri(BUCKET, area.uuid), "status": area.status}
            for area in Areas(database, time.time).all()
        ]


@dataclass(frozen=True)
class _Service:
    """The upload service of a stack that runs."""

    session: Session
    url: str
    key: str = field(repr=False)

    def send(self, method: str, area: str) -> Any:
        return self.session.send(method, f"{self.url}/v1/area/{area}", headers={"Api-Key": self.key}, retryable=True)


@contextmanager
def _service(root: Root) -> Iterator[_Service]:
    state = running(root)
    if state is None:
        raise HcaError(f"The stack in {root.path} is not running.", hint="Start it: `hca local up`.")
    with closing(Session()) as session:
        yield _Service(session, state.url("upload"), read_secrets(root).upload_api_key)
