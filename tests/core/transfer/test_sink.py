from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from origin import job_for

from hca_core.transfer.answer import Answer
from hca_core.transfer.private import try_lock
from hca_core.transfer.sidecar import load, part_path, sidecar_path
from hca_core.transfer.sink import Buffered, Partial, Sink, clear

DATA = bytes(range(256)) * 10
WHOLE = Answer(200, 0, len(DATA), validator='"1"')


def fill(sink: Sink, data: bytes) -> None:
    while data:
        count = min(len(data), len(sink.buffer()), 1000)
        sink.buffer()[:count] = data[:count]
        sink.take(count)
        data = data[count:]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "f"


def left_behind(target: Path, data: bytes) -> None:
    """Leave a partial file behind, as a killed process does."""
    sink = Partial(job_for(DATA, target))
    sink.begin(WHOLE)
    fill(sink, data)
    sink.close()


@pytest.mark.parametrize("kind", [Buffered, Partial])
def test_the_target_appears_at_commit_and_nothing_else_remains(
    kind: type[Buffered] | type[Partial], target: Path
) -> None:
    sink = kind(job_for(DATA, target))
    sink.begin(WHOLE)
    fill(sink, DATA)
    assert sink.digest() == job_for(DATA, target).sha256
    assert not target.exists()
    assert sink.commit()
    sink.close()
    assert target.read_bytes() == DATA
    assert names(target.parent) == ["f"]


@pytest.mark.parametrize("kind", [Buffered, Partial])
def test_begin_forgets_what_was_there(kind: type[Buffered] | type[Partial], target: Path) -> None:
    sink = kind(job_for(DATA, target))
    sink.begin(WHOLE)
    fill(sink, b"wrong" * 300)
    sink.begin(WHOLE)
    fill(sink, DATA)
    assert sink.position == len(DATA)
    assert sink.digest() == job_for(DATA, target).sha256
    assert sink.commit()
    assert target.read_bytes() == DATA


@pytest.mark.parametrize("kind", [Buffered, Partial])
def test_missing_folders_are_made(kind: type[Buffered] | type[Partial], target: Path) -> None:
    deep = target / "a" / "b"
    sink = kind(job_for(DATA, deep))
    sink.begin(WHOLE)
    fill(sink, DATA)
    assert sink.commit()
    assert deep.read_bytes() == DATA


@pytest.mark.skipif(os.name != "posix", reason="modes")
@pytest.mark.parametrize("kind", [Buffered, Partial])
def test_the_file_has_the_users_usual_mode(kind: type[Buffered] | type[Partial], target: Path) -> None:
    sink = kind(job_for(DATA, target))
    sink.begin(WHOLE)
    fill(sink, DATA)
    sink.commit()
    usual = target.with_name("usual")
    usual.touch()
    assert target.stat().st_mode == usual.stat().st_mode


def test_the_note_is_there_before_the_first_byte(target: Path) -> None:
    sink = Partial(job_for(DATA, target))
    sink.begin(WHOLE)
    note = load(sidecar_path(target))
    assert note is not None
    assert (note.identity, note.size, note.sha256, note.validator) == ("it", len(DATA), sink.note.sha256, '"1"')
    assert part_path(target).read_bytes() == b""
    sink.close()


def test_what_is_left_behind_is_adopted_and_hashed(target: Path) -> None:
    left_behind(target, DATA[:1500])
    sink = Partial(job_for(DATA, target))
    told: list[int] = []
    sink.adopt(job_for(DATA, target), told.append)
    assert sink.position == sum(told) == 1500
    fill(sink, DATA[1500:])
    assert sink.digest() == job_for(DATA, target).sha256
    assert sink.commit()
    assert target.read_bytes() == DATA


@pytest.mark.parametrize("change", [{"identity": "other"}, {"sha256": "0" * 64}, {"size": 1400}])
def test_what_belongs_to_other_content_is_not_adopted(change: dict[str, object], target: Path) -> None:
    left_behind(target, DATA[:1500])
    job = replace(job_for(DATA, target), **change)  # type: ignore[arg-type]
    sink = Partial(job)
    sink.adopt(job, lambda _: None)
    assert sink.position == 0
    sink.close()


def test_more_bytes_than_the_file_has_are_not_adopted(target: Path) -> None:
    left_behind(target, DATA)
    with part_path(target).open("ab") as file:
        file.write(b"!")
    sink = Partial(job_for(DATA, target))
    sink.adopt(job_for(DATA, target), lambda _: None)
    assert sink.position == 0
    sink.close()


def test_bytes_with_an_unreadable_note_are_replaced(target: Path) -> None:
    left_behind(target, DATA[:1500])
    sidecar_path(target).write_text("{")
    sink = Partial(job_for(DATA, target))
    sink.adopt(job_for(DATA, target), lambda _: None)
    assert sink.position == 0
    sink.begin(WHOLE)
    fill(sink, DATA)
    assert sink.commit()
    assert names(target.parent) == ["f"]


def test_a_longer_partial_file_of_other_content_leaves_no_tail(target: Path) -> None:
    left_behind(target, DATA)
    job = job_for(DATA[:700], target, identity="other")
    sink = Partial(job)
    sink.adopt(job, lambda _: None)
    sink.begin(replace(WHOLE, total=700))
    fill(sink, DATA[:700])
    assert sink.commit()
    assert target.read_bytes() == DATA[:700]


def test_a_file_that_somebody_else_lengthened_is_not_used(target: Path) -> None:
    sink = Partial(job_for(DATA, target))
    sink.begin(WHOLE)
    fill(sink, DATA)
    with part_path(target).open("ab") as file:
        file.write(b"!")
    assert not sink.commit()
    sink.close()
    assert not target.exists()


def test_a_file_that_happens_to_be_called_part_is_left_alone(target: Path) -> None:
    part_path(target).write_bytes(b"somebody's work")
    sink = Partial(job_for(DATA, target))
    sink.adopt(job_for(DATA, target), lambda _: None)
    sink.begin(WHOLE)
    fill(sink, DATA)
    assert sink.commit()
    assert part_path(target).read_bytes() == b"somebody's work"
    assert target.read_bytes() == DATA
    assert names(target.parent) == ["f", "f.part"]


def test_a_link_called_part_is_not_followed(target: Path) -> None:
    victim = target.with_name("victim")
    victim.write_bytes(b"precious")
    part_path(target).symlink_to(victim)
    sidecar_path(target).write_text("{}")
    sink = Partial(job_for(DATA, target))
    sink.begin(WHOLE)
    fill(sink, DATA)
    assert sink.commit()
    assert victim.read_bytes() == b"precious"


def test_the_second_of_two_works_under_a_name_of_its_own(target: Path) -> None:
    first, second = Partial(job_for(DATA, target)), Partial(job_for(DATA, target))
    for sink in (first, second):
        sink.begin(WHOLE)
        fill(sink, DATA[:700])
    assert len([name for name in names(target.parent) if name.endswith(".part")]) == 2
    for sink in (second, first):
        fill(sink, DATA[700:])
        assert sink.commit()
        sink.close()
        assert target.read_bytes() == DATA
    assert names(target.parent) == ["f"]


def test_the_second_of_two_leaves_nothing_when_it_fails(target: Path) -> None:
    first, second = Partial(job_for(DATA, target)), Partial(job_for(DATA, target))
    for sink in (first, second):
        sink.begin(WHOLE)
        fill(sink, DATA[:700])
        sink.close()
    assert names(target.parent) == ["f.part", "f.part.json"]


def test_a_file_that_was_finished_while_we_waited_for_its_lock_is_not_touched(target: Path) -> None:
    left_behind(target, DATA)

    def finish_meanwhile(descriptor: int) -> bool:
        part_path(target).replace(target)
        return try_lock(descriptor)

    sink = Partial(job_for(DATA, target), lock=finish_meanwhile)
    sink.begin(WHOLE)
    fill(sink, b"wrong")
    sink.close(discard=True)
    assert target.read_bytes() == DATA


def test_where_locks_lie_the_last_to_come_owns_the_bytes(target: Path) -> None:
    first, second = (Partial(job_for(DATA, target), lock=lambda _: True) for _ in range(2))
    first.begin(WHOLE)
    fill(first, DATA[:700])
    second.begin(WHOLE)
    fill(second, DATA)
    fill(first, DATA[700:])
    assert not first.commit()
    assert not target.exists()
    assert second.commit()
    first.begin(WHOLE)
    fill(first, DATA)
    assert first.commit()
    first.close()
    assert target.read_bytes() == DATA
    assert names(target.parent) == ["f"]


def test_where_locks_lie_nobody_truncates_the_bytes_of_another(target: Path) -> None:
    first, second = (Partial(job_for(DATA, target), lock=lambda _: True) for _ in range(2))
    first.begin(WHOLE)
    second.begin(WHOLE)
    fill(second, DATA)
    first.begin(WHOLE)
    assert second.commit()
    assert target.read_bytes() == DATA
    first.close()
    assert names(target.parent) == ["f"]


def test_close_keeps_what_can_be_continued_and_removes_what_is_empty(target: Path) -> None:
    Partial(job_for(DATA, target)).close()
    assert names(target.parent) == []
    left_behind(target, DATA[:10])
    assert names(target.parent) == ["f.part", "f.part.json"]
    sink = Partial(job_for(DATA, target))
    sink.close()
    assert names(target.parent) == ["f.part", "f.part.json"]
    sink = Partial(job_for(DATA, target))
    sink.close(discard=True)
    assert names(target.parent) == []


def test_what_is_left_beside_a_whole_file_is_cleared_away(target: Path) -> None:
    left_behind(target, DATA[:10])
    target.write_bytes(DATA)
    clear(target)
    assert names(target.parent) == ["f"]
    sidecar_path(target).write_text("{}")  # as a death between the last two steps leaves it
    clear(target)
    assert names(target.parent) == ["f"]


def test_what_somebody_is_writing_is_not_cleared_away(target: Path) -> None:
    busy = Partial(job_for(DATA, target))
    busy.begin(WHOLE)
    fill(busy, DATA)
    target.write_bytes(DATA)
    clear(target)
    assert busy.commit()
    busy.close()
    assert names(target.parent) == ["f"]


def test_the_second_of_two_clears_away_what_the_first_left_when_it_died(target: Path) -> None:
    first, second = Partial(job_for(DATA, target)), Partial(job_for(DATA, target))
    for sink in (first, second):
        sink.begin(WHOLE)
        fill(sink, DATA)
    first._file.close()  # which is what its death does to its lock
    assert second.commit()
    second.close()
    assert names(target.parent) == ["f"]
