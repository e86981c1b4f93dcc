"""Sending large files in parts, to a bucket in memory that can fail."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from hca_core.errors import ApiError, AuthError, IntegrityError, NetworkError, NotFoundError, TransferError
from hca_core.testing import Clock
from hca_core.transfer.content import Reading, read_content
from hca_core.transfer.digest import checksums
from hca_core.transfer.multipart import LargeFile, Multipart
from hca_core.transfer.objects import ObjectInfo
from hca_core.transfer.quota import Quota
from hca_core.transfer.s3uploads import Sent
from hca_core.transfer.slices import Part, Slice

PART = 1000
ABOUT = {"ContentType": "text/x"}


@dataclass
class Upload:
    about: Mapping[str, Any]
    parts: dict[int, bytes] = field(default_factory=dict)


@dataclass
class Place:
    """What a bucket has of one key: unfinished uploads by id, and the object."""

    uploads: dict[str, Upload] = field(default_factory=dict)
    data: bytes | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    etag: str = ""
    begun: int = 0
    encrypted: bool = False  # with keys of the store's own, where an ETag is no MD5

    def head(self) -> ObjectInfo | None:
        if self.data is None:
            return None
        return ObjectInfo(len(self.data), self.etag, self.about["ContentType"], {}, self.about.get("Metadata", {}))


class Uploads:
    """One process's view of a place; `sent` are the numbers of the parts that it has sent.

    `before` and `after` are called with the number of each part, `on_complete` with the id of an upload.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.sent: list[int] = []
        self.before: Callable[[int], object] = lambda _: None
        self.after: Callable[[int], object] = lambda _: None
        self.on_complete: Callable[[str], object] = lambda _: None
        self.forbidden: tuple[str, ...] = ()

    def begin(self, about: Mapping[str, Any]) -> str:
        self.place.begun += 1
        upload = f"upload {self.place.begun}"
        self.place.uploads[upload] = Upload(about)
        return upload

    def unfinished(self) -> list[str]:
        if "list" in self.forbidden:
            raise AuthError("you must not list")
        return list(reversed(self.place.uploads))

    def parts(self, upload: str) -> dict[int, Sent]:
        parts = self._need(upload).parts
        return {number: Sent(self._etag(data), len(data)) for number, data in parts.items()}

    def send(self, upload: str, part: Part, body: Slice) -> Sent:
        body.seek(0)
        self.before(part.number)
        data = body.read()
        self.sent.append(part.number)
        self._need(upload).parts[part.number] = data
        self.after(part.number)
        return Sent(self._etag(data), part.length, not self.place.encrypted)

    def complete(self, upload: str, parts: Mapping[int, Sent]) -> Sent:
        self.on_complete(upload)
        found = self._need(upload)
        assert all(self._etag(found.parts[number]) == part.etag for number, part in parts.items())
        data = [found.parts[number] for number in sorted(parts)]
        md5s = b"".join(hashlib.md5(piece).digest() for piece in data)
        etag = "other" if self.place.encrypted else f"{hashlib.md5(md5s).hexdigest()}-{len(data)}"
        self.place.data, self.place.about, self.place.etag = b"".join(data), found.about, etag
        del self.place.uploads[upload]
        return Sent(self.place.etag, len(self.place.data), not self.place.encrypted)

    def abort(self, upload: str) -> None:
        if "abort" in self.forbidden:
            raise AuthError("you must not abort")
        self._need(upload)
        del self.place.uploads[upload]

    def _need(self, upload: str) -> Upload:
        if upload not in self.place.uploads:
            raise NotFoundError("no such upload", status=404, code="NoSuchUpload")
        return self.place.uploads[upload]

    def _etag(self, data: bytes) -> str:
        return "encrypted" * self.place.encrypted + hashlib.md5(data).hexdigest()


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.fixture
def uploads(place: Place) -> Uploads:
    return Uploads(place)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of four parts, the last one short."""
    path = tmp_path / "reads.fastq"
    path.write_bytes(os.urandom(3 * PART + 7))
    return path


class Told(list[int]):
    """What `on_bytes` was told."""


def send(path: Path, uploads: Uploads, told: Told | None = None, **changed: Any) -> str:
    size = path.stat().st_size
    file = LargeFile(
        path=path,
        size=size,
        part=PART,
        about=ABOUT,
        head=uploads.place.head,
        on_bytes=(told if told is not None else Told()).append,
        turn=nullcontext(),
        sleep=Clock().sleep,
    )
    with Reading(path, size, PART) as reading:
        return Multipart(replace(file, **changed), uploads, reading).run()  # type: ignore[arg-type]


def stop_after(*numbers: int) -> Callable[[int], None]:
    """Return something that fails for good once these parts were sent."""
    done: set[int] = set()
    there = threading.Event()

    def after(number: int) -> None:
        done.add(number)
        if done >= set(numbers):
            there.set()

    def before(number: int) -> None:
        if number not in numbers:
            assert there.wait(10)
            raise ApiError("the power failed", status=400)

    before.after = after  # type: ignore[attr-defined]
    return before


def interrupt(path: Path, uploads: Uploads, *numbers: int) -> None:
    """Send the file, but fail when these parts have arrived."""
    uploads.before = stop_after(*numbers)
    uploads.after = uploads.before.after  # type: ignore[attr-defined]
    with pytest.raises(ApiError, match="power"):
        send(path, uploads)
    assert sorted(uploads.sent) == sorted(numbers)
    uploads.before = uploads.after = lambda _: None
    uploads.sent.clear()


def etag_of(path: Path) -> str:
    return checksums(path, part=PART).s3_etag


def test_all_parts_are_sent_and_the_etag_is_that_of_the_file(place: Place, uploads: Uploads, path: Path) -> None:
    told = Told()
    assert send(path, uploads, told) == etag_of(path)
    assert sorted(uploads.sent) == [1, 2, 3, 4]
    assert place.data == path.read_bytes()
    assert sum(told) == path.stat().st_size
    assert place.uploads == {}


def test_the_next_run_sends_what_is_missing(place: Place, uploads: Uploads, path: Path) -> None:
    interrupt(path, uploads, 1, 3)
    assert len(place.uploads) == 1
    told = Told()
    assert send(path, uploads, told) == etag_of(path)
    assert sorted(uploads.sent) == [2, 4]
    assert place.data == path.read_bytes()
    assert (told[0], sum(told)) == (2 * PART, path.stat().st_size)
    assert place.uploads == {}


def test_parts_of_a_file_that_changed_meanwhile_are_sent_again(place: Place, uploads: Uploads, path: Path) -> None:
    interrupt(path, uploads, 1, 2)
    with path.open("r+b") as file:
        file.seek(PART)
        file.write(b"changed")
    told = Told()
    assert send(path, uploads, told) == etag_of(path)
    assert sorted(uploads.sent) == [2, 3, 4]
    assert place.data == path.read_bytes()
    assert sum(told) == path.stat().st_size


@pytest.mark.parametrize("size", [2 * PART, PART + 1, 5 * PART])
def test_a_file_that_is_shorter_or_longer_now(size: int, place: Place, uploads: Uploads, path: Path) -> None:
    interrupt(path, uploads, 1, 3, 4)
    with path.open("r+b") as file:
        file.truncate(size)
    assert send(path, uploads) == etag_of(path)
    assert 1 not in uploads.sent
    assert place.data == path.read_bytes()


def test_the_fullest_upload_is_continued_and_the_others_are_aborted(place: Place, uploads: Uploads, path: Path) -> None:
    interrupt(path, uploads, 1, 2, 3)
    place.uploads |= {"empty": Upload(ABOUT), "misfit": Upload(ABOUT, {1: b"too short", 9: bytes(PART)})}
    assert send(path, uploads) == etag_of(path)
    assert uploads.sent == [4]
    assert place.uploads == {}


def test_an_upload_that_must_not_be_aborted_stays(place: Place, uploads: Uploads, path: Path) -> None:
    place.uploads["empty"] = Upload(ABOUT)
    uploads.forbidden = ("abort",)
    assert send(path, uploads) == etag_of(path)
    assert len(place.uploads) == 1


def test_whoever_must_not_list_sends_everything(place: Place, uploads: Uploads, path: Path) -> None:
    interrupt(path, uploads, 1)
    uploads.forbidden = ("list",)
    assert send(path, uploads) == etag_of(path)
    assert sorted(uploads.sent) == [1, 2, 3, 4]


def test_an_upload_with_other_metadata_is_not_taken(place: Place, uploads: Uploads, path: Path) -> None:
    """The parts may be right although the upload was begun for another file: what is said about it would be wrong."""
    interrupt(path, uploads, 1)
    told = Told()
    assert send(path, uploads, told, about={**ABOUT, "Metadata": {"crc32c": "1"}}) == etag_of(path)
    assert place.about["Metadata"] == {"crc32c": "1"}
    assert sum(told) == path.stat().st_size


def test_a_part_that_fails_is_sent_again(place: Place, uploads: Uploads, path: Path) -> None:
    failures = [NetworkError("gone"), NetworkError("gone again")]

    def fail(number: int) -> None:
        if number == 2 and failures:
            raise failures.pop()

    uploads.after = fail
    clock, told = Clock(), Told()
    assert send(path, uploads, told, sleep=clock.sleep) == etag_of(path)
    assert sorted(uploads.sent) == [1, 2, 2, 2, 3, 4]
    assert (min(told), sum(told)) == (-PART, path.stat().st_size)
    assert len(clock.sleeps) == 2


def test_after_too_many_failures_it_is_given_up_and_can_be_continued(
    place: Place, uploads: Uploads, path: Path
) -> None:
    there = threading.Event()

    def fail(number: int) -> None:
        if number == 2:
            assert there.wait(10)
            raise NetworkError("nobody is there")

    uploads.before, uploads.after = fail, lambda number: number == 1 and there.set()
    with pytest.raises(NetworkError, match="nobody is there"):
        send(path, uploads, quota=Quota(retries=2, min_delay=1.0))
    uploads.before = lambda _: None
    uploads.sent.clear()
    send(path, uploads)
    assert 1 not in uploads.sent
    assert place.data == path.read_bytes()


def test_a_part_that_arrived_wrong_is_sent_again(place: Place, uploads: Uploads, path: Path) -> None:
    original = uploads.send
    broken = [2]

    def send_wrong(upload: str, part: Part, body: Slice) -> Sent:
        if part.number in broken:
            broken.clear()
            other = path.with_name("other")
            other.write_bytes(bytes(part.length))
            with Slice(other, Part(1, 0, part.length), lambda _: None) as wrong:
                return original(upload, part, wrong)
        return original(upload, part, body)

    uploads.send = send_wrong  # type: ignore[method-assign]
    assert send(path, uploads) == etag_of(path)
    assert sorted(uploads.sent) == [1, 2, 2, 3, 4]
    assert place.data == path.read_bytes()


def test_a_file_that_is_written_to_all_the_time_is_refused(place: Place, uploads: Uploads, path: Path) -> None:
    def write(number: int) -> None:
        with path.open("r+b") as file:
            file.write(os.urandom(PART))

    uploads.before = write
    size = path.stat().st_size
    known = read_content(path, size, part=PART)
    file = LargeFile(path, size, PART, ABOUT, place.head, lambda _: None, nullcontext())
    with pytest.raises(TransferError, match="changed while it was sent"):
        Multipart(file, uploads, Reading(path, size, PART, known)).run()  # type: ignore[arg-type]
    assert place.data is None


def test_a_file_that_becomes_shorter_is_refused(place: Place, uploads: Uploads, path: Path) -> None:
    def shorten(number: int) -> None:
        with path.open("r+b") as file:
            file.truncate(1)

    uploads.before = shorten
    with pytest.raises(TransferError, match="became shorter|changed while it was"):
        send(path, uploads)


def test_an_object_that_another_process_has_completed_is_taken(place: Place, uploads: Uploads, path: Path) -> None:
    interrupt(path, uploads, 1)
    ended = []

    def other(number: int) -> None:
        if not ended:
            ended.append(number)
            assert send(path, Uploads(place)) == etag_of(path)

    uploads.before = other
    assert send(path, uploads, turn=threading.Lock()) == etag_of(path)
    assert place.begun == 1
    assert place.data == path.read_bytes()
    assert place.uploads == {}


def test_an_upload_that_somebody_aborted_begins_anew(place: Place, uploads: Uploads, path: Path) -> None:
    aborted = []

    def abort(upload: str) -> None:
        if not aborted:
            aborted.append(upload)
            uploads.abort(upload)

    uploads.on_complete = abort
    told = Told()
    assert send(path, uploads, told) == etag_of(path)
    assert sorted(uploads.sent) == [1, 1, 2, 2, 3, 3, 4, 4]
    assert sum(told) == path.stat().st_size


def test_an_upload_that_somebody_always_aborts_is_given_up(place: Place, uploads: Uploads, path: Path) -> None:
    uploads.on_complete = uploads.abort
    with pytest.raises(TransferError, match="ends its upload again and again"):
        send(path, uploads)


def test_two_at_once_make_one_right_object(place: Place, path: Path) -> None:
    etags: list[str] = []
    threads = [threading.Thread(target=lambda: etags.append(send(path, Uploads(place)))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert etags == [etag_of(path)] * 2
    assert place.data == path.read_bytes()


def test_parts_whose_etags_are_no_md5s_are_sent_again_and_trusted(place: Place, uploads: Uploads, path: Path) -> None:
    place.encrypted = True
    interrupt(path, uploads, 1)
    assert send(path, uploads) == "other"
    assert sorted(uploads.sent) == [1, 2, 3, 4]
    assert place.data == path.read_bytes()


def test_an_object_that_does_not_have_the_etag_of_its_parts_is_refused(
    place: Place, uploads: Uploads, path: Path
) -> None:
    complete = uploads.complete
    uploads.complete = lambda upload, parts: replace(complete(upload, parts), etag="x-4")  # type: ignore[method-assign]
    with pytest.raises(IntegrityError, match="did not arrive as it was sent"):
        send(path, uploads)


def test_no_more_parts_than_turns_are_on_their_way(place: Place, uploads: Uploads, path: Path) -> None:
    under_way, most = [], []

    def before(number: int) -> None:
        under_way.append(number)
        most.append(len(under_way))

    uploads.before, uploads.after = before, under_way.remove
    send(path, uploads, turn=threading.BoundedSemaphore(1))
    assert max(most) == 1


def test_at_first_few_parts_are_on_their_way(uploads: Uploads, tmp_path: Path) -> None:
    """So a slow line has whole parts to go on with early, instead of many halves."""
    path = tmp_path / "reads.fastq"
    path.write_bytes(os.urandom(12 * PART))
    underway, most_at_first = set[int](), []
    lock, two = threading.Lock(), threading.Barrier(2)

    def before(number: int) -> None:
        with lock:
            underway.add(number)
        if number <= 2:
            two.wait(10)
        if not uploads.sent:
            most_at_first.append(len(underway))

    uploads.before = before
    uploads.after = underway.discard
    send(path, uploads)
    assert max(most_at_first) == 2
    assert sorted(uploads.sent) == [*range(1, 13)]
