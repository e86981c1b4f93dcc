"""Tells subscribers about bundles: whom, and again and again until they have heard."""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hca_core.paths import private_dir
from hca_local.database import Database
from hca_local.dss import expressions, webhook
from hca_local.dss.events import Event
from hca_local.dss.query import parse_query
from hca_local.dss.subscriptions import Subscription, Subscriptions
from hca_local.dss.versions import format_version

__all__ = ["Delivery"]

log = logging.getLogger(__name__)

THREADS = 8
DELAYS = (1, 5, 30, 120, 600, 3600)  # seconds before each further attempt
TIMEOUT = 10  # seconds
LONGEST_WAIT = 60  # seconds, so that a clock that is put back does no harm
PAUSE = 1  # seconds after something went wrong with the queue itself
GRACE = 1  # seconds

_MIGRATIONS = (
    """
    CREATE TABLE deliveries (
        id INTEGER PRIMARY KEY, subscription TEXT NOT NULL, payload TEXT NOT NULL,
        attempt INTEGER NOT NULL, due REAL NOT NULL
    );
    CREATE INDEX dues ON deliveries (due, id);
    """,
    "ALTER TABLE deliveries ADD COLUMN destination TEXT NOT NULL DEFAULT '';",
)

Document = Mapping[str, Any]
Row = tuple[int, str, str, int, str]  # id, subscription, payload, attempt, destination


def _random_id() -> str:
    return str(uuid.uuid4())


class Delivery:
    """A queue in `root` of what subscribers are to be told, and the threads that tell them, one to a host at a time.

    What was queued survives a restart. Payloads name the service by `public_url`, and its operations by `base_url`.
    `search_document` finds what is searched for a version of a bundle. After a failure, an attempt follows after each
    of `delays`; then the subscriber is given up. `timeout` is the longest silence of a subscriber, and `grace` how long
    closing waits for an attempt that is being made. All in seconds.
    """

    def __init__(
        self,
        root: Path,
        subscriptions: Subscriptions,
        *,
        public_url: str,
        base_url: str,
        search_document: Callable[[tuple[str, str]], Document],
        now: Callable[[], datetime],
        new_id: Callable[[], str] = _random_id,
        delays: Sequence[float] = DELAYS,
        timeout: float = TIMEOUT,
        grace: float = GRACE,
    ) -> None:
        self._database = Database(private_dir(root) / "deliveries.sqlite", _MIGRATIONS)
        self._subscriptions = subscriptions
        self._public_url = public_url
        self._base_url = base_url
        self._search_document = search_document
        self._now = now
        self._new_id = new_id
        self._delays = tuple(delays)
        self._timeout = timeout
        self._grace = grace
        self._changed = threading.Condition()
        self._busy: set[str] = set()  # destinations
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._run, name=f"delivery-{number}", daemon=True) for number in range(THREADS)
        ]

    def start(self) -> None:
        """Begin to send, with what was left over last time."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop, and keep for the next time what was not received; attempts have the grace to end."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        end = time.monotonic() + self._grace
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(end - time.monotonic(), 0))
        self._database.close()

    # ── what is told to whom ──

    def notify(self, event: Event) -> None:
        """Queue what there is to be told about an event; it is on the disk when this returns."""
        moment = self._now()
        rows = [
            (subscription.uuid, text, _due(subscription, event, moment), _destination(subscription))
            for subscription, text in self._notifications(event, moment)
        ]
        if rows:
            with self._database.write() as db:
                query = (
                    "INSERT INTO deliveries (subscription, payload, attempt, due, destination) VALUES (?, ?, 0, ?, ?)"
                )
                db.executemany(query, rows)
            with self._changed:
                self._changed.notify_all()

    def _notifications(self, event: Event, moment: datetime) -> Iterator[tuple[Subscription, str]]:
        """The subscriptions that match an event, and their payloads."""
        for subscription in self._subscriptions.all():
            try:
                document = self._match(subscription, event, moment)
            except ValueError as error:
                log.warning("Subscription %s cannot be compared with a bundle: %s", subscription.uuid, error)
                continue
            if document is not None:
                said = webhook.payload(
                    subscription,
                    event,
                    document,
                    transaction_id=self._new_id(),
                    timestamp=format_version(moment),
                    public_url=self._public_url,
                    base_url=self._base_url,
                )
                yield subscription, json.dumps(said)

    def _match(self, subscription: Subscription, event: Event, moment: datetime) -> Document | None:
        """The document that matches a subscription; None if there is none.

        Raises:
            ValueError: the expression or the query cannot be evaluated.
        """
        if subscription.type == "jmespath":
            query = subscription.document.get("jmespath_query")
            return event.document if query is None or expressions.matches(query, event.document) else None
        if event.type != "CREATE":
            return None
        document = self._search_document((event.uuid, event.version))
        return document if parse_query(subscription.document["es_query"], moment)(document) else None

    # ── the threads ──

    def _run(self) -> None:
        while True:
            try:
                row = self._take()
                if row is None:
                    return
                self._deliver(row)
            except Exception:
                if self._stopping:
                    return  # the queue is closed; what was being sent is sent again next time
                log.exception("The queue of notifications cannot be used.")
                with self._changed:
                    self._changed.wait(PAUSE)

    def _take(self) -> Row | None:
        """Wait for an attempt that is due, to a host with which no other thread talks; None if this is the end."""
        with self._changed:
            while not self._stopping:
                row, pause = self._next()
                if row is not None:
                    self._busy.add(row[-1])
                    return row
                self._changed.wait(pause)
        return None

    def _next(self) -> tuple[Row | None, float]:
        """The attempt that is due, if any, and how long to wait for one."""
        others = ", ".join("?" * len(self._busy))
        with self._database.read() as db:
            row = db.execute(
                "SELECT id, subscription, payload, attempt, destination, due FROM deliveries"  # noqa: S608
                f" WHERE destination NOT IN ({others}) ORDER BY due, id LIMIT 1",
                tuple(self._busy),
            ).fetchone()
        if row is None:
            return None, LONGEST_WAIT
        pause = row[-1] - self._now().timestamp()
        return (None, min(pause, LONGEST_WAIT)) if pause > 0 else (row[:-1], 0)

    def _deliver(self, row: Row) -> None:
        _, uuid, text, attempt, destination = row
        try:
            subscription = self._subscriptions.find(uuid)
            problem = None if subscription is None else self._attempt(subscription, text, attempt)
            self._settle(row, problem)
        finally:
            with self._changed:
                self._busy.discard(destination)
                self._changed.notify_all()

    def _attempt(self, subscription: Subscription, text: str, attempt: int) -> str | None:
        now = self._now().timestamp()
        return webhook.send(subscription, text, attempt=attempt, now=now, timeout=self._timeout)

    def _settle(self, row: Row, problem: str | None) -> None:
        """Take an attempt off the queue, and put it back for later if it failed."""
        id, uuid, _, attempt, _ = row
        with self._database.write() as db:
            if problem is not None and attempt < len(self._delays):
                due = self._now().timestamp() + self._delays[attempt]
                db.execute("UPDATE deliveries SET attempt = ?, due = ? WHERE id = ?", (attempt + 1, due, id))
                log.info("Subscription %s was not told, but will be: %s.", uuid, problem)
                return
            db.execute("DELETE FROM deliveries WHERE id = ?", (id,))
        if problem is not None:
            log.warning("Subscription %s was not told: %s, %d times.", uuid, problem, attempt + 1)


def _due(subscription: Subscription, event: Event, moment: datetime) -> float:
    """When a subscriber is to be told: as soon as the replica that it listens to knows."""
    return max(moment.timestamp(), event.arrivals.get(subscription.document["replica"], 0))


def _destination(subscription: Subscription) -> str:
    return urlsplit(subscription.document["callback_url"]).netloc.lower()
