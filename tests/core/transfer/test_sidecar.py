from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from hca_core.transfer.job import TransferJob
from hca_core.transfer.private import private_path
from hca_core.transfer.sidecar import Sidecar, left_behind, load, part_path, save, sidecar_path

NOTE = Sidecar("sha256:ab", 5, "ab" * 32, owner="me", validator='"1"')
JOB = TransferJob("f", "http://127.0.0.1/", Path("f"), "sha256:ab", 5, "ab" * 32)


def test_a_note_comes_back_as_it_was(tmp_path: Path) -> None:
    save(tmp_path / "note", NOTE)
    assert load(tmp_path / "note") == NOTE
    assert [path.name for path in tmp_path.iterdir()] == ["note"]


def test_a_note_says_nothing_about_where_the_bytes_came_from(tmp_path: Path) -> None:
    save(tmp_path / "note", NOTE)
    assert set(json.loads((tmp_path / "note").read_text())) == {"format", *asdict(NOTE)}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"format": "hca-partial-1"}',
        b'{"format": "other-1", "identity": "a", "size": 1, "sha256": null, "owner": "x"}',
        b'{"format": "hca-partial-1", "identity": 1, "size": 1, "sha256": null, "owner": "x"}',
        b'{"format": "hca-partial-1", "identity": "a", "size": "1", "sha256": null, "owner": "x"}',
        b'{"format": "hca-partial-1", "identity": "a", "size": true, "sha256": null, "owner": "x"}',
        b'{"format": "hca-partial-1", "identity": "a", "size": 1, "sha256": null, "owner": "x", "more": 1}',
        b"[" * 100_000,
    ],
)
def test_what_is_not_our_note_is_ignored(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "note").write_bytes(content)
    assert load(tmp_path / "note") is None


def test_no_note_is_none(tmp_path: Path) -> None:
    assert load(tmp_path / "note") is None


def test_only_the_same_content_is_continued() -> None:
    assert NOTE.fits(JOB)
    for other in (replace(JOB, identity="x"), replace(JOB, size=6), replace(JOB, sha256="cd" * 32)):
        assert not NOTE.fits(other)
    assert NOTE.fits(replace(JOB, url="http://127.0.0.1/signed?anew", name="other"))


def test_without_any_proof_nothing_is_continued() -> None:
    unproven = replace(NOTE, sha256=None, validator=None)
    assert not unproven.fits(replace(JOB, sha256=None))
    assert replace(unproven, validator='"1"').fits(replace(JOB, sha256=None))
    assert not replace(NOTE, resumable=False).fits(JOB)


def test_paths_are_beside_the_target() -> None:
    target = Path("folder/reads.fastq.gz")
    assert part_path(target) == Path("folder/reads.fastq.gz.part")
    assert sidecar_path(target) == Path("folder/reads.fastq.gz.part.json")
    assert private_path(target, "0" * 16) == Path("folder/reads.fastq.gz.hca-0000000000000000.part")


@pytest.mark.parametrize("name", ["n" * 255, "ü" * 127])
def test_the_longest_names_still_have_paths(name: str, tmp_path: Path) -> None:
    target = tmp_path / name
    save(sidecar_path(target), NOTE)
    for path in (part_path(target), private_path(target, "0" * 16)):
        path.touch()
    assert part_path(target) != part_path(target.with_name("m" + name[1:]))


def test_what_an_earlier_run_left_is_known(tmp_path: Path) -> None:
    job = replace(JOB, target=tmp_path / "f")
    assert left_behind(job) == 0
    save(sidecar_path(job.target), NOTE)
    assert left_behind(job) == 0
    part_path(job.target).write_bytes(b"abc")
    assert left_behind(job) == 3
    assert left_behind(replace(job, size=4)) == 0  # it is the beginning of something else
    part_path(job.target).write_bytes(b"abcdef")
    assert left_behind(job) == 0  # more than the file has
    part_path(job.target).unlink()
    part_path(job.target).mkdir()
    assert left_behind(job) == 0
