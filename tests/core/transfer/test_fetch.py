from __future__ import annotations

import errno
import hashlib
import os
import random
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from origin import FAULTS, Fault, Origin, job_for

from hca_core.errors import ApiError, IntegrityError, NetworkError, TransferError
from hca_core.http import Session
from hca_core.testing import FakeServer
from hca_core.transfer import sink
from hca_core.transfer.download import Download
from hca_core.transfer.fetch import Existing, decide, fetch, is_hopeless
from hca_core.transfer.job import Opener, TransferJob
from hca_core.transfer.private import create
from hca_core.transfer.quota import Quota
from hca_core.transfer.report import FileResult
from hca_core.transfer.sidecar import load, part_path, sidecar_path
from hca_core.transfer.sink import SMALL, Partial

BIG = random.Random(1).randbytes(SMALL + 500_000)
LITTLE = BIG[:5000]
both_sizes = pytest.mark.parametrize("data", [BIG, LITTLE], ids=["big", "little"])


class Told:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.bytes = 0
        self.calls: list[str] = []

    def add(self, name: str, size: int | None) -> None:
        self.calls.append(f"add {name} {size}")

    def advance(self, name: str, count: int) -> None:
        self.bytes += count

    def done(self, name: str) -> None:
        self.calls.append(f"done {name}")

    def note(self, message: str) -> None:
        self.calls.append(message)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "f"


def get(job: TransferJob, opener: Opener, **options: Any) -> FileResult:
    return fetch(job, opener, **{"sleep": lambda _: None, **options})


def interrupted(data: bytes, target: Path, after: int, **options: Any) -> None:
    """Leave a partial file of `after` bytes behind."""
    result = get(job_for(data, target, **options), Origin(data, Fault("cut", after)), quota=Quota(retries=0))
    assert isinstance(result.error, NetworkError)
    assert part_path(target).stat().st_size == after


def names(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir()) if target.parent.exists() else []


@both_sizes
def test_a_file_is_fetched(data: bytes, target: Path) -> None:
    origin, told = Origin(data), Told()
    result = get(job_for(data, target), origin, progress=told, clock=iter([1.0, 3.5]).__next__)
    assert result == FileResult("f", target, "fetched", len(data), len(data), 2.5, 1)
    assert target.read_bytes() == data
    assert names(target) == ["f"]
    assert told.calls == [f"add f {len(data)}", "done f"]
    assert told.bytes == len(data)


def test_an_empty_file_is_made_without_a_request(target: Path) -> None:
    origin = Origin(b"")
    result = get(job_for(b"", target), origin)
    assert (result.status, result.size, result.attempts) == ("fetched", 0, 0)
    assert origin.requests == []
    assert target.read_bytes() == b""


def test_an_empty_file_with_the_checksum_of_another_is_refused(target: Path) -> None:
    origin = Origin(b"")
    result = get(replace(job_for(b"x", target), size=0), origin)
    assert isinstance(result.error, IntegrityError)
    assert result.error.actual == hashlib.sha256().hexdigest()
    assert origin.requests == []
    assert names(target) == []


@pytest.mark.parametrize("fault", ["none", "no length"])
def test_a_file_of_unknown_size_is_fetched(fault: str, target: Path) -> None:
    result = get(job_for(LITTLE, target, size=False), Origin(LITTLE, Fault(fault)))
    assert (result.status, result.size) == ("fetched", len(LITTLE))
    assert target.read_bytes() == LITTLE


def test_a_file_of_unknown_size_that_the_server_says_is_longer_is_continued(target: Path) -> None:
    origin = Origin(LITTLE, Fault("short", 1000))
    assert get(job_for(LITTLE, target, size=False, sha256=False), origin).status == "fetched"
    assert origin.requests == [(0, None), (1000, '"1"')]
    assert target.read_bytes() == LITTLE


@both_sizes
@pytest.mark.parametrize("fault", ["cut", "short"])
def test_what_breaks_off_is_continued(fault: str, data: bytes, target: Path) -> None:
    origin, told = Origin(data, Fault(fault, 1000), Fault(fault, 2000)), Told()
    result = get(job_for(data, target), origin, progress=told)
    assert (result.status, result.attempts, result.transferred) == ("fetched", 3, len(data))
    assert origin.requests == [(0, None), (1000, '"1"'), (3000, '"1"')]
    assert target.read_bytes() == data
    assert told.bytes == len(data)


def test_d11_a_later_run_continues_what_an_earlier_one_left(target: Path) -> None:
    interrupted(BIG, target, 1_200_000)
    origin, told = Origin(BIG), Told()
    result = get(job_for(BIG, target), origin, progress=told)
    assert (result.status, result.attempts) == ("resumed", 1)
    assert origin.requests == [(1_200_000, '"1"')]
    assert origin.sent == result.transferred == len(BIG) - 1_200_000
    assert told.bytes == len(BIG)
    assert target.read_bytes() == BIG
    assert names(target) == ["f"]


def test_a_partial_file_that_is_complete_needs_no_request(target: Path) -> None:
    interrupted(BIG, target, len(BIG) - 1)
    part_path(target).write_bytes(BIG)
    origin = Origin(BIG)
    assert get(job_for(BIG, target), origin).status == "resumed"
    assert origin.requests == []
    assert target.read_bytes() == BIG


@both_sizes
def test_a_connection_that_breaks_after_the_last_byte_does_no_harm(data: bytes, target: Path) -> None:
    result = get(job_for(data, target), Origin(data, Fault("cut", len(data))), quota=Quota(retries=0))
    assert (result.status, result.attempts) == ("fetched", 1)


def test_a_partial_file_with_wrong_bytes_costs_a_second_download_but_never_a_wrong_file(target: Path) -> None:
    interrupted(BIG, target, 1000)
    part_path(target).write_bytes(bytes(1000))
    result = get(job_for(BIG, target), Origin(BIG))
    assert (result.status, result.attempts) == ("fetched", 2)
    assert target.read_bytes() == BIG


def test_without_any_proof_a_file_is_not_continued(target: Path) -> None:
    origin = Origin(BIG, Fault("cut", 1000), etag=None)
    assert get(job_for(BIG, target, sha256=False), origin).status == "fetched"
    assert origin.requests == [(0, None), (0, None)]
    assert target.read_bytes() == BIG


def test_an_encoded_file_is_not_continued(target: Path) -> None:
    origin = Origin(BIG, Fault("gzip", 1000), Fault("gzip", 2000))
    assert get(job_for(BIG, target), origin).status == "fetched"
    assert origin.requests == [(0, None)] * 3
    assert target.read_bytes() == BIG


def test_an_encoded_file_is_not_continued_by_a_later_run_either(target: Path) -> None:
    get(job_for(BIG, target), Origin(BIG, Fault("gzip", 1000)), quota=Quota(retries=0))
    origin = Origin(BIG)
    assert get(job_for(BIG, target), origin).status == "fetched"
    assert origin.requests == [(0, None)]


@both_sizes
@pytest.mark.parametrize("fault", ["whole", "unlabelled", "shift"])
def test_an_answer_from_another_offset_is_never_mixed_in(fault: str, data: bytes, target: Path) -> None:
    origin, told = Origin(data, Fault("cut", 2000), Fault(fault, 500)), Told()
    result = get(job_for(data, target), origin, progress=told)
    assert result.status == "fetched"
    assert target.read_bytes() == data
    assert told.bytes == len(data)
    if fault != "whole":
        assert [offset for offset, _ in origin.requests] == [0, 2000, 0]


def test_an_object_that_was_replaced_is_fetched_from_its_start(target: Path) -> None:
    new = bytes(byte ^ 0xFF for byte in BIG)
    origin = Origin(BIG, Fault("cut", 2000), Fault("replaced"))
    result = get(job_for(new, target, sha256=False), origin)
    assert result.status == "fetched"
    assert origin.requests == [(0, None), (2000, '"1"')]
    assert target.read_bytes() == new


def test_a_changed_etag_in_a_206_is_noticed_even_if_the_server_knows_no_if_range(target: Path) -> None:
    origin = Origin(BIG, Fault("cut", 2000))

    def opener(url: str, *, offset: int = 0, validator: str | None = None) -> Any:
        if offset:
            origin.etag = '"2"'
        return origin(url, offset=offset)

    assert get(job_for(BIG, target), opener).attempts == 3
    assert target.read_bytes() == BIG


def test_a_416_at_the_end_means_that_the_file_is_complete(target: Path) -> None:
    interrupted(LITTLE, target, 5000 - 1, size=False)
    part_path(target).write_bytes(LITTLE)
    origin = Origin(LITTLE)
    result = get(job_for(LITTLE, target, size=False), origin)
    assert (result.status, result.size) == ("resumed", 5000)
    assert origin.requests == [(5000, '"1"')]
    assert target.read_bytes() == LITTLE


def test_a_416_raised_by_the_opener_means_the_same(target: Path) -> None:
    interrupted(LITTLE, target, 5000 - 1, size=False)
    part_path(target).write_bytes(LITTLE)

    def opener(url: str, *, offset: int = 0, validator: str | None = None) -> Any:
        raise ApiError("nothing there", status=416)

    assert get(job_for(LITTLE, target, size=False), opener).status == "resumed"


@both_sizes
def test_a_416_in_the_middle_leads_to_a_clean_start(data: bytes, target: Path) -> None:
    origin = Origin(data, Fault("cut", 1000), Fault("416"))
    assert get(job_for(data, target), origin).status == "fetched"
    assert [offset for offset, _ in origin.requests] == [0, 1000, 0]
    assert target.read_bytes() == data


@both_sizes
@pytest.mark.parametrize("fault", [Fault("corrupt", 77), Fault("long")])
def test_wrong_content_is_fetched_once_more(fault: Fault, data: bytes, target: Path) -> None:
    origin, told = Origin(data, fault), Told()
    result = get(job_for(data, target), origin, progress=told)
    assert (result.status, result.attempts) == ("fetched", 2)
    assert [offset for offset, _ in origin.requests] == [0, 0]
    assert target.read_bytes() == data
    assert told.bytes == len(data)


@both_sizes
def test_content_that_is_wrong_twice_is_refused_and_thrown_away(data: bytes, target: Path) -> None:
    job = job_for(data, target)
    result = get(job, Origin(data, Fault("corrupt", 77), Fault("corrupt", 77)))
    assert result.status == "failed"
    assert isinstance(result.error, IntegrityError)
    assert (result.error.name, result.error.expected) == ("f", job.sha256)
    assert result.error.actual not in (None, job.sha256)
    assert result.error.hint
    assert names(target) == []


def job_with_other(algorithm: str, data: bytes, target: Path) -> TransferJob:
    return replace(job_for(data, target, sha256=False), **{algorithm: hashlib.new(algorithm, data).hexdigest()})


@both_sizes
@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha512"])
def test_another_checksum_is_verified_if_that_is_all_that_is_known(algorithm: str, data: bytes, target: Path) -> None:
    job = job_with_other(algorithm, data, target)
    assert get(job, Origin(data, Fault("corrupt", 77))).status == "fetched"
    assert target.read_bytes() == data
    target.unlink()
    result = get(job, Origin(data, Fault("corrupt", 77), Fault("corrupt", 77)))
    assert isinstance(result.error, IntegrityError)
    assert result.error.expected == hashlib.new(algorithm, data).hexdigest()
    assert names(target) == []


@pytest.mark.parametrize(("content", "status"), [(LITTLE, "present"), (LITTLE[::-1], "fetched")])
def test_a_file_that_is_there_is_verified_by_its_md5(content: bytes, status: str, target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(content)
    assert get(job_with_other("md5", LITTLE, target), Origin(LITTLE), existing="verify").status == status
    assert target.read_bytes() == LITTLE


def test_wrong_content_leaves_the_file_that_is_there_alone(target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(b"older")
    origin = Origin(LITTLE, Fault("corrupt"), Fault("corrupt"))
    assert get(job_for(LITTLE, target), origin, existing="overwrite").status == "failed"
    assert target.read_bytes() == b"older"


@pytest.mark.parametrize("wrong", [4999, 5001])
def test_a_server_that_tells_another_size_is_not_believed_twice(wrong: int, target: Path) -> None:
    origin = Origin(LITTLE)
    result = get(replace(job_for(LITTLE, target), size=wrong), origin)
    assert isinstance(result.error, IntegrityError)
    assert result.error.expected == str(wrong)
    assert (len(origin.requests), origin.sent) == (2, 0)


def test_too_many_bytes_are_refused_even_without_a_stated_length(target: Path) -> None:
    def opener(url: str, *, offset: int = 0, validator: str | None = None) -> Any:
        return Origin(LITTLE + b"!", Fault("no length"))(url)

    result = get(job_for(LITTLE, target, sha256=False), opener)
    assert isinstance(result.error, IntegrityError)
    assert names(target) == []


def test_the_quota_ends_a_hopeless_download_and_the_partial_file_stays(target: Path) -> None:
    slept: list[float] = []
    origin = Origin(BIG, *[Fault("cut", 10)] * 20)
    result = get(job_for(BIG, target), origin, quota=Quota(retries=3), sleep=slept.append)
    assert isinstance(result.error, NetworkError)
    assert "4 attempts" in result.error.message
    assert "the connection broke" in result.error.message
    assert slept == [0.25, 0.5, 1.0]
    assert part_path(target).read_bytes() == BIG[:40]
    note = load(sidecar_path(target))
    assert note is not None
    assert note.fits(job_for(BIG, target))


def test_every_new_mebibyte_gives_a_try_back(target: Path) -> None:
    data = bytes(5 << 20)
    origin = Origin(data, *[Fault("cut", 1 << 20)] * 4)
    assert get(job_for(data, target), origin, quota=Quota(retries=1)).attempts == 5


def test_bytes_that_were_there_before_give_nothing_back(target: Path) -> None:
    data = bytes(3 << 20)
    origin = Origin(data, *[Fault("cut", 2 << 20)] * 50, etag=None)
    result = get(job_for(data, target, sha256=False), origin, quota=Quota(retries=3))
    assert isinstance(result.error, NetworkError)
    assert len(origin.requests) == 4


def test_a_long_wait_is_told(target: Path) -> None:
    told = Told()
    get(job_for(LITTLE, target), Origin(LITTLE, Fault("cut")), quota=Quota(min_delay=7), progress=told)
    assert told.calls[1:-1] == ["f: the connection broke Next try in 7 s."]


def test_an_opener_that_gets_no_answer_at_first_has_the_last_word(target: Path) -> None:
    origin = Origin(BIG, *[Fault("stall at open")] * 2)
    result = get(job_for(BIG, target), origin)
    assert isinstance(result.error, NetworkError)
    assert result.error.message == "no answer"
    assert len(origin.requests) == 1
    assert names(target) == []


def test_an_opener_that_gets_no_answer_later_is_asked_again(target: Path) -> None:
    origin = Origin(LITTLE, Fault("cut", 100), Fault("stall at open"))
    assert get(job_for(LITTLE, target), origin).attempts == 3


def test_a_file_that_does_not_exist_is_a_failure_without_traces(target: Path) -> None:
    result = get(job_for(BIG, target), Origin(BIG, Fault("gone")))
    assert isinstance(result.error, ApiError)
    assert names(target) == []


def test_a_server_that_answers_with_something_else_is_an_error(target: Path) -> None:
    def opener(url: str, *, offset: int = 0, validator: str | None = None) -> Any:
        stream = Origin(b"")(url)
        stream.status = 204
        return stream

    result = get(job_for(LITTLE, target), opener)
    assert isinstance(result.error, ApiError)
    assert result.error.status == 204


def test_ctrl_c_leaves_what_can_be_continued(target: Path) -> None:
    class Interrupting(Told):
        def advance(self, name: str, count: int) -> None:
            super().advance(name, count)
            if self.bytes > 500_000:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get(job_for(BIG, target), Origin(BIG), progress=Interrupting())
    assert names(target) == ["f.part", "f.part.json"]
    result = get(job_for(BIG, target), Origin(BIG))
    assert result.status == "resumed"
    assert target.read_bytes() == BIG


def test_stop_ends_a_download_between_two_pieces(target: Path) -> None:
    stop = threading.Event()

    class Stopping(Told):
        def advance(self, name: str, count: int) -> None:
            stop.set()

    origin = Origin(BIG)
    with pytest.raises(CancelledError):
        get(job_for(BIG, target), origin, progress=Stopping(), stop=stop)
    assert origin.sent == origin.piece
    with pytest.raises(CancelledError):
        get(job_for(BIG, target), origin, stop=stop)
    assert len(origin.requests) == 1


def test_a_full_disk_is_named_and_the_partial_file_stays(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = sink._write

    def full(file: Any, data: memoryview) -> None:
        if file.tell() > 500_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(file, data)

    # A real full disk would need a file system of its own.
    monkeypatch.setattr(sink, "_write", full)
    result = get(job_for(BIG, target), Origin(BIG))
    assert isinstance(result.error, TransferError)
    assert "No space left for f" in result.error.message
    assert is_hopeless(result.error)
    monkeypatch.undo()
    assert get(job_for(BIG, target), Origin(BIG)).status == "resumed"
    assert target.read_bytes() == BIG


@pytest.mark.parametrize("number", [errno.EROFS, errno.EMFILE])
def test_what_would_fail_for_every_file_is_told_with_advice(
    number: int, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(file: Any, data: memoryview) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(sink, "_write", refused)
    result = get(job_for(BIG, target), Origin(BIG))
    assert result.error is not None
    assert os.strerror(number) in result.error.message
    assert result.error.hint
    assert is_hopeless(result.error)


@both_sizes
def test_leftovers_of_a_death_are_swept_away(data: bytes, target: Path) -> None:
    create(target)[1].close()
    get(job_for(data, target), Origin(data))
    assert names(target) == ["f"]
    sidecar_path(target).write_text("{}")
    get(job_for(data, target), Origin(data))
    assert names(target) == (["f"] if data is BIG else ["f", "f.part.json"])  # little files have no notes


@both_sizes
def test_a_folder_that_is_a_file_is_named(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = get(job_for(data, tmp_path / "file" / "f"), Origin(data))
    assert isinstance(result.error, TransferError)
    assert str(tmp_path / "file" / "f") in result.error.message
    assert not is_hopeless(result.error)


def test_a_folder_in_the_way_is_named(target: Path) -> None:
    target.mkdir(parents=True)
    result = get(job_for(LITTLE, target), Origin(LITTLE), existing="overwrite")
    assert isinstance(result.error, TransferError)
    assert "in the way" in result.error.message


@pytest.mark.parametrize(
    ("existing", "present", "action"),
    [
        ("skip", None, "fetch"),
        ("verify", None, "fetch"),
        ("overwrite", None, "fetch"),
        ("error", None, "fetch"),
        ("skip", 5000, "present"),
        ("skip", 4999, "fetch"),
        ("verify", 5000, "verify"),
        ("verify", 4999, "fetch"),
        ("overwrite", 5000, "fetch"),
        ("error", 5000, "refuse"),
        ("error", 4999, "refuse"),
    ],
)
def test_what_is_done_about_an_existing_file(existing: Existing, present: int | None, action: str) -> None:
    assert decide(existing, job_for(LITTLE, Path("f")), present) == action


def test_without_a_checksum_nothing_can_be_verified() -> None:
    assert decide("verify", job_for(LITTLE, Path("f"), sha256=False), 5000) == "fetch"
    assert decide("skip", job_for(LITTLE, Path("f"), size=False), 17) == "present"


@pytest.mark.parametrize(
    ("existing", "content", "status"),
    [
        ("skip", LITTLE, "present"),
        ("skip", LITTLE[1:], "fetched"),
        ("verify", LITTLE, "present"),
        ("verify", LITTLE[::-1], "fetched"),
        ("overwrite", LITTLE, "fetched"),
        ("error", LITTLE, "failed"),
    ],
)
def test_the_policy_is_obeyed(existing: Existing, content: bytes, status: str, target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(content)
    told = Told()
    result = get(job_for(LITTLE, target), Origin(LITTLE), existing=existing, progress=told)
    assert result.status == status
    assert target.read_bytes() == LITTLE
    assert told.bytes == (0 if status == "failed" else len(LITTLE))


@both_sizes
def test_two_at_once_both_succeed_with_one_good_file(data: bytes, target: Path) -> None:
    gate = threading.Barrier(2)
    results: list[FileResult] = []

    def opener(url: str, *, offset: int = 0, validator: str | None = None) -> Any:
        gate.wait()
        return Origin(data, piece=4096)(url, offset=offset, validator=validator)

    threads = [threading.Thread(target=lambda: results.append(get(job_for(data, target), opener))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.status for result in results] == ["fetched", "fetched"]
    assert target.read_bytes() == data
    assert names(target) == ["f"]


@both_sizes
def test_who_is_second_leaves_the_file_of_the_first_alone(data: bytes, target: Path) -> None:
    def slow(*args: Any, **options: Any) -> Any:
        get(job_for(data, target), Origin(data))
        found.append(target.stat().st_ino)
        return Origin(data)(*args, **options)

    found: list[int] = []
    assert get(job_for(data, target), slow).status == "fetched"
    assert [target.stat().st_ino] == found
    assert names(target) == ["f"]


def test_bytes_that_somebody_took_over_are_fetched_again(target: Path) -> None:
    job = job_for(BIG, target)
    other: list[Partial] = []

    def opener(url: str, *, offset: int = 0, validator: str | None = None) -> Any:
        stream = Origin(BIG)(url, offset=offset, validator=validator)
        if not other:
            # What a second process does on a file system whose locks lie.
            readinto = stream.readinto

            def taken_over(buffer: memoryview) -> int:
                if not other:
                    other.append(Partial(job, lock=lambda _: True))
                    other[0].adopt(job, lambda _: None)
                return readinto(buffer)

            stream.readinto = taken_over  # type: ignore[method-assign]
        return stream

    download = Download(job, opener, Quota(), Told(), threading.Event(), lambda _: None)
    download.run()
    assert download.attempts == 2
    assert target.read_bytes() == BIG
    other[0].close()


SEQUENCES = st.lists(
    st.builds(Fault, st.sampled_from(FAULTS), st.integers(0, 1_700_000) | st.integers(0, 6000)), max_size=8
)


@settings(derandomize=True, deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
@given(
    faults=SEQUENCES,
    big=st.booleans(),
    known_size=st.booleans(),
    left=st.none() | st.tuples(st.integers(0, 1_500_000), st.booleans()),
    etag=st.sampled_from(['"1"', 'W/"1"', None]),
)
def test_whatever_happens_the_file_is_right_or_the_failure_has_a_name(
    faults: list[Fault],
    big: bool,
    known_size: bool,
    left: tuple[int, bool] | None,
    etag: str | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    data = BIG if big else LITTLE
    target = tmp_path_factory.mktemp("d") / "f"
    job = job_for(data, target, size=known_size)
    if left and 0 < left[0] < len(data) and (big or not known_size):
        interrupted(data, target, left[0], size=known_size)
        if left[1]:
            part_path(target).write_bytes(bytes(left[0]))
    if not ends_well(job, Origin(data, *faults, etag=etag), {data}):
        assert ends_well(job, Origin(data), {data})


BREAKS = st.builds(Fault, st.sampled_from(["cut", "short", "gzip"]), st.integers(1, 4999))
CHANGES = st.builds(Fault, st.sampled_from(["replaced", "shift", "whole", "unlabelled", "416"]), st.integers(1, 4999))


@settings(derandomize=True, deadline=None, max_examples=250, suppress_health_check=list(HealthCheck))
@given(
    faults=st.lists(BREAKS | CHANGES, max_size=6),
    known_size=st.booleans(),
    etag=st.sampled_from(['"1"', 'W/"1"', None]),
)
def test_without_a_checksum_two_versions_are_never_mixed(
    faults: list[Fault], known_size: bool, etag: str | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    target = tmp_path_factory.mktemp("d") / "f"
    job = job_for(LITTLE, target, size=known_size, sha256=False)
    versions = {LITTLE, bytes(byte ^ 0xFF for byte in LITTLE)}
    if not ends_well(job, Origin(LITTLE, *faults, etag=etag), versions):
        assert ends_well(job, Origin(LITTLE), versions)


def ends_well(job: TransferJob, origin: Origin, right: set[bytes]) -> bool:
    """Fetch; return whether the file is there, which then is right and alone."""
    result = get(job, origin, quota=Quota(retries=4))
    if result.error:
        assert result.status == "failed"
        assert isinstance(result.error, (NetworkError, ApiError, IntegrityError))
        assert not job.target.exists()
        return False
    assert job.target.read_bytes() in right
    assert names(job.target) == ["f"]
    assert result.size == job.target.stat().st_size
    return True


@pytest.fixture
def served(tmp_path: Path) -> Any:
    with FakeServer() as server, Session(sleep=lambda _: None, read_timeout=0.1) as session:
        yield server, session


def over_http(server: FakeServer, target: Path, data: bytes) -> TransferJob:
    return replace(job_for(data, target), url=f"{server.url}/data")


Misbehave = Callable[[Any], object]


@both_sizes
@pytest.mark.parametrize(
    "misbehave",
    [
        lambda blob: None,
        lambda blob: blob.cut(1000, times=3),
        lambda blob: blob.stall(1000),
        lambda blob: blob.corrupt(500),
        lambda blob: blob.claim(4000),
        lambda blob: blob.chunk(),
        lambda blob: (blob.cut(1000), blob.ignore_range()),
        lambda blob: (blob.cut(1000), blob.shift(10)),
    ],
    ids=["well", "cut", "stalled", "corrupt", "claim", "chunked", "no range", "shifted"],
)
def test_over_http(misbehave: Misbehave, data: bytes, served: tuple[FakeServer, Session], target: Path) -> None:
    server, session = served
    blob = server.serve_bytes("/data", data, '"1"')
    misbehave(blob)
    result = get(over_http(server, target, data), session.open)
    assert result.error is None
    assert target.read_bytes() == data


def test_over_http_a_later_run_asks_only_for_the_rest(served: tuple[FakeServer, Session], target: Path) -> None:
    server, session = served
    blob = server.serve_bytes("/data", BIG, '"1"')
    blob.cut(1_000_000)
    assert get(over_http(server, target, BIG), session.open, quota=Quota(retries=0)).status == "failed"
    before = part_path(target).stat().st_size
    result = get(over_http(server, target, BIG), session.open)
    assert (result.status, result.transferred) == ("resumed", len(BIG) - before)
    assert server.requests[-1].headers["Range"] == f"bytes={before}-"
    assert server.requests[-1].headers["If-Range"] == '"1"'
    assert before >= 900_000
    assert target.read_bytes() == BIG


def test_over_http_an_object_replaced_between_two_runs_is_fetched_anew(
    served: tuple[FakeServer, Session], target: Path
) -> None:
    server, session = served
    blob = server.serve_bytes("/data", BIG, '"1"')
    blob.cut(1_000_000)
    job = replace(over_http(server, target, BIG), sha256=None)
    get(job, session.open, quota=Quota(retries=0))
    blob.data, blob.etag = BIG[::-1], '"2"'
    assert get(job, session.open).status == "fetched"
    assert target.read_bytes() == BIG[::-1]
