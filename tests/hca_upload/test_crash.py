"""A killed upload is continued with what is missing; many files need no more memory than few."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from hca_core.transfer.digest import MIB, checksums

from .conftest import AREA, BUCKET, Seen, Stack, big, until, write

PART = 64 * MIB
SIZE = 2 * PART + 5

# The peak that `resource` tells of a child includes that of the process which started it.
MEASURED = """
import re, sys
from hca_core.testing import run
shown = run("upload", "files", *sys.argv[1:])
assert shown.code == 0, shown.stderr
print(re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1])
"""


def part_of(one: Seen) -> int:
    return int(parse_qs(one.query).get("partNumber", ["0"])[0])


def parts(stack: Stack) -> dict[int, int]:
    """The sizes of the parts that the store has of unfinished uploads."""
    uploads = stack.objects.list_uploads(BUCKET, prefix=AREA)
    found = [part for one in uploads for part in stack.objects.list_parts(BUCKET, one.key, one.id)]
    return {part.number: part.size for part in found}


@contextmanager
def held(stack: Stack, numbers: set[int]) -> Iterator[None]:
    """Let the parts with these numbers wait until the end of the block."""
    gate = threading.Event()

    def hold(one: Seen) -> str | None:
        if part_of(one) not in numbers:
            return None
        gate.wait(60)
        return "503 Service Unavailable"

    stack.s3.faults.append(hold)
    try:
        yield
    finally:
        gate.set()
        stack.s3.faults.remove(hold)


@pytest.mark.slow
def test_u1_nothing_is_sent_twice_after_a_kill(selected: Stack, tmp_path: Path) -> None:
    path = big(tmp_path / "reads.bam", SIZE)
    words = [sys.executable, "-m", "hca_core", "upload", "files", str(path)]
    with held(selected, {2}):
        process = subprocess.Popen(words, stderr=subprocess.PIPE)
        until(lambda: process.poll() is not None or {1, 3} <= parts(selected).keys(), 60)
        process.kill()
        _, errors = process.communicate()
        assert process.returncode < 0, errors
    assert parts(selected) == {1: PART, 3: 5}
    assert selected.names() == []
    plan = selected.area.upload_files([path], dry_run=True)
    assert (plan["files"][0]["action"], plan["bytes_to_send"]) == ("resume", PART)
    selected.s3.seen.clear()
    result = selected.area.upload_files([path])
    assert (result["resumed"], result["transferred"]) == (1, PART)
    assert selected.s3.sent() == PART
    assert selected.head("reads.bam").etag == checksums(path).s3_etag
    assert parts(selected) == {}
    selected.s3.seen.clear()
    assert selected.area.upload_files([path])["present"] == 1
    assert selected.s3.sent() == 0


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there is no /proc")
def test_many_files_need_no_more_memory_than_few(selected: Stack, tmp_path: Path) -> None:
    few = write(tmp_path / "few", *(f"f{number}.csv" for number in range(30)))
    many = write(tmp_path / "many", *(f"m{number}.csv" for number in range(240)))

    def peak(folder: Path) -> int:
        words = [sys.executable, "-c", MEASURED, "-q", str(folder)]
        return int(subprocess.run(words, capture_output=True, check=True, env=os.environ).stdout)

    growth = peak(many) - peak(few)
    assert growth < 8 * 1024, f"{growth} KiB"
    assert len([*selected.area.list()]) == 270
    assert len(selected.announced()) == 270
