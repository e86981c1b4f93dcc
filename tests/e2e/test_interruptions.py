"""Whatever happens to a client or its machine in the middle: nothing is lost, nothing is wrong, and a rerun completes.

`HCA_SOAK=1` kills as often as the promise says: 200 times.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fake_dss import FakeDSS, entry
from proxied_stack import ProxiedStack, proxied_stack

from hca_core.testing import faults, run
from hca_dss.client import DSSClient

SEED = 20240501
SOAK = os.environ.get("HCA_SOAK") == "1"
DOWNLOAD_KILLS = 200 if SOAK else 30
UPLOAD_KILLS = 200 if SOAK else 12
SMALL, LARGE = 490, 10  # files to download; a large one is continued in its middle
UPLOADED = 500 if SOAK else 100  # files to upload
PRIVATE = re.compile(r"\.hca-[0-9a-f]{16}\.part$")
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
    for name, data in contents_of(folder).items():
        last = name.rpartition("/")[2]
        if PRIVATE.search(last) or last.endswith(".part.json"):
            continue
        if not last.endswith(".part"):
            assert data == served.tree[name]
            whole.add(last)
            continue
        sha256 = last.removesuffix(".part")
        assert served.contents[sha256].startswith(data)
        begun[sha256] = len(data)
    return Kept(frozenset(whole & served.contents.keys()), begun)


def kill_somewhere(served: Served, process: subprocess.Popen[str], kept: Kept, chance: random.Random) -> None:
    """Kill a client at a random moment: of its start, or of the transfer of a content that it lacks."""
    missing = sorted(served.contents.keys() - kept.whole)
    if not missing or chance.random() < 0.2:
        time.sleep(chance.uniform(0, 0.8))
        process.kill()
        return
    sha256 = chance.choice(missing)
    moment = chance.randrange(len(served.contents[sha256]) - kept.begun.get(sha256, 0) + 1)
    served.stack.s3.fail(faults.act(process.kill, after=moment), "GET", f"*{sha256}*")


def check_fetched(served: Served, since: int, kept: Kept) -> None:
    """Check that no byte was sent again of what the earlier clients had kept."""
    for one in served.stack.s3.passages[since:]:
        sha256 = one.path.rpartition("/")[2].partition(".")[0]
        assert sha256 not in kept.whole
        assert one.received <= len(served.contents[sha256]) - kept.begun.get(sha256, 0)


def test_a_download_that_is_killed_again_and_again_completes(served: Served, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    folder, kills = tmp_path / "0", 0
    while kills < DOWNLOAD_KILLS:
        kept, since = look(served, folder), len(served.stack.s3.passages)
        process = served.start("download", *FROM, "--download-dir", str(folder))
        kill_somewhere(served, process, kept, chance)
        _, errors = process.communicate(timeout=100)
        served.stack.heal()
        check_fetched(served, since, kept)
        if process.returncode == 0:  # it was faster
            served.check(folder)
            folder = tmp_path / str(kills)
        else:
            assert process.returncode == -9, errors
            kills += 1
    kept, since = look(served, folder), len(served.stack.s3.passages)
    served.download(folder)
    check_fetched(served, since, kept)
    served.check(folder)


def sent(served: Served, since: int = 0) -> Counter[str]:
    """Return how often each file was staged, as far as the store has acknowledged it."""
    return Counter(one.path for one in served.stack.s3.passages[since:] if one.method == "PUT" and one.status == 200)


def test_an_upload_that_is_killed_again_and_again_completes(served: Served, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    source = tmp_path / "source"
    files(source, UPLOADED, range(1, 4000), 3)
    words = ("upload", "--src-dir", str(source), *WHERE, "--bundle-uuid")
    uuid, since, kills = str(uuid4()), len(served.stack.s3.passages), 0
    while kills < UPLOAD_KILLS:
        process = served.start(*words, uuid)
        proxy, method = chance.choice([(served.stack.s3, "PUT"), (served.stack.dss, "PUT"), (served.stack.dss, "HEAD")])
        countdown = iter(range(chance.randrange(UPLOADED)))
        proxy.fail(faults.act(lambda: next(countdown, None) is None and process.kill()), method)  # noqa: B023
        _, errors = process.communicate(timeout=100)
        served.stack.heal()
        if process.returncode == 0:  # it was faster
            check_upload(served, uuid, source, since, tmp_path)
            uuid, since = str(uuid4()), len(served.stack.s3.passages)
        else:
            assert process.returncode == -9, errors
            kills += 1
    served.hca(*words, uuid)
    check_upload(served, uuid, source, since, tmp_path)


def check_upload(served: Served, uuid: str, source: Path, since: int, tmp_path: Path) -> None:
    """Check that the bundle is whole, and that what the store had taken was not sent again."""
    assert set(sent(served, since).values()) == {1}
    assert len(sent(served, since)) == UPLOADED
    folder = tmp_path / uuid
    served.hca("download", "--bundle-uuid", uuid, "--replica", "aws", "--download-dir", str(folder))
    (bundle,) = folder.glob(f"{uuid}.*")
    found = contents_of(bundle)
    del found["bundle.json"]
    assert found == contents_of(source)


# Two at once


def test_two_downloads_into_one_folder_make_one_copy_of_each_file(served: Served, tmp_path: Path) -> None:
    both = [served.start("download", *FROM, "--download-dir", str(tmp_path / "out")) for _ in range(2)]
    for process in both:
        _, errors = process.communicate(timeout=100)
        assert process.returncode == 0, errors
    served.check(tmp_path / "out")


# The disk


def in_a_file_system(options: str, script: str, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a script in which `$0` is `folder`, where a file system of its own is mounted, and `"$@"` runs `hca dss`."""
    folder.mkdir()
    mount = f'mount -t tmpfs -o {options} tmpfs "$0" || exit 77\n'
    client = (sys.executable, "-m", "hca_core", "dss", *words)
    try:
        done = subprocess.run(
            ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount + script, str(folder), *client],
            capture_output=True,
            text=True,
            timeout=100,
        )
    except FileNotFoundError:
        pytest.skip("there is no unshare")
    if done.returncode in (1, 77):
        pytest.skip(f"no file system can be mounted here: {done.stderr}")
    return done


def test_a_full_disk(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in served.stack.environ.items():
        monkeypatch.setenv(name, value)
    folder, copy, said = tmp_path / "out", tmp_path / "copy", tmp_path / "said"
    script = f"""
        (while [ ! -e "$0/.hca" ]; do sleep 0.01; done; cat /dev/zero > "$0/filler") 2> {tmp_path}/ignored &
        "$@" --limit-rate 20M 2> {said}; first=$?
        wait; rm "$0/filler"; cp -a "$0" {copy}-first
        "$@" && cp -a "$0" {copy}
        exit $first
    """
    done = in_a_file_system("size=60m", script, folder, "download", *FROM, "--download-dir", str(folder))
    assert done.returncode == 9, done.stderr
    assert "No space left" in said.read_text()
    assert "it goes on where it stopped" in said.read_text()
    look(served, Path(f"{copy}-first"))
    served.check(copy)


def test_a_read_only_disk(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in served.stack.environ.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "out"
    since = len(served.stack.s3.passages)
    done = in_a_file_system("ro", '"$@"', folder, "download", *FROM, "--download-dir", str(folder))
    assert done.returncode == 9, done.stderr
    assert done.stderr.splitlines()[0] == f"Error: Nothing was downloaded: {folder} cannot be written to."
    assert len(served.stack.s3.passages) == since


@pytest.mark.skipif(sys.platform == "win32" or os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_in_which_one_may_not_write(served: Served, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir(mode=0o555)
    assert "cannot be written to" in served.download(tmp_path / "out" / "new", code=9)


def test_a_folder_that_is_deleted_in_the_middle(served: Served, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    countdown = iter(range(200))
    served.stack.s3.fail(
        faults.act(lambda: next(countdown, None) is None and shutil.rmtree(folder, ignore_errors=True)), "GET"
    )
    assert "somebody has deleted it" in served.download(folder, code=9)
    served.stack.heal()
    served.download(folder)
    served.check(folder)


# The system


def test_few_open_files_are_enough(served: Served, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    few = partial(resource.setrlimit, resource.RLIMIT_NOFILE, (64, 64))
    served.download(tmp_path / "out", preexec_fn=few)
    served.check(tmp_path / "out")
    served.download(tmp_path / "more", "--jobs", "100", preexec_fn=few)
    served.check(tmp_path / "more")
    served.hca("upload", "--src-dir", str(served.source), *WHERE, preexec_fn=few)


@pytest.mark.parametrize("place", [".hca", ".hca/v2/files_2_4", "bundle", "bundle/plate-3", "bundle/bundle.json"])
def test_links_that_were_planted_before_are_not_followed(served: Served, tmp_path: Path, place: str) -> None:
    bundle = next(name for name in served.tree if name.startswith(BUNDLE)).partition("/")[0]
    planted = tmp_path / "out" / place.replace("bundle", bundle, 1)
    planted.parent.mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    planted.symlink_to(tmp_path / "elsewhere")
    assert "symbolic link" in served.download(tmp_path / "out", code=9)
    assert list((tmp_path / "elsewhere").iterdir()) == []
    planted.unlink()
    served.download(tmp_path / "out")
    served.check(tmp_path / "out")


class JumpingClock:
    """A clock that somebody puts forward and back by days all the time."""

    def __init__(self) -> None:
        self.chance = random.Random(SEED)

    def __call__(self) -> float:
        return time.time() + self.chance.uniform(-1, 1) * 10 * 86400


def test_a_clock_that_jumps(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in served.stack.environ.items():
        monkeypatch.setenv(name, value)
    served.stack.s3.fail(faults.busy(503, "Thu, 01 Jan 1970 00:00:00 GMT"), "GET")  # which is over on any clock
    with DSSClient(now=JumpingClock()) as client:
        client.download(BUNDLE, "aws", download_dir=tmp_path / "out")
        client.upload(served.source, "aws", "staging")
    served.check(tmp_path / "out")


# What a server calls its files

HOSTILE = [
    "/etc/passwd", "../up", "a/../../up", "..", ".", "", "a//b", "a/", "a\\b", "C:/x", "c:x", "nul\0", "line\nbreak",
    "CON", "con.txt", "a/COM1", "LPT\u00b9", "dot.", "space ", "x" * 256, "\x1b[2J", "\u202eexe.txt", "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_refused_in_one_sentence(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeDSS() as dss:
        dss.publish([entry("good.txt", b"good", 1), entry(name, b"evil", 2)], [b"good", b"evil"])
        monkeypatch.setenv("HCA_TOKEN", "x")
        assert run("config", "set", "DSSClient.swagger_url", dss.swagger_url).code == 0
        result = run("dss", "download", *FROM, "--download-dir", str(tmp_path / "in" / "out"))
    assert result.code == 9
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.strip().splitlines()) <= 2
    assert result.stderr.isprintable() or set(result.stderr) - {"\n"} <= {
        one for one in result.stderr if one.isprintable()
    }
    assert contents_of(tmp_path) == {}
