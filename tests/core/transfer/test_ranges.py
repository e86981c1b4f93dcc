from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from origin import job_for

from hca_core.errors import ApiError, AuthError, HcaError, IntegrityError, NetworkError
from hca_core.http import Session
from hca_core.retry import RetryPolicy
from hca_core.testing import Answer, Clock, FakeServer, FaultProxy, faults
from hca_core.testing.answers import Request
from hca_core.testing.faults import Fault
from hca_core.transfer.fetch import fetch
from hca_core.transfer.job import Silent, TransferJob
from hca_core.transfer.lanes import Lanes, Ramp
from hca_core.transfer.limit import RateLimit, limited
from hca_core.transfer.pool import run
from hca_core.transfer.quota import Quota
from hca_core.transfer.ranges import Gap, Spread
from hca_core.transfer.report import FileResult
from hca_core.transfer.sidecar import load, part_path, sidecar_path

SLICE = 65536
DATA = random.Random(7).randbytes(40 * SLICE + 1234)
OTHER = DATA[::-1]
ETAG = '"1"'
NO_TIME: Any = lambda _: None  # noqa: E731


class Eager(Ramp):
    """Wants four connections from the beginning; it is lowered like any other."""

    def __init__(self, connections: int = 4) -> None:
        super().__init__()
        self.connections = connections
        self._growing = False


@dataclass
class Scene:
    """A server with `DATA`, what may go wrong on the way to it, and where it is fetched to."""

    server: FakeServer
    proxy: FaultProxy
    session: Session
    target: Path
    clock: Clock
    lanes: Lanes = field(default_factory=lambda: lanes())

    @property
    def job(self) -> TransferJob:
        return replace(job_for(DATA, self.target), url=f"{self.proxy.url}/data")

    def get(self, job: TransferJob | None = None, **options: Any) -> FileResult:
        with self.lanes.file():
            return fetch(job or self.job, self.session.open, **{"sleep": NO_TIME, "lanes": self.lanes, **options})

    def got(self) -> None:
        """Make sure that the file is right and alone."""
        assert self.target.read_bytes() == DATA
        assert [path.name for path in self.target.parent.iterdir()] == [self.target.name]

    @property
    def ranges(self) -> list[str]:
        """The slices that were asked for, without what was asked for up to the end."""
        found = [one.range for one in self.proxy.passages if one.path == "/data"]
        return [one for one in found if one and not one.endswith("-")]


def lanes(most: int = 8, connections: int = 4, **options: Any) -> Lanes:
    return Lanes(most, slice_size=SLICE, **{"least": 4 * SLICE, "ramp": lambda: Eager(connections), **options})


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    clock = Clock()
    policy = RetryPolicy(attempts=10)
    with (
        FakeServer() as server,
        FaultProxy(server.url) as proxy,
        Session(policy=policy, sleep=clock.sleep) as session,
    ):
        server.serve_bytes("/data", DATA, ETAG)
        yield Scene(server, proxy, session, tmp_path / "folder" / "f", clock)


# all is well


def test_a_file_is_fetched_in_slices_and_each_byte_once(scene: Scene) -> None:
    scene.proxy.fail(faults.dribble(16384, 0.001), path="/data")  # or the whole file would be in the system's buffers
    result = scene.get()
    assert (result.status, result.size, result.transferred, result.attempts) == ("fetched", len(DATA), len(DATA), 1)
    scene.got()
    assert len(scene.ranges) == len(set(scene.ranges)) >= 36
    assert scene.proxy.received("/data") <= len(DATA) + 3 * SLICE


def test_every_slice_must_be_of_the_same_object(scene: Scene) -> None:
    scene.get()
    slices = [one for one in scene.server.requests if "Range" in one.headers]
    assert {one.headers["If-Range"] for one in slices} == {ETAG}
    assert {one.headers["Accept-Encoding"] for one in slices} == {"identity"}


def test_slices_are_asked_for_where_the_redirect_led(scene: Scene) -> None:
    scene.server.on("GET", "/file", Answer.redirect(f"{scene.proxy.url}/data?signature=1"))
    assert scene.get(replace(scene.job, url=f"{scene.server.url}/file")).status == "fetched"
    scene.got()
    assert scene.server.count("GET", "/file") == 1
    assert {one.query for one in scene.proxy.passages} == {"signature=1"}
    assert scene.ranges


@pytest.mark.parametrize(("most", "wanted", "expected"), [(16, 6, 6), (4, 6, 3)])
def test_no_more_slices_are_fetched_at_once_than_are_wanted_and_allowed(
    most: int, wanted: int, expected: int, scene: Scene
) -> None:
    open_now, at_once, lock = 0, [0], threading.Lock()

    def opener(url: str, **options: Any) -> Any:
        stream = scene.session.open(url, **options)
        stream.open_slice = partial(counted, stream.open_slice)
        return stream

    def counted(open_slice: Any, *place: Any) -> Any:
        nonlocal open_now
        with lock:
            open_now += 1
            at_once.append(open_now)
        stream = open_slice(*place)
        stream.close = partial(closed, stream.close)
        return stream

    def closed(close: Any) -> None:
        nonlocal open_now
        with lock:
            open_now -= 1
        close()

    scene.proxy.fail(faults.dribble(16384, 0.0005), path="/data", times=None)
    scene.lanes = lanes(most, wanted)
    with scene.lanes.file():
        assert fetch(scene.job, opener, lanes=scene.lanes).status == "fetched"
    assert max(at_once) == expected


def test_all_connections_are_given_back(scene: Scene) -> None:
    scene.get()
    until(lambda: not [one for one in threading.enumerate() if one.name == "hca-slices"])
    assert [scene.lanes.borrow() for _ in range(9)] == [True] * 8 + [False]


def until(true: Callable[[], bool]) -> None:
    while not true():
        sleep(0.005)


@pytest.mark.slow
@pytest.mark.parametrize(("concurrency", "sliced"), [(None, True), (8, True), (1, False), (3, False)])
def test_a_run_slices_what_comes_slowly_unless_it_may_not(concurrency: int | None, sliced: bool, scene: Scene) -> None:
    data = random.Random(8).randbytes(17 << 20)
    scene.server.serve_bytes("/data", data, ETAG)
    scene.proxy.fail(faults.dribble(65536, 0.01), path="/data", times=None)  # so slow that we are idle
    job = replace(job_for(data, scene.target), url=scene.job.url)
    run([job], scene.session.open, concurrency=concurrency).raise_for_failures()
    assert scene.target.read_bytes() == data
    assert bool(scene.ranges) is sliced


@pytest.mark.parametrize("position", [1, SLICE - 1, SLICE, SLICE + 1, 10 * SLICE + 17])
def test_a_part_of_a_file_is_continued_in_slices(position: int, scene: Scene) -> None:
    scene.proxy.fail(faults.cut(position), path="/data")
    alone = fetch(scene.job, scene.session.open, quota=Quota(retries=0))
    assert alone.status == "failed"
    there = part_path(scene.target).stat().st_size
    assert part_path(scene.target).read_bytes() == DATA[:there]
    result = scene.get()
    assert (result.status, result.transferred) == ("resumed", len(DATA) - there)
    scene.got()
    assert scene.ranges


def test_real_time_shows_whether_several_connections_are_worth_it(scene: Scene) -> None:
    """A server that is slow for each connection, and a clock that runs fast so that nobody must wait."""
    scene.proxy.fail(faults.dribble(8192, 0.002), path="/data", times=None)
    for _ in range(10):  # on a machine that is busy with something else it may not show at once
        scene.lanes = lanes(clock=lambda: monotonic() * 10, cpu=lambda: 0.0, ramp=Ramp)
        before = len(scene.ranges)
        assert scene.get(existing="overwrite").status == "fetched"
        scene.got()
        if len(scene.ranges) - before > 8:
            return
    pytest.fail("it never was")


# when one connection must do


def alone(scene: Scene, **options: Any) -> None:
    """Fetch the file; there must be one request, for all of it."""
    assert scene.get(**options).status == "fetched"
    scene.got()
    assert [one.range for one in scene.proxy.passages] == [None]


@pytest.mark.parametrize("etag", [None, 'W/"1"'])
def test_without_a_strong_etag_nothing_is_sliced(etag: str | None, scene: Scene) -> None:
    scene.server.serve_bytes("/data", DATA, etag)
    alone(scene)


def test_a_server_that_does_not_offer_ranges_is_not_asked_for_them(scene: Scene) -> None:
    scene.server.serve_bytes("/data", DATA, ETAG, ranges=False)
    alone(scene)


def test_a_small_file_is_not_sliced(scene: Scene) -> None:
    scene.lanes = lanes(least=len(DATA) + 1)
    alone(scene)


def test_without_lanes_nothing_is_sliced(scene: Scene) -> None:
    alone(scene, lanes=None)


def test_who_allows_one_file_at_a_time_has_one_connection(scene: Scene) -> None:
    scene.lanes = lanes(most=1)
    alone(scene)


def test_many_files_leave_no_connections_to_slices(scene: Scene) -> None:
    scene.lanes = lanes(most=2)
    with scene.lanes.file():
        alone(scene)


def test_a_limited_rate_needs_no_further_connections(scene: Scene) -> None:
    opener = limited(scene.session.open, RateLimit(1e9, sleep=NO_TIME))
    result = fetch(scene.job, opener, lanes=scene.lanes)
    assert result.status == "fetched"
    assert not scene.ranges


def test_an_encoded_answer_is_not_sliced(scene: Scene) -> None:
    headers = {"ETag": ETAG, "Accept-Ranges": "bytes", "Content-Encoding": "gzip"}
    scene.server.on("GET", "/data", Answer(200, DATA, headers))
    alone(scene)


def test_a_fast_connection_stays_the_only_one(scene: Scene) -> None:
    scene.lanes = lanes(ramp=Ramp, clock=lambda: 0.0)
    alone(scene)


def test_a_trial_that_brings_nothing_is_the_end_of_it(scene: Scene) -> None:
    class InVain(Ramp):
        def watch(self, now: float, position: int, waited: float, worked: float) -> None:
            if self._growing:
                self.connections, self.trying, self.rate = 4, True, 1e15

    scene.lanes = lanes(ramp=InVain)
    assert scene.get().status == "fetched"
    scene.got()
    assert len(scene.ranges) <= 3
    assert not scene.lanes.promising(scene.proxy.url.removeprefix("http://"))


# when something goes wrong


KINDS: dict[str, Callable[[int], Fault]] = {
    "cut": faults.cut,
    "reset": faults.reset,
    "truncate": faults.truncate,
    "corrupt": faults.corrupt,
    "shift": lambda place: faults.shift(place % 300 + 1),
    "length": lambda place: faults.lie(place % 200 - 100),
    "range": lambda _: faults.ignore_range(),
    "416": lambda _: faults.unsatisfiable(),
    "416 with the size": lambda _: faults.unsatisfiable(len(DATA)),
    "412": lambda _: faults.answer(Answer(412)),
    "204": lambda _: faults.answer(Answer(204)),
    "404": lambda _: faults.answer(Answer.problem(404, "gone", "gone")),
    "500": lambda _: faults.answer(Answer(500)),
    "busy": lambda _: faults.busy(),
    "loop": lambda _: faults.loop(),
    "expired": lambda _: faults.expired(),
    "swap": lambda place: faults.swap(OTHER, '"other"'),
    "lost": lambda _: faults.lose(),
}


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize(("after", "times"), [(0, 1), (9, 1), (9, 3)])
def test_a_fault_costs_little(kind: str, after: int, times: int, scene: Scene) -> None:
    rule = scene.proxy.fail(KINDS[kind](1000), path="/data", ranged=True, after=after, times=times)
    result = scene.get()
    if kind in ("404", "expired", "412", "204", "500", "loop") and result.error:  # all tries may meet it
        assert isinstance(result.error, HcaError)
        assert not scene.target.exists()
        scene.proxy.heal()
        assert scene.get().error is None
    else:
        assert result.error is None
    scene.got()
    assert rule.hits


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"truncate"}))
def test_a_fault_that_does_not_go_away_is_no_wrong_file(kind: str, scene: Scene) -> None:
    scene.proxy.fail(KINDS[kind](1000), path="/data", ranged=True, times=None)
    result = scene.get(quota=Quota(retries=3, min_delay=0))
    if result.error is None:
        scene.got()
    else:
        assert isinstance(result.error, HcaError)
        assert not scene.target.exists()


def test_a_slice_that_stalls_is_asked_for_again(scene: Scene) -> None:
    scene.proxy.fail(faults.stall(1000), path="/data", ranged=True, after=5)
    with Session(read_timeout=0.2) as scene.session:
        assert scene.get().attempts >= 2
    scene.got()


def test_a_slice_that_breaks_costs_a_try(scene: Scene) -> None:
    scene.proxy.fail(faults.cut(1000), path="/data", ranged=True, after=5)
    slept: list[float] = []
    assert scene.get(sleep=slept.append).attempts == 2
    assert slept == [Quota().delay]
    scene.target.unlink()
    scene.proxy.fail(faults.cut(1000), path="/data", ranged=True, after=5)
    result = scene.get(quota=Quota(retries=0))
    assert isinstance(result.error, NetworkError)
    assert "gave up after 1 attempts" in result.error.message
    there = part_path(scene.target).read_bytes()
    assert there == DATA[: len(there)]
    assert len(there) % SLICE == 1000


def test_what_arrived_behind_a_broken_slice_is_not_asked_for_again(scene: Scene) -> None:
    scene.proxy.fail(faults.cut(1000), path="/data", ranged=True, after=5)
    scene.get()
    assert len(scene.ranges) - len(set(scene.ranges)) <= 1


@pytest.mark.parametrize("first", range(4, 12))
def test_a_hole_between_slices_that_are_there_is_filled(first: int, scene: Scene) -> None:
    for after in (first, first + 1):
        scene.proxy.fail(faults.cut(SLICE - 1), path="/data", ranged=True, after=after)
    assert scene.get().error is None
    scene.got()


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_is_busy_gets_fewer_connections(status: int, scene: Scene) -> None:
    ramps: list[Ramp] = []

    def ramp() -> Ramp:
        ramps.append(Eager(8))
        return ramps[-1]

    scene.lanes = lanes(most=16, ramp=ramp)
    scene.proxy.fail(faults.busy(status, retry_after=7), path="/data", ranged=True, after=12, times=1)
    result = scene.get(quota=Quota(retries=0))
    assert result.error is None
    scene.got()
    assert ramps[0].connections == 4


def test_a_busy_server_is_asked_again_when_it_said(scene: Scene) -> None:
    scene.proxy.fail(faults.busy(retry_after=7), path="/data", ranged=True, after=12, times=8)
    assert scene.get(quota=Quota(retries=0)).error is None
    scene.got()
    assert 7.0 in scene.clock.sleeps


def test_a_server_that_ignores_ranges_after_all_is_not_asked_for_more(scene: Scene) -> None:
    scene.proxy.fail(faults.ignore_range(), path="/data", ranged=True, times=None)
    assert scene.get().error is None
    scene.got()
    assert len(scene.ranges) <= 4


def test_an_address_that_expired_is_asked_for_again(scene: Scene) -> None:
    valid = {"1"}
    addresses = iter(range(1, 10))

    def signed(_: Request) -> Answer:
        number = str(next(addresses))
        valid.add(number)
        return Answer.redirect(f"{scene.proxy.url}/data?signature={number}")

    blob = scene.server.serve_bytes("/data", DATA, ETAG)
    asked: list[str] = []

    def checked(request: Request) -> Answer:
        asked.append(request.query)
        if len(asked) == 15:
            valid.clear()
        return blob(request) if request.params["signature"][0] in valid else Answer(403)

    scene.server.on("GET", "/data", checked)
    scene.server.on("GET", "/file", signed)
    scene.lanes = lanes(most=16, connections=8)
    result = scene.get(replace(scene.job, url=f"{scene.server.url}/file"), quota=Quota(retries=0))
    assert result.error is None
    scene.got()
    assert scene.server.count("GET", "/file") == 2
    assert asked[-1] == "signature=2"


def test_a_file_that_is_gone_in_between_is_said_to_be(scene: Scene) -> None:
    blob = scene.server.serve_bytes("/data", DATA, ETAG)
    scene.server.on("GET", "/data", *[blob] * 10, Answer.problem(404, "not_found", "Nothing here"))
    result = scene.get()
    assert isinstance(result.error, ApiError)
    assert "Nothing here" in result.error.message
    assert load(sidecar_path(scene.target)) is not None


def test_a_login_that_is_needed_in_between_is_said(scene: Scene) -> None:
    blob = scene.server.serve_bytes("/data", DATA, ETAG)
    scene.server.on("GET", "/data", *[blob] * 10, Answer(403))
    assert isinstance(scene.get().error, AuthError)


@pytest.mark.parametrize("sha256", [True, False])
def test_an_object_that_is_replaced_in_between_is_never_mixed(sha256: bool, scene: Scene) -> None:
    blob = scene.server.serve_bytes("/data", DATA, ETAG)

    def replaced(request: Request) -> Answer:
        if len(scene.proxy.passages) > 12:
            blob.data, blob.etag = OTHER, '"2"'
        return blob(request)

    scene.server.on("GET", "/data", replaced)
    result = scene.get(scene.job if sha256 else replace(scene.job, sha256=None))
    if sha256:
        assert isinstance(result.error, IntegrityError)
        assert not scene.target.exists()
    else:
        assert result.error is None
        assert scene.target.read_bytes() == OTHER


def test_a_wrong_byte_in_a_slice_is_found_and_the_file_fetched_by_one_connection(scene: Scene) -> None:
    scene.proxy.fail(faults.corrupt(77), path="/data", ranged=True, after=8)
    result = scene.get()
    assert (result.status, result.attempts) == ("fetched", 2)
    scene.got()
    last = max(number for number, one in enumerate(scene.proxy.passages) if one.range is None)
    assert [one.range for one in scene.proxy.passages[last + 1 :] if one.status == 206] == []


# when we are stopped


class Stopping(Silent):
    def __init__(self, after: int, act: Callable[[], object]) -> None:
        self.left, self.act = after, act

    def advance(self, name: str, count: int) -> None:
        self.left -= count
        if self.left <= 0:
            self.act()


@pytest.mark.parametrize("after", [1, SLICE, 7 * SLICE, 39 * SLICE])
def test_what_is_on_the_disk_is_the_beginning_whenever_we_stop(after: int, scene: Scene) -> None:
    stop = threading.Event()
    with pytest.raises(CancelledError):
        scene.get(stop=stop, progress=Stopping(after, stop.set))
    there = part_path(scene.target).read_bytes()
    assert after <= len(there) < len(DATA)
    assert there == DATA[: len(there)]
    result = scene.get()
    assert (result.status, result.transferred) == ("resumed", len(DATA) - len(there))
    scene.got()


def test_stop_is_heard_while_a_slice_is_waited_for(scene: Scene) -> None:
    stop = threading.Event()
    scene.proxy.fail(faults.stall(100), path="/data", ranged=True, times=None)
    threading.Timer(0.1, stop.set).start()
    with pytest.raises(CancelledError), scene.lanes.file(), Session(read_timeout=60) as patient:
        fetch(scene.job, patient.open, lanes=scene.lanes, stop=stop)


def test_ctrl_c_leaves_what_can_be_continued(scene: Scene) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scene.get(progress=Stopping(10 * SLICE, interrupt))
    assert scene.get().status == "resumed"
    scene.got()


def test_an_error_of_our_own_in_a_slice_is_not_hidden(scene: Scene) -> None:
    def opener(url: str, *, offset: int = 0, validator: str | None = None) -> Any:
        stream = scene.session.open(url, offset=offset, validator=validator)
        slices = stream.open_slice

        def broken(start: int, stop: int, validator: str) -> Any:
            return slices(start, stop, validator) if slices and start < 8 * SLICE else 1 / 0

        stream.open_slice = broken
        return stream

    with pytest.raises(ZeroDivisionError), scene.lanes.file():
        fetch(scene.job, opener, lanes=scene.lanes)


# anything at all


@dataclass(frozen=True)
class Trouble:
    kind: str
    place: int
    after: int
    times: int | None
    ranged: bool


TROUBLES = st.builds(
    Trouble,
    st.sampled_from(sorted(KINDS)),
    st.integers(0, SLICE + 1000),
    st.integers(0, 45),
    st.integers(1, 4) | st.none(),
    st.booleans(),
)


@pytest.mark.slow
@settings(derandomize=True, deadline=None, max_examples=20, suppress_health_check=list(HealthCheck))
@given(
    troubles=st.lists(TROUBLES, max_size=5), connections=st.integers(2, 8), stop_after=st.none() | st.integers(1, 40)
)
def test_whatever_happens_the_file_is_right_or_the_failure_has_a_name(
    troubles: list[Trouble], connections: int, stop_after: int | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with (
        FakeServer() as server,
        FaultProxy(server.url) as proxy,
        Session(policy=RetryPolicy(attempts=2), sleep=NO_TIME, read_timeout=5) as session,
    ):
        server.serve_bytes("/data", DATA, ETAG)
        target = tmp_path_factory.mktemp("d") / "f"
        scene = Scene(server, proxy, session, target, Clock(), lanes(12, connections))
        for one in troubles:
            proxy.fail(KINDS[one.kind](one.place), path="/data", after=one.after, times=one.times, ranged=one.ranged)
        ends_well(scene, stop_after)
        proxy.heal()
        assert scene.get().error is None
        scene.got()


def ends_well(scene: Scene, stop_after: int | None) -> None:
    stop = threading.Event()
    progress = Stopping((stop_after or 100) * SLICE, stop.set)
    try:
        result = scene.get(stop=stop, progress=progress, quota=Quota(retries=3, min_delay=0))
    except CancelledError:
        there = part_path(scene.target).read_bytes()
        assert len(there) <= len(DATA)
    else:
        if result.error is None:
            scene.got()
        else:
            assert isinstance(result.error, HcaError)
            assert not scene.target.exists()


class Bytes:
    """A stream of `DATA` from `start` up to `stop`, and of slices; slice 2 is refused when it is `due`."""

    url = "http://127.0.0.1/data"

    def __init__(self, start: int, stop: int = len(DATA), due: Callable[[], bool] = bool, status: int = 206) -> None:
        self.status, self.due = status, due
        self.headers = {"Content-Range": f"bytes {start}-{stop - 1}/{len(DATA)}", "ETag": ETAG}
        self.headers["Content-Length"] = str(stop - start)
        self.place, self.stop = start, stop

    def open_slice(self, start: int, stop: int, validator: str) -> Bytes:
        if start != 2 * SLICE:
            return Bytes(start, stop)
        until(self.due)
        return Bytes(start, stop, status=503)

    def readinto(self, buffer: memoryview) -> int:
        count = min(len(buffer), self.stop - self.place)
        buffer[:count] = DATA[self.place : self.place + count]
        self.place += count
        return count

    def close(self) -> None:
        pass


def test_a_place_that_nobody_is_left_to_fetch_is_a_gap() -> None:
    """One of five slices is refused, and the threads that are one too many then leave: nobody fetches it."""
    spread = Spread(len(DATA), ETAG, lanes(12, 6), threading.Event())
    place, buffer = 0, memoryview(bytearray(SLICE))
    spread.lead(Bytes(0, due=lambda: len(spread._slices) == 5), 0)
    place += spread.readinto(buffer[:10])
    until(lambda: len(spread._slices) == 5 and all(one.over for one in spread._slices.values()))
    spread.lead(Bytes(place), place)
    while place < 2 * SLICE:
        place += spread.readinto(buffer)
    until(lambda: spread._threads == 3)
    with pytest.raises(Gap):
        spread.readinto(buffer)
    spread.close()
