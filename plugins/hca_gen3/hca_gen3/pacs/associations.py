"""Associations with a PACS: opened with reasons for a failure, and watched while they are open."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from hca_core.errors import HcaError
from hca_gen3.pacs.config import PacsConfig
from hca_gen3.pacs.faults import BrokenError, RefusedError, of_rejection, of_status

if TYPE_CHECKING:
    from pydicom import Dataset
    from pynetdicom import AE
    from pynetdicom.association import Association
    from pynetdicom.events import Event
    from pynetdicom.presentation import PresentationContext

__all__ = ["FIND", "GET", "MOVE", "Link", "acknowledge", "make_entity", "open_link"]

# The three requests of DICOM's study root.
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
GET = "1.2.840.10008.5.1.4.1.2.2.3"

_PDU = 256 * 1024  # bytes; large instances come faster in larger pieces than the usual 16 KiB
_POLL = 0.1  # seconds
_UNREACHABLE = "Check pacs_ip and pacs_port, and whether the PACS encrypts (pacs_tls)."
_THEIRS = logging.getLogger("pynetdicom")

Answers = Iterator[tuple["Dataset", "Dataset | None"]]


class Link:
    """An open association that is aborted when nothing came for `config.read_timeout` seconds, or on `stop`.

    Use it in a `with` statement, which ends it properly, or aborts it if it ends with an error.
    """

    def __init__(self, config: PacsConfig, stop: threading.Event, clock: Callable[[], float] = time.monotonic) -> None:
        self._config, self._stop, self._clock = config, stop, clock
        self._seen = clock()
        self._over = threading.Event()
        self._silent = self._waiting = False
        self._thread = threading.Thread(target=self._watch, name="hca-pacs", daemon=True)
        self.association: Association

    def begin(self, association: Association) -> Link:
        """Watch an association that has just been established."""
        self.association = association
        self._seen = self._clock()
        self._thread.start()
        return self

    def touch(self, _event: object = None) -> None:
        """Note that something has come."""
        self._seen = self._clock()

    def answers(self, send: Callable[[], Answers], doing: str) -> Answers:
        """Send a request and yield the status and content of each answer; `doing` is what it is for.

        Raises:
            BrokenError: the association ended before the last answer.
        """
        try:
            answers = send()
        except RuntimeError as error:  # that it is not open: the PACS has ended it since the last request
            raise self._broken(doing) from error
        self._waiting = True
        for status, content in answers:
            if "Status" not in status:
                raise self._broken(doing)
            yield status, content
        self._waiting = False

    def final(self, send: Callable[[], Answers], doing: str) -> tuple[Dataset, Dataset | None]:
        """Send a request and return its last answer, as `answers` does."""
        return deque(self.answers(send, doing), maxlen=1).pop()

    def failure(self, status: Dataset, doing: str) -> HcaError:
        """Return the error that a status stands for."""
        return of_status(self._config, doing, int(status.Status), str(status.get("ErrorComment", "")))

    def close(self) -> None:
        """End the association; at once if an answer is still on its way."""
        if self._waiting:
            self.abort()
        self._over.set()
        if self.association.is_established:
            self.association.release()

    def abort(self) -> None:
        """End the association at once, and whoever waits for an answer on it."""
        self._over.set()
        if self.association.is_established:
            self.association.abort()
        self.association.dimse.msg_queue.put((None, None))

    def __enter__(self) -> Link:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def _broken(self, doing: str) -> BrokenError:
        if self._silent:
            why = f"has sent nothing for {self._config.read_timeout:g} s"
        else:
            why = "ended the association in the middle"
        return BrokenError(f"{self._config.place} was asked to {doing} and {why}.")

    def _watch(self) -> None:
        while not self._over.wait(_POLL):
            self._silent = self._clock() - self._seen > self._config.read_timeout
            if self._silent or self._stop.is_set():
                self.abort()


def make_entity(config: PacsConfig) -> AE:
    """Return who we are for pynetdicom."""
    from pynetdicom import AE

    if not _THEIRS.isEnabledFor(logging.DEBUG):
        _THEIRS.setLevel(logging.CRITICAL)  # all that it calls an error becomes one of ours, in other words
    entity = AE(config.aet)
    entity.connection_timeout = entity.acse_timeout = config.connect_timeout
    # How long nothing may come is watched by the Link, which sees what comes to a receiver as well.
    entity.dimse_timeout = None
    entity.network_timeout = config.read_timeout
    entity.maximum_pdu_size = _PDU
    return entity


def acknowledge(event: Event) -> None:
    """Make the system confirm at once what comes next (where it can): the sender of small messages waits for that.

    Bound to whatever is sent, this makes small instances come from Orthanc five times faster.
    """
    option = getattr(socket, "TCP_QUICKACK", None)
    connection = event.assoc.dul.socket
    if option is not None and connection is not None and connection.socket is not None:
        with contextlib.suppress(OSError):
            connection.socket.setsockopt(socket.IPPROTO_TCP, option, 1)


def open_link(
    config: PacsConfig,
    contexts: list[PresentationContext],
    doing: str,
    stop: threading.Event,
    *,
    roles: Sequence[Any] = (),
    handlers: Sequence[Any] = (),
) -> Link:
    """Return an association with the PACS, which has accepted some of the `contexts`; they are for `doing`.

    Raises:
        RefusedError: it accepts none.
        BrokenError: it cannot be reached, or has no time.
        AuthError, ConfigError: it wants nothing to do with us.
    """
    from pynetdicom import evt

    link = Link(config, stop)
    connected = threading.Event()
    watching: list[Any] = [
        (evt.EVT_DATA_RECV, link.touch),
        (evt.EVT_DATA_SENT, acknowledge),
        (evt.EVT_CONN_OPEN, lambda _: connected.set()),
    ]
    try:
        association = make_entity(config).associate(
            config.host or "",
            config.port,
            contexts,
            ae_title=config.aec,
            max_pdu=_PDU,
            ext_neg=list(roles),
            tls_args=_tls(config),
            evt_handlers=[*watching, *handlers],
        )
    except OSError as error:
        raise BrokenError(f"{config.place} cannot be reached: {error.strerror or error}.") from error
    if association.is_established:
        return link.begin(association)
    raise _failure(config, doing, association, connected=connected.is_set())


def _failure(config: PacsConfig, doing: str, association: Association, *, connected: bool) -> HcaError:
    # A peer that hangs up at once after a rejection may have done so before pynetdicom looks at it.
    answer: Any = association.acceptor.primitive or association.dul.receive_pdu()
    if getattr(answer, "result", 0):
        return of_rejection(config, answer.result, answer.result_source or 0, answer.diagnostic or 0)
    if not connected:
        trusted = " with a certificate that is trusted" if config.tls else ""
        return BrokenError(f"{config.place} cannot be reached: nobody answers there{trusted}.", hint=_UNREACHABLE)
    if association.rejected_contexts:
        return RefusedError(f"{config.place} does not {doing}.")
    return BrokenError(f"{config.place} ended the connection instead of opening an association.")


def _tls(config: PacsConfig) -> Any:
    if not config.tls:
        return None
    from hca_gen3.pacs.tls import client_context

    return client_context(config), config.host
