"""Work that is done in the background, and remembered on the disk until it is done."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hca_core.paths import private_dir
from hca_local.database import Database
from hca_local.problem import Problem

__all__ = ["FAILED", "RUNNING", "SUCCEEDED", "Interrupted", "Job", "Jobs", "Task", "Workers"]

log = logging.getLogger(__name__)

RUNNING, SUCCEEDED, FAILED = "RUNNING", "SUCCEEDED", "FAILED"
THREADS = 2
LONGEST_PAUSE = 0.1  # seconds between two looks whether a job is due, for the clock may be set

_MIGRATIONS = (
    """
    CREATE TABLE jobs (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, subject TEXT NOT NULL,
        arguments TEXT NOT NULL, due REAL NOT NULL, status TEXT NOT NULL, outcome TEXT NOT NULL
    );
    CREATE INDEX subjects ON jobs (subject);
    CREATE INDEX running ON jobs (due) WHERE status = 'RUNNING';
    """,
)
_COLUMNS = "id, kind, subject, arguments, status, outcome"


class Interrupted(Exception):
    """The service ends; the job is begun again at the next start."""


@dataclass(frozen=True)
class Job:
    """Something to do, or done: `outcome` is the result if it succeeded, the reason if it failed."""

    id: str
    kind: str
    subject: str
    arguments: Mapping[str, Any]
    status: str
    outcome: str


class Jobs:
    """All jobs there were, in a file in `root`; `now` tells unix seconds."""

    def __init__(self, root: Path, now: Callable[[], float]) -> None:
        self._database = Database(private_dir(root) / "jobs.sqlite", _MIGRATIONS)
        self._now = now
        self._changed = threading.Condition()
        self._taken: set[str] = set()
        self._closing = False

    def add(self, kind: str, subject: str, arguments: Mapping[str, Any], *, delay: float = 0) -> Job:
        """Add a job that begins after `delay` seconds."""
        with self._database.write() as db:
            job = self._insert(db, kind, subject, arguments, delay)
        self._announce()
        return job

    def ensure(self, kind: str, subject: str, arguments: Mapping[str, Any], *, delay: float = 0) -> Job:
        """Return the job that runs with this subject and these arguments, added if there is none."""
        with self._database.write() as db:
            running = f"SELECT {_COLUMNS} FROM jobs WHERE subject = ? AND status = ?"  # noqa: S608 - our own text
            same = (job for job in map(_job, db.execute(running, (subject, RUNNING))) if job.arguments == arguments)
            job = next(same, None) or self._insert(db, kind, subject, arguments, delay)
        self._announce()
        return job

    def find(self, id: str) -> Job | None:
        """Return a job by its id."""
        return self._first("id = ?", id)

    def latest(self, subject: str) -> Job | None:
        """Return the newest job with a subject."""
        return self._first("subject = ? ORDER BY number DESC", subject)

    def take(self) -> Job | None:
        """Wait for a job that is due, and return it to nobody else; None if the service ends."""
        with self._changed:
            while not self._closing:
                job, pause = self._next()
                if job is not None:
                    self._taken.add(job.id)
                    return job
                self._changed.wait(pause)
        return None

    def finish(self, job: Job, status: str, outcome: str) -> None:
        """Record how a job ended."""
        with self._database.write() as db:
            db.execute("UPDATE jobs SET status = ?, outcome = ? WHERE id = ?", (status, outcome, job.id))
        with self._changed:
            self._taken.discard(job.id)

    def go_on(self, *_: object) -> None:
        """Raise Interrupted if the service ends; long jobs ask again and again."""
        if self._closing:
            raise Interrupted

    def interrupt(self) -> None:
        """Let no further job begin, and those that run end soon."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def close(self) -> None:
        """Close the file; no job may run any more."""
        self._database.close()

    def _insert(
        self, db: sqlite3.Connection, kind: str, subject: str, arguments: Mapping[str, Any], delay: float
    ) -> Job:
        job = Job(str(uuid.uuid4()), kind, subject, arguments, RUNNING, "")
        db.execute(
            "INSERT INTO jobs (id, kind, subject, arguments, due, status, outcome) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (job.id, kind, subject, json.dumps(arguments), self._now() + delay, job.status, job.outcome),
        )
        return job

    def _announce(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _first(self, condition: str, value: str) -> Job | None:
        with self._database.read() as db:
            query = f"SELECT {_COLUMNS} FROM jobs WHERE {condition} LIMIT 1"  # noqa: S608 - our own text
            row = db.execute(query, (value,)).fetchone()
        return None if row is None else _job(row)

    def _next(self) -> tuple[Job | None, float | None]:
        """The next job if it is due, and how long to wait if not; None is until a job is added."""
        others = ", ".join("?" * len(self._taken))
        with self._database.read() as db:
            row = db.execute(
                f"SELECT {_COLUMNS}, due FROM jobs WHERE status = '{RUNNING}' AND id NOT IN ({others})"  # noqa: S608
                " ORDER BY due, number LIMIT 1",
                tuple(self._taken),
            ).fetchone()
        if row is None:
            return None, None
        pause = row[-1] - self._now()
        return (None, min(pause, LONGEST_PAUSE)) if pause > 0 else (_job(row[:-1]), 0)


def _job(row: tuple[str, ...]) -> Job:
    id, kind, subject, arguments, status, outcome = row
    return Job(id, kind, subject, json.loads(arguments), status, outcome)


Task = Callable[[Job], str]  # returns the outcome, raises a Problem whose title says why there is none


class Workers:
    """Threads that do jobs, each as the task of its kind says."""

    def __init__(self, jobs: Jobs, tasks: Mapping[str, Task]) -> None:
        self._jobs = jobs
        self._tasks = tasks
        self._threads = [threading.Thread(target=self._work, name=f"job-{number}") for number in range(THREADS)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Return once no job runs any more; what was not finished begins again at the next start."""
        self._jobs.interrupt()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while job := self._jobs.take():
            try:
                self._jobs.finish(job, *self._perform(job))
            except Interrupted:
                log.info("Job %s is begun again at the next start.", job.id)
            except Exception:
                log.exception("How job %s ended cannot be recorded", job.id)

    def _perform(self, job: Job) -> tuple[str, str]:
        try:
            return SUCCEEDED, self._tasks[job.kind](job)
        except Interrupted:
            raise
        except Problem as problem:
            log.warning("Job %s (%s) failed: %s", job.id, job.kind, problem.title)
            return FAILED, problem.title
        except Exception:
            log.exception("Job %s (%s) failed", job.id, job.kind)
            return FAILED, "Unknown issue"
