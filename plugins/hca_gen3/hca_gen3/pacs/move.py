"""Fetches by C-MOVE: the PACS opens associations of its own and sends on them to a receiver of ours."""

from __future__ import annotations

import threading
import time

from hca_core.errors import HcaError
from hca_gen3.pacs.associations import MOVE, Link, open_link
from hca_gen3.pacs.config import PacsConfig
from hca_gen3.pacs.instances import Request
from hca_gen3.pacs.receiver import Receiver
from hca_gen3.pacs.retrieval import identifier, take_answer
from hca_gen3.pacs.shelf import Shelf

__all__ = ["Mover"]

_DOING = "send by C-MOVE"
_QUIET = 2.0  # seconds after which nothing more is expected
_POLL = 0.02  # seconds


class Mover:
    """Fetches instances by C-MOVE; the receiver listens from the first request until `close`, while it has `port`."""

    def __init__(self, config: PacsConfig, shelf: Shelf, stop: threading.Event, port: threading.Lock) -> None:
        self._config, self._shelf, self._stop = config, shelf, stop
        self._receiver = Receiver(config, shelf, port, on_data=self._touch, on_problem=self._abort)
        self._link: Link | None = None
        self._seen = 0.0

    def retrieve(self, request: Request) -> HcaError | None:
        """Ask for instances; return why those that did not come may be missing, if that is known.

        Raises:
            RefusedError: the PACS knows no C-MOVE.
            BrokenError: the association ended.
            ConfigError: the receiver cannot listen, or the PACS does not know it.
            HcaError: the PACS refuses everything.
        """
        self._receiver.listen()
        link = self._link = self._link or self._open()
        wanted = identifier(self._shelf.study, request)
        status, details = link.final(lambda: link.association.send_c_move(wanted, self._config.aet, MOVE), _DOING)
        if status.Status == 0 and len(request.instances) > 1:
            self._await_the_rest(request)
        return take_answer(link, self._shelf, status, details, _DOING, self._receiver.advice)

    def close(self) -> None:
        """End the association and stop listening; the next request opens both again."""
        link, self._link = self._link, None
        try:
            if link is not None:
                link.close()
        finally:
            self._receiver.close()

    def _open(self) -> Link:
        from pynetdicom import build_context

        return open_link(self._config, [build_context(MOVE)], _DOING, self._stop)

    def _await_the_rest(self, request: Request) -> None:
        """Wait as long as instances keep coming: some PACS say that all were sent when they have only begun."""
        self._seen = time.monotonic()
        while self._shelf.lacks(request) and time.monotonic() - self._seen < _QUIET and not self._stop.is_set():
            self._stop.wait(_POLL)

    def _touch(self) -> None:
        self._seen = time.monotonic()
        if self._link is not None:
            self._link.touch()

    def _abort(self) -> None:
        if self._link is not None:
            self._link.abort()
