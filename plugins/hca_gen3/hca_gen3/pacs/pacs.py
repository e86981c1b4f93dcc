"""A PACS as others use it: studies into folders."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hca_core.errors import HcaError
from hca_core.retry import RetryPolicy
from hca_core.transfer.job import Silent
from hca_core.transfer.pool import Batch
from hca_gen3.pacs.associations import FIND, open_link
from hca_gen3.pacs.config import PacsConfig
from hca_gen3.pacs.find import find_instances
from hca_gen3.pacs.get import Getter
from hca_gen3.pacs.instances import Instance, checked_uid
from hca_gen3.pacs.move import Mover
from hca_gen3.pacs.shelf import Shelf
from hca_gen3.pacs.study import Listing, Patience, Retriever, fetch_study
from hca_gen3.pacs.web import Web

if TYPE_CHECKING:
    from hca_core.http import Session
    from hca_core.transfer.job import Progress
    from hca_core.transfer.report import Report

__all__ = ["Pacs"]

_POLICY = RetryPolicy(attempts=5, backoff=0.5)


class Pacs:
    """Fetches studies from a PACS.

    `policy` says how often a broken association is opened again without anything having come, and how long to wait
    before; `sleep` is for tests.
    """

    def __init__(
        self,
        config: PacsConfig,
        session: Session | None = None,
        *,
        policy: RetryPolicy = _POLICY,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self.config = config
        self._session, self._policy, self._sleep = session, policy, sleep
        self._lock = threading.Lock()
        self._receiving = threading.Lock()  # there is one port to receive at

    def fetch_study(
        self,
        study_uid: str,
        folder: Path,
        *,
        report: Report,
        progress: Progress | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        """Fetch a study, each instance as `folder/sam-<SeriesInstanceUID>/<SOPInstanceUID>.dcm`.

        Instances whose files are there and whole are not fetched again. What became of each is in the `report`;
        failures of single instances are there only. Studies may be fetched at the same time from several threads.

        Raises:
            CancelledError: `stop` was set.
            ConfigError, AuthError, NetworkError: the PACS cannot be reached, or refuses everything.
            TransferError: the folder cannot be written, or the UID is none.
        """
        batch = Batch(report, None)
        shelf = Shelf(checked_uid(study_uid, "a study"), folder, batch, progress or Silent())
        stop = stop or threading.Event()
        patience = Patience(self._policy, stop, self._sleep or stop.wait)
        try:
            fetch_study(shelf, *self._plan(shelf, stop), patience)
        finally:
            batch.settle()

    def _plan(self, shelf: Shelf, stop: threading.Event) -> tuple[Listing, list[Callable[[], Retriever]]]:
        """Return what tells the instances of a study, and the ways of fetching them."""
        config = self.config
        if config.by_web:
            web = Web(config, shelf, self._http(), stop)
            return web.instances, [lambda: web]
        get, move = partial(Getter, config, shelf, stop), partial(Mover, config, shelf, stop, self._receiving)
        either: list[Callable[[], Retriever]] = [get] if config.move_port is None else [get, move]
        ways: dict[str, list[Callable[[], Retriever]]] = {"get": [get], "move": [move]}
        return partial(self._find, shelf.study, stop), ways.get(config.route, either)

    def _http(self) -> Session:
        from hca_core.http import Session

        with self._lock:
            self._session = self._session or Session()
            return self._session

    def _find(self, study: str, stop: threading.Event) -> list[Instance | HcaError]:
        from pynetdicom import build_context

        with open_link(self.config, [build_context(FIND)], "search", stop) as link:
            return list(find_instances(link, study))
