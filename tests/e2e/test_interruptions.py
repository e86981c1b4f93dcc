"""Whatever happens to a client or its machine in the middle: nothing is lost, nothing is wrong, and a rerun completes.

`HCA_SOAK=1` kills as often as the promise says: 200 times.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from fake_dss import FakeDSS, entry
from proxied_stack import ProxiedStack, proxied_stack

from hca_core.testing import faults, run
from hca_core.transfer.sidecar import load
from hca_dss.client import DSSClient

SEED = 20240501
SOAK = os.environ.get("HCA_SOAK") == "1"
DOWNLOAD_KILLS = 200 if SOAK else 30
UPLOAD_KILLS = 200 if SOAK else 12
SMALL, LARGE = 490, 10  # files to download; a large one is continued in its middle
UPLOADED = 500 if SOAK else 100  # files to upload
BUNDLE = "11111111-2222-4333-8444-555555555555"
WHERE = ("--replica", "aws", "--staging-bucket", "staging")
FROM = ("--bundle-uuid", BUNDLE, "--replica", "aws", "--num-retries", "2")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9")]


@dataclass(frozen=True)
class Served:
    """A stack, a bundle in it, and what a download of the bundle makes: contents by path, and by checksum."""

    stack: ProxiedStack
    source: Path
    tree: Mapping[str, bytes]
    contents: Mapping[str, bytes]

    def start(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        """Start the real `hca dss`."""
        command = [sys.executable, "-m", "hca_core", "dss", *words]
        environ = {**os.environ, **self.stack.environ}
        return subprocess.Popen(command, env=environ, stdout=-1, stderr=-1, text=True, **options)

    def hca(self, *words: str, code: int = 0, **options: Any) -> str:
        """Run `hca dss` to its end, which must be exit code `code`; return what it said."""
        process = self.start(*words, **options)
        _, errors = process.communicate(timeout=100)
        assert process.returncode == code, errors
        assert "Traceback" not in errors
        return errors

    def download(self, folder: Path, *words: str, code: int = 0, **options: Any) -> str:
        return self.hca("download", *FROM, "--download-dir", str(folder), *words, code=code, **options)

    def check(self, folder: Path) -> None:
        """Compare a complete download with what it must be: the same tree, one copy of each content, no leftovers."""
        assert contents_of(folder) == self.tree
        copies = {path.stat().st_ino for path in folder.rglob("*") if path.is_file()}
        assert len(copies) == len(self.contents)


def contents_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def files(folder: Path, count: int, size: range, seed: int) -> None:
    chance = random.Random(seed)
    for number in range(count):
        path = folder / f"plate-{number % 7}" / f"cell_{seed}_{number}.fastq"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chance.randbytes(chance.choice(size)))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    source = folder / "source"
    files(source, SMALL, range(1, 8000), 1)
    files(source, LARGE, range(1_100_000, 2_000_000), 2)
    with proxied_stack(folder, {"network": {"retries": 2}}) as stack, pytest.MonkeyPatch.context() as patch:
        for name, value in {**stack.environ, "HOME": str(folder)}.items():
            patch.setenv(name, value)
        assert run("dss", "upload", "--src-dir", str(source), *WHERE, "--bundle-uuid", BUNDLE).code == 0
        assert run("dss", "download", *FROM, "--download-dir", str(folder / "out")).code == 0
        tree = contents_of(folder / "out")
        yield Served(stack, source, tree, {hashlib.sha256(data).hexdigest(): data for data in tree.values()})


@pytest.fixture(autouse=True)
def healed(served: Served) -> Iterator[None]:
    yield
    served.stack.heal()


# kill -9


@dataclass(frozen=True)
class Kept:
    """What a client left: the checksums of whole contents, and the bytes of unfinished ones that can be continued."""

    whole: frozenset[str]
    begun: Mapping[str, int]


def look(served: Served, folder: Path) -> Kept:
    """See what there is, none of which may be wrong."""
    whole, begun = set(), {}
    for path in (path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".part":
            sha256 = path.name.partition(".")[0]
            data = path.read_bytes()
            assert served.contents[sha256].startswith(data)
            noted = load(path.with_name(f"{path.name}.json"))
            begun[sha256] = len(data) if noted else 0
        elif not path.name.endswith((".part.json", *(f".part.json.{digit}" for digit in ""))) and ".part" not in name:
            assert path.read_bytes() == served.tree[name]
            whole.add(path.name)
    return Kept(frozenset(whole), begun)


def kill_somewhere(served: Served, process: subprocess.Popen[str], kept: Kept, chance: random.Random) -> None:
    """Kill a client at a random moment: of its start, or of the transfer of a file that it lacks."""
    missing = sorted(served.contents.keys() - kept.whole)
    if not missing or chance.random() < 0.2:
        time.sleep(chance.uniform(0, 0.8))
        process.kill()
        return
    sha256 = chance.choice(missing)
    moment = chance.randrange(len(served.contents[sha256]) - kept.begun.get(sha256, 0) + 1)
    served.stack.s3.fail(faults.act(process.kill, after=moment), "GET", f"*{sha256}*")
