"""A PACS for tests that does as it is told: it answers C-FIND, C-GET and C-MOVE, rightly or not."""

from __future__ import annotations

import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator
from socketserver import BaseServer
from typing import Any

import trustme
from pydicom import Dataset
from pydicom.uid import AllTransferSyntaxes, SecondaryCaptureImageStorage
from pynetdicom import AE, build_context, evt
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)
from pynetdicom.transport import ThreadedAssociationServer

Answer = tuple[int, Dataset | None]
Fault = Callable[[Any, list[Dataset]], Iterator[Answer]]
_KEYS = {"SERIES": "SeriesInstanceUID", "IMAGE": "SOPInstanceUID"}


class DicomPeer:
    """A PACS on 127.0.0.1 that holds `instances`; use it in a `with` statement.

    `fail` sets faults for its next answers. `asked` has what was asked for by C-GET and C-MOVE: the level, and the UID
    of the series or those of the instances. `associations` counts those that were accepted.
    """

    title = "PEER"

    def __init__(
        self,
        instances: list[Dataset],
        *,
        find: bool = True,
        get: bool = True,
        callers: tuple[str, ...] = (),
        certificate: trustme.LeafCert | None = None,
        authority: trustme.CA | None = None,
    ) -> None:
        self.instances = instances
        self.listed = instances
        self.asked: list[tuple[str, list[str]]] = []
        self.associations = 0
        self._receiver: tuple[Any, ...] | None = None
        self.released = threading.Event()
        self.rejections: deque[tuple[int, int, int]] = deque()
        self._searching: deque[int] = deque()
        self._faults: deque[Fault] = deque()
        self._entity = AE(self.title)
        self._entity.require_called_aet = True
        self._entity.require_calling_aet = list(callers)
        self._accepting = self._sending = None
        if certificate and authority:
            self._accepting = _context(ssl.Purpose.CLIENT_AUTH, certificate, authority)
            self._sending = _context(ssl.Purpose.SERVER_AUTH, certificate, authority)
        self._entity.add_supported_context(StudyRootQueryRetrieveInformationModelMove)
        self._entity.requested_contexts = [build_context(SecondaryCaptureImageStorage)]
        if find:
            self._entity.add_supported_context(StudyRootQueryRetrieveInformationModelFind)
        if get:
            self._entity.add_supported_context(StudyRootQueryRetrieveInformationModelGet)
            syntaxes = [one for one in AllTransferSyntaxes if not one.is_private]
            self._entity.add_supported_context(SecondaryCaptureImageStorage, syntaxes, scu_role=True, scp_role=True)

    def __enter__(self) -> DicomPeer:
        self._server = self._entity.make_server(
            ("127.0.0.1", 0),
            server_class=ThreadedAssociationServer,
            ssl_context=self._accepting,
            evt_handlers=[
                (evt.EVT_REQUESTED, self._requested),
                (evt.EVT_ESTABLISHED, self._established),
                (evt.EVT_C_FIND, self._find),
                (evt.EVT_C_GET, self._get),
                (evt.EVT_C_MOVE, self._move),
            ],
        )
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.port = int(self._server.server_address[1])
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        for association in self._server.active_associations:
            association.abort()
        BaseServer.shutdown(self._server)
        self._server.server_close()

    def fail(self, *faults: Fault) -> None:
        """Answer the next C-GET or C-MOVE requests like this, one after the other; later ones are answered rightly."""
        self._faults.extend(faults)

    def send_to(self, port: int) -> None:
        """Know where C-MOVE is to send to."""
        options = {"tls_args": (self._sending, "127.0.0.1")} if self._sending else {}
        self._receiver = ("127.0.0.1", port, options)

    def refuse_search(self, *statuses: int) -> None:
        """Answer the next searches with these statuses."""
        self._searching.extend(statuses)

    def _requested(self, event: Any) -> None:
        if self.rejections:
            event.assoc.acse.send_reject(*self.rejections.popleft())
            event.assoc.kill()

    def _established(self, event: Any) -> None:
        self.associations += 1

    def _find(self, event: Any) -> Iterator[Answer]:
        if self._searching:
            yield self._searching.popleft(), None
            return
        wanted, seen = event.identifier, set()
        key = _KEYS[wanted.QueryRetrieveLevel]
        for one in self.listed:
            if one.StudyInstanceUID != wanted.StudyInstanceUID or one[key].value in seen:
                continue
            if key == "SOPInstanceUID" and one.SeriesInstanceUID != wanted.SeriesInstanceUID:
                continue
            seen.add(one[key].value)
            found = Dataset()
            found.QueryRetrieveLevel = wanted.QueryRetrieveLevel
            for element in wanted:
                if element.keyword in one:
                    found[element.keyword] = one[element.keyword]
            yield 0xFF00, found

    def _get(self, event: Any) -> Iterator[Any]:
        yield from self._send(event)

    def _move(self, event: Any) -> Iterator[Any]:
        if self._receiver is None:
            yield None, None
            return
        yield self._receiver
        yield from self._send(event)

    def _send(self, event: Any) -> Iterator[Any]:
        found = self._wanted(event.identifier)
        if self._faults:
            yield from self._faults.popleft()(event, found)
        else:
            yield from send(found)(event, found)

    def _wanted(self, wanted: Dataset) -> list[Dataset]:
        if wanted.QueryRetrieveLevel == "SERIES":
            uids = [wanted.SeriesInstanceUID]
            found = [one for one in self.instances if one.SeriesInstanceUID in uids]
        else:
            value = wanted.SOPInstanceUID
            uids = [value] if isinstance(value, str) else list(value)
            found = [one for one in self.instances if one.SOPInstanceUID in uids]
        self.asked.append((wanted.QueryRetrieveLevel, [str(uid) for uid in uids]))
        return found


def _context(purpose: ssl.Purpose, certificate: trustme.LeafCert, authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(purpose)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    certificate.configure_cert(context)
    return context


def send(instances: list[Dataset]) -> Fault:
    """Send these, whatever was asked for."""

    def fault(event: Any, found: list[Dataset]) -> Iterator[Any]:
        yield len(instances)
        for one in instances:
            yield 0xFF00, one

    return fault


def abort(after: int = 0) -> Fault:
    """Abort the association when so many instances were sent."""

    def fault(event: Any, found: list[Dataset]) -> Iterator[Any]:
        yield len(found)
        for one in found[:after]:
            yield 0xFF00, one
        event.assoc.abort()
        yield 0xFE00, None

    return fault


def answer(status: int, *failed: str, after: int = 0) -> Fault:
    """End with a status when so many instances were sent; `failed` are the UIDs that it names."""

    def fault(event: Any, found: list[Dataset]) -> Iterator[Any]:
        yield len(found)
        for one in found[:after]:
            yield 0xFF00, one
        details = Dataset()
        details.FailedSOPInstanceUIDList = list(failed)
        yield status, details

    return fault


def wait(event: threading.Event) -> Fault:
    """Say nothing until the event is set."""

    def fault(_: Any, found: list[Dataset]) -> Iterator[Any]:
        event.wait(30)
        yield len(found)
        yield 0xFE00, None

    return fault


def first(action: Callable[[], object]) -> Fault:
    """Do something before answering rightly."""

    def fault(event: Any, found: list[Dataset]) -> Iterator[Any]:
        action()
        yield from send(found)(event, found)

    return fault
