"""Any sequence of faults, deaths, damage and new content, against a model of what must be on the disk.

The tests run a fixed choice of sequences; `HCA_SOAK=1` makes it many more, each time others.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hca_core.errors import HcaError
from hca_core.http import Session
from hca_core.retry import RetryPolicy
from hca_core.testing import FakeServer, FaultProxy, faults
from hca_core.testing.faults import Fault
from hca_core.transfer.fetch import Existing
from hca_core.transfer.job import TransferJob
from hca_core.transfer.pool import run
from hca_core.transfer.private import create
from hca_core.transfer.quota import Quota
from hca_core.transfer.report import FileResult
from hca_core.transfer.sidecar import part_path, sidecar_path
from hca_core.transfer.sink import SMALL

SOAK = os.environ.get("HCA_SOAK") == "1"
SIZES = {"little": 3000, "other": 3000, "big": SMALL + 70_000}
VERSIONS = 3  # of each file, all of one size
OTHER = b"?" * 5000

names = st.sampled_from(sorted(SIZES))
versions = st.integers(0, VERSIONS - 1)
places = st.integers(0, SMALL + 100_000)
times = st.one_of(st.integers(1, 3), st.none())
kinds: dict[str, Callable[[int], Fault]] = {
    "cut": faults.cut,
    "reset": faults.reset,
    "truncate": faults.truncate,
    "corrupt": faults.corrupt,
    "shift": faults.shift,
    "length": lambda place: faults.lie(place % 200 - 100),
    "range": lambda _: faults.ignore_range(),
    "416": lambda _: faults.unsatisfiable(),
    "busy": lambda _: faults.busy(),
    "loop": lambda _: faults.loop(),
    "expired": lambda _: faults.expired(),
    "swap": lambda place: faults.swap(OTHER[:place], '"other"'),
    "lost": lambda _: faults.lose(),
}


def content(name: str, version: int) -> bytes:
    return random.Random(f"{name} {version}").randbytes(SIZES[name])


class Folder(RuleBasedStateMachine):
    """A folder into which files are fetched; `there` is what must be in it, by name."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.there: dict[str, bytes] = {}
        self.served = dict.fromkeys(SIZES, 0)
        self.spoilt = False
        self.server = FakeServer().__enter__()
        self.proxy = FaultProxy(self.server.url).__enter__()
        self.session = Session(policy=RetryPolicy(attempts=2), sleep=lambda _: None)
        for name in SIZES:
            self.publish(name, 0)

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.session.close()
            self.proxy.__exit__()
            self.server.__exit__()
            shutil.rmtree(self.folder)
            del self.server, self.proxy, self.session, self.there  # hypothesis keeps the machines, thousands of them

    # what happens to the server and on the way

    @rule(name=names, version=versions)
    def publish(self, name: str, version: int) -> None:
        self.served[name] = version
        self.server.serve_bytes(f"/{name}", content(name, version), etag=f'"{version}"')

    @rule(kind=st.sampled_from(sorted(kinds)), name=names, place=places, times=times, ranged=st.booleans())
    def spoil(self, kind: str, name: str, place: int, times: int | None, ranged: bool) -> None:
        self.proxy.fail(kinds[kind](place), path=f"/{name}", times=times, ranged=ranged)
        self.spoilt = True

    @rule()
    def heal(self) -> None:
        self.proxy.heal()
        self.spoilt = False

    # what happens to the folder

    @rule(name=names)
    def delete(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)
        self.there.pop(name, None)

    @rule(name=names, place=places)
    def damage(self, name: str, place: int) -> None:
        """Change a byte of a whole file behind everybody's back."""
        if name in self.there:
            data = bytearray(self.there[name])
            data[place % len(data)] ^= 1
            self._path(name).write_bytes(data)
            self.there[name] = bytes(data)

    @rule(place=places, much=st.booleans())
    def tear(self, place: int, much: bool) -> None:
        """Lose or change bytes of a partial file, as a power failure may."""
        part = part_path(self._path("big"))
        if part.exists():
            data = bytearray(part.read_bytes())
            if much:
                del data[place:]
            elif data:
                data[place % len(data)] ^= 1
            part.write_bytes(data)

    @rule(note=st.sampled_from([b"", b"{", b"[1]", b'{"format": "hca-partial-1"}', b"\xff", b'{"format": "another"}']))
    def scribble(self, note: bytes) -> None:
        """Make a note unreadable, or leave one where there is nothing to note."""
        sidecar_path(self._path("big")).write_bytes(note)

    @rule(name=names)
    def die(self, name: str) -> None:
        """Leave what somebody leaves who is killed while he writes under a private name."""
        create(self._path(name))[1].close()

    # what we do

    @rule(
        wanted=st.dictionaries(names, versions, min_size=1), existing=st.sampled_from(["skip", "verify", "overwrite"])
    )
    def fetch(self, wanted: dict[str, int], existing: Existing) -> None:
        for name, result in self._fetch(wanted, existing).items():
            self._judge(name, wanted[name], existing, result)

    @precondition(lambda self: not self.spoilt)
    @rule(existing=st.sampled_from(["skip", "verify", "overwrite"]))
    def fetch_all_twice_at_once(self, existing: Existing) -> None:
        found: list[dict[str, FileResult]] = []
        both = [threading.Thread(target=lambda: found.append(self._fetch(self.served, existing))) for _ in range(2)]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
        assert [result.error for results in found for result in results.values()] == [None] * 6
        for name, version in self.served.items():
            if existing != "skip" or name not in self.there:
                self.there[name] = content(name, version)

    @invariant()
    def everything_is_as_it_must_be(self) -> None:
        found = {path.name: path.read_bytes() for path in self.folder.iterdir() if ".part" not in path.name}
        assert found == self.there

    def _path(self, name: str) -> Path:
        return self.folder / name

    def _fetch(self, wanted: dict[str, int], existing: Existing) -> dict[str, FileResult]:
        jobs = [self._job(name, version) for name, version in wanted.items()]
        results: list[FileResult] = []
        quota = Quota(retries=2, min_delay=0, max_delay=0)
        run(jobs, self.session.open, existing=existing, quota=quota, on_result=results.append)
        return {result.name: result for result in results}

    def _job(self, name: str, version: int) -> TransferJob:
        sha256 = hashlib.sha256(content(name, version)).hexdigest()
        return TransferJob(name, f"{self.proxy.url}/{name}", self._path(name), sha256, SIZES[name], sha256)

    def _judge(self, name: str, version: int, existing: Existing, result: FileResult) -> None:
        right, found = content(name, version), self.there.get(name)
        if result.status == "failed":
            assert isinstance(result.error, HcaError)
            assert self.spoilt or self.served[name] != version, result.error
        elif result.status == "present":
            assert existing == "skip" or (existing == "verify" and found == right)
        else:
            assert result.status in ("fetched", "resumed")
            assert existing == "overwrite" or found != right or found is None
            self.there[name] = right
            assert [path.name for path in self.folder.iterdir() if path.name.startswith(f"{name}.")] == []


Folder.TestCase.settings = settings(
    max_examples=1000 if SOAK else 30,
    stateful_step_count=40 if SOAK else 20,
    derandomize=not SOAK,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
TestFolder = Folder.TestCase
TestFolder.pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200 if SOAK else 300)]
