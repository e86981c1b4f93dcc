"""Whatever happens to a client or its machine in the middle: nothing is lost, nothing is wrong, and a rerun completes.

`HCA_SOAK=1` kills as often as the promise says, 200 times, and as many files.
"""

from __future__ import annotations

import filecmp
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
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
from hca_dss.staging import file_uuid

SEED = 20240501
SOAK = os.environ.get("HCA_SOAK") == "1"
DOWNLOAD_KILLS = 200 if SOAK else 5
UPLOAD_KILLS = 200 if SOAK else 4
SMALL, LARGE = 490 if SOAK else 90, 10  # files to download; a large one is continued in its middle
PART = 64 * 1024 * 1024  # bytes; what an upload of a large file consists of
UPLOADED = 500 if SOAK else 60  # files to upload
PRIVATE = re.compile(r"\.hca-[0-9a-f]{16}\.part$")
MANY, FEW = "11111111-2222-4333-8444-555555555555", "22222222-2222-4333-8444-555555555555"
WHERE = ("--replica", "aws", "--staging-bucket", "staging")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(7200 if SOAK else 300),
    pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9"),
]


@dataclass(frozen=True)
class Published:
    """A bundle in a stack, its `source`, and what a download of it makes: contents by path, and by checksum."""

    stack: ProxiedStack
    uuid: str
    source: Path
    tree: Mapping[str, bytes]
    contents: Mapping[str, bytes]

    @classmethod
    def of(cls, stack: ProxiedStack, uuid: str, folder: Path) -> Published:
        """Upload the files in a folder, and download them."""
        assert run("dss", "upload", "--src-dir", str(folder), *WHERE, "--bundle-uuid", uuid).code == 0
        out = folder.with_name(f"{folder.name}-out")
        assert run("dss", "download", "--bundle-uuid", uuid, "--replica", "aws", "--download-dir", str(out)).code == 0
        tree = contents_of(out)
        return cls(stack, uuid, folder, tree, {hashlib.sha256(data).hexdigest(): data for data in tree.values()})

    def words(self, folder: Path) -> tuple[str, ...]:
        """Return the words of a command that downloads the bundle."""
        of = ("--bundle-uuid", self.uuid, "--replica", "aws", "--download-dir", str(folder))
        return ("download", *of, "--num-retries", "2")

    def download(self, folder: Path, *words: str, **options: Any) -> str:
        """Download it with the real `hca`."""
        return hca(self.stack, *self.words(folder), *words, **options)

    def check(self, folder: Path) -> None:
        """Compare a complete download with what it must be: the same tree, one copy of each content, no leftovers."""
        assert contents_of(folder) == self.tree
        copies = {path.stat().st_ino for path in folder.rglob("*") if path.is_file()}
        assert len(copies) == len(self.contents)


def start(stack: ProxiedStack, *words: str, **options: Any) -> subprocess.Popen[str]:
    """Start the real `hca dss`."""
    command = [sys.executable, "-m", "hca_core", "dss", *words]
    return subprocess.Popen(
        command,
        env={**os.environ, **stack.environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def hca(stack: ProxiedStack, *words: str, code: int = 0, **options: Any) -> str:
    """Run `hca dss` to its end, which must be exit code `code`; return what it said."""
    _, errors = (process := start(stack, *words, **options)).communicate(timeout=100)
    assert process.returncode == code, errors
    assert "Traceback" not in errors
    return errors


def contents_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def files(folder: Path, count: int, size: range, seed: int) -> None:
    chance = random.Random(seed)
    for number in range(count):
        path = folder / f"plate-{number % 7}" / f"cell_{seed}_{number}.fastq"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chance.randbytes(chance.choice(size)))


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxiedStack]:
    folder = tmp_path_factory.mktemp("stack")
    with proxied_stack(folder, {"network": {"retries": 2}}) as stack, pytest.MonkeyPatch.context() as patch:
        stack.enter(patch)
        patch.setenv("HOME", str(folder))
        yield stack


@pytest.fixture(scope="module")
def many(stack: ProxiedStack, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """A bundle of many files."""
    source = tmp_path_factory.mktemp("many") / "source"
    files(source, SMALL, range(1, 8000), 1)
    files(source, LARGE, range(1_100_000, 2_000_000), 2)
    return Published.of(stack, MANY, source)


@pytest.fixture(scope="module")
def few(stack: ProxiedStack, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """A bundle of some files."""
    source = tmp_path_factory.mktemp("few") / "source"
    files(source, 28, range(1, 8000), 4)
    files(source, 2, range(1_100_000, 2_000_000), 5)
    return Published.of(stack, FEW, source)


@pytest.fixture(autouse=True)
def healed(stack: ProxiedStack) -> None:
    """Let every test begin with a stack in which everything goes right."""
    stack.heal()


# kill -9


@dataclass(frozen=True)
class Kept:
    """What a client left: the checksums of whole contents, and the bytes of unfinished ones that can be continued."""

    whole: frozenset[str]
    begun: Mapping[str, int]


def look(bundle: Published, folder: Path) -> Kept:
    """See what there is, none of which may be wrong."""
    whole, begun = set(), {}
    for name, data in contents_of(folder).items():
        last = name.rpartition("/")[2]
        if PRIVATE.search(last) or last.endswith(".part.json"):
            continue
        if not last.endswith(".part"):
            assert data == bundle.tree[name]
            whole.add(last)
            continue
        sha256 = last.removesuffix(".part")
        assert bundle.contents[sha256].startswith(data)
        begun[sha256] = len(data)
    return Kept(frozenset(whole & bundle.contents.keys()), begun)


def kill_somewhere(bundle: Published, process: subprocess.Popen[str], kept: Kept, chance: random.Random) -> None:
    """Kill a client at a random moment: of its start, or of the transfer of a content that it lacks."""
    missing = sorted(bundle.contents.keys() - kept.whole)
    if not missing or chance.random() < 0.2:
        time.sleep(chance.uniform(0, 0.8))
        process.kill()
        return
    sha256 = chance.choice(missing)
    moment = chance.randrange(len(bundle.contents[sha256]) - kept.begun.get(sha256, 0) + 1)
    bundle.stack.s3.fail(faults.act(process.kill, after=moment), "GET", f"*{sha256}*")


def check_fetched(bundle: Published, since: int, kept: Kept) -> None:
    """Check that no byte was sent again of what the earlier clients had kept."""
    for one in bundle.stack.s3.passages[since:]:
        sha256 = one.path.rpartition("/")[2].partition(".")[0]
        assert sha256 not in kept.whole
        assert one.received <= len(bundle.contents[sha256]) - kept.begun.get(sha256, 0)


def test_a_download_that_is_killed_again_and_again_completes(many: Published, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    folder, kills = tmp_path / "0", 0
    while kills < DOWNLOAD_KILLS:
        kept, since = look(many, folder), len(many.stack.s3.passages)
        process = start(many.stack, *many.words(folder))
        kill_somewhere(many, process, kept, chance)
        _, errors = process.communicate(timeout=100)
        many.stack.heal()
        check_fetched(many, since, kept)
        if process.returncode == 0:  # it was faster
            many.check(folder)
            folder = tmp_path / str(kills)
        else:
            assert process.returncode == -9, errors
            kills += 1
    kept, since = look(many, folder), len(many.stack.s3.passages)
    many.download(folder)
    check_fetched(many, since, kept)
    many.check(folder)


def test_an_upload_that_is_killed_again_and_again_completes(stack: ProxiedStack, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    source = tmp_path / "source"
    files(source, UPLOADED, range(1, 4000), 3)
    words = ("upload", "--src-dir", str(source), *WHERE, "--bundle-uuid")
    uuid, since, kills = str(uuid4()), len(stack.s3.passages), 0
    while kills < UPLOAD_KILLS:
        process = start(stack, *words, uuid)
        proxy, method = chance.choice([(stack.s3, "PUT"), (stack.dss, "PUT"), (stack.dss, "HEAD")])
        proxy.fail(faults.act(countdown(chance.randrange(UPLOADED), process.kill)), method)
        _, errors = process.communicate(timeout=100)
        stack.heal()
        if process.returncode == 0:  # it was faster
            check_upload(stack, uuid, source, since, tmp_path)
            uuid, since = str(uuid4()), len(stack.s3.passages)
        else:
            assert process.returncode == -9, errors
            kills += 1
    hca(stack, *words, uuid)
    check_upload(stack, uuid, source, since, tmp_path)


def countdown(count: int, action: Callable[[], object]) -> Callable[[], None]:
    """Return what calls `action` when it is called itself for the last of `count` times."""
    lock, left = threading.Lock(), iter(range(count))

    def called() -> None:
        with lock:
            if next(left, None) is None:
                action()

    return called


def check_upload(stack: ProxiedStack, uuid: str, source: Path, since: int, tmp_path: Path) -> None:
    """Check that the bundle is whole, and that what the store had taken was not sent again."""
    staged = [one.path for one in stack.s3.passages[since:] if (one.method, one.status) == ("PUT", 200)]
    assert len(staged) == len(set(staged)) == UPLOADED
    folder = tmp_path / uuid
    hca(stack, "download", "--bundle-uuid", uuid, "--replica", "aws", "--download-dir", str(folder))
    (downloaded,) = folder.glob(f"{uuid}.*")
    (downloaded / "bundle.json").unlink()
    assert contents_of(downloaded) == contents_of(source)


# An upload of a file that is sent in parts


class LargeUpload:
    """A bundle of one file of `size` bytes that takes little space, on its way into the stack."""

    def __init__(self, stack: ProxiedStack, folder: Path, size: int) -> None:
        self.stack, self.folder, self.size, self.uuid = stack, folder, size, str(uuid4())
        self.file = folder / "source" / "reads.bam"
        self.file.parent.mkdir()
        with self.file.open("wb") as file:
            for position in range(0, size, PART):
                file.seek(position)
                file.write(os.urandom(min(5, size - position)))
        self.words = ("upload", "--src-dir", str(self.file.parent), *WHERE, "--bundle-uuid", self.uuid)

    def parts(self) -> dict[int, int]:
        """Return the sizes of the parts that the store has of unfinished uploads."""
        s3, key = self.stack.s3_client(), f"{file_uuid(self.uuid, 'reads.bam')}/reads.bam"
        uploads = s3.list_multipart_uploads(Bucket="staging").get("Uploads", [])
        assert {upload["Key"] for upload in uploads} <= {key}
        found = [s3.list_parts(Bucket="staging", Key=key, UploadId=one["UploadId"]).get("Parts", []) for one in uploads]
        return {part["PartNumber"]: part["Size"] for parts in found for part in parts}

    def kill(self, after: int) -> dict[int, int]:
        """Kill a client when so many parts have arrived; return them. More do not get through."""
        self.stack.s3.fail(faults.stall(0, "request"), "PUT", after=after, times=None)
        process = start(self.stack, *self.words)
        while process.poll() is None and len(self.parts()) < after:
            time.sleep(0.05)
        process.kill()
        _, errors = process.communicate()
        assert process.returncode < 0, errors
        self.stack.heal()
        return self.parts()

    def report(self) -> dict[str, Any]:
        """Upload; return what the report says of the file."""
        hca(self.stack, *self.words, "--report", str(self.folder / "report"))
        (line,) = [json.loads(line) for line in (self.folder / "report").read_text().splitlines()]
        return line

    def check(self) -> None:
        """Download the bundle and compare; nothing unfinished may be left in the store."""
        assert self.parts() == {}
        out = self.folder / "out"
        hca(self.stack, "download", "--bundle-uuid", self.uuid, "--replica", "aws", "--download-dir", str(out))
        (bundle,) = out.glob(f"{self.uuid}.*")
        assert filecmp.cmp(self.file, bundle / "reads.bam", shallow=False)


@pytest.fixture
def entered(stack: ProxiedStack, monkeypatch: pytest.MonkeyPatch) -> ProxiedStack:
    """The stack, which this process may use, too."""
    stack.enter(monkeypatch)
    return stack


def test_after_a_kill_only_what_is_missing_or_has_changed_is_sent(entered: ProxiedStack, tmp_path: Path) -> None:
    upload = LargeUpload(entered, tmp_path, 3 * PART + 5)
    kept = upload.kill(after=2)
    assert len(kept) == 2
    missing = upload.size - sum(kept.values())
    planned = run("dss", *upload.words, "--dry-run").json
    assert (planned["files"][0]["action"], planned["bytes_to_send"]) == ("resume", missing)
    changed = min(kept)
    with upload.file.open("r+b") as file:
        file.seek((changed - 1) * PART + 77)
        file.write(b"changed")
    line = upload.report()
    assert (line["status"], line["transferred"]) == ("resumed", missing + kept[changed])
    upload.check()
    assert upload.report()["status"] == "present"


def test_two_uploads_at_once_make_one_right_file(entered: ProxiedStack, tmp_path: Path) -> None:
    upload = LargeUpload(entered, tmp_path, PART + 5)
    both = [start(entered, *upload.words) for _ in range(2)]
    for process in both:
        _, errors = process.communicate(timeout=100)
        assert process.returncode == 0, errors
    upload.check()


# Two at once


def test_two_downloads_into_one_folder_make_one_copy_of_each_file(many: Published, tmp_path: Path) -> None:
    both = [start(many.stack, *many.words(tmp_path / "out")) for _ in range(2)]
    for process in both:
        _, errors = process.communicate(timeout=100)
        assert process.returncode == 0, errors
    many.check(tmp_path / "out")


# The disk


def in_a_file_system(options: str, script: str, bundle: Published, folder: Path) -> tuple[int, str]:
    """Run a script in which `"$@"` downloads a bundle into `$0`, where a file system of its own is mounted.

    Return the exit code, and what was written to stderr.
    """
    folder.mkdir()
    client = (sys.executable, "-m", "hca_core", "dss", *bundle.words(folder))
    mount = f'mount -t tmpfs -o {options} tmpfs "$0" || exit 77\n'
    apart = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount + script, str(folder))
    environ = {**os.environ, **bundle.stack.environ}
    try:
        done = subprocess.run([*apart, *client], env=environ, capture_output=True, text=True, timeout=100)
    except FileNotFoundError:
        pytest.skip("there is no unshare")
    if done.returncode == 77 or done.stderr.startswith("unshare:"):
        pytest.skip(f"no file system can be mounted here: {done.stderr}")
    return done.returncode, done.stderr


def test_a_full_disk(many: Published, tmp_path: Path) -> None:
    script = f"""
        (while [ ! -e "$0/.hca" ]; do sleep 0.01; done; cat /dev/zero > "$0/filler") 2> {tmp_path}/ignored &
        "$@" --limit-rate 20M
        first=$?
        wait
        rm "$0/filler"
        cp -a "$0" {tmp_path}/first
        "$@" 2> {tmp_path}/ignored && cp -a "$0" {tmp_path}/second
        exit $first
    """
    code, said = in_a_file_system("size=60m", script, many, tmp_path / "out")
    assert code == 9, said
    assert "No space left" in said
    assert "it goes on where it stopped" in said
    look(many, tmp_path / "first")
    many.check(tmp_path / "second")


def test_a_read_only_disk(few: Published, tmp_path: Path) -> None:
    before = few.stack.s3.count()
    code, said = in_a_file_system("ro", '"$@"', few, tmp_path / "out")
    assert code == 9, said
    assert said.splitlines()[0] == f"Error: Nothing was downloaded: {tmp_path / 'out'} cannot be written to."
    assert few.stack.s3.count() == before


@pytest.mark.skipif(sys.platform == "win32" or os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_in_which_one_may_not_write(few: Published, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir(mode=0o555)
    assert "cannot be written to" in few.download(tmp_path / "out" / "new", code=9)


def test_a_folder_that_is_deleted_in_the_middle(few: Published, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    few.stack.s3.fail(faults.act(countdown(15, lambda: shutil.rmtree(folder, ignore_errors=True))), "GET")
    assert "somebody has deleted it" in few.download(folder, code=9)
    few.stack.heal()
    few.download(folder)
    few.check(folder)


# The system


def test_few_open_files_are_enough(many: Published, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    limited = partial(resource.setrlimit, resource.RLIMIT_NOFILE, (64, 64))
    many.download(tmp_path / "out", preexec_fn=limited)
    many.check(tmp_path / "out")
    many.download(tmp_path / "more", "--jobs", "100", preexec_fn=limited)
    many.check(tmp_path / "more")


def test_an_upload_needs_few_open_files(few: Published) -> None:
    resource = pytest.importorskip("resource")
    limited = partial(resource.setrlimit, resource.RLIMIT_NOFILE, (64, 64))
    hca(few.stack, "upload", "--src-dir", str(few.source), *WHERE, preexec_fn=limited)


@pytest.mark.parametrize("place", [".hca", ".hca/v2/files_2_4", "BUNDLE", "BUNDLE/plate-3", "BUNDLE/bundle.json"])
def test_links_that_were_planted_before_are_not_followed(few: Published, tmp_path: Path, place: str) -> None:
    folder = next(name.partition("/")[0] for name in few.tree if name.startswith(FEW))
    planted = tmp_path / "out" / place.replace("BUNDLE", folder)
    planted.parent.mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    planted.symlink_to(tmp_path / "elsewhere")
    assert "symbolic link" in few.download(tmp_path / "out", code=9)
    assert list((tmp_path / "elsewhere").iterdir()) == []
    planted.unlink()
    few.download(tmp_path / "out")
    few.check(tmp_path / "out")


class JumpingClock:
    """A clock that somebody puts forward and back by days all the time."""

    def __init__(self) -> None:
        self.chance = random.Random(SEED)

    def __call__(self) -> float:
        return time.time() + self.chance.uniform(-1, 1) * 10 * 86400


def test_a_clock_that_jumps(few: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few.stack.enter(monkeypatch)
    few.stack.s3.fail(faults.busy(503, "Thu, 01 Jan 1970 00:00:00 GMT"), "GET")  # which is over on any clock
    with DSSClient(now=JumpingClock()) as client:
        client.download(FEW, "aws", download_dir=tmp_path / "out")
        client.upload(few.source, "aws", "staging")
    few.check(tmp_path / "out")


# What a server calls its files

HOSTILE = [
    "/etc/passwd", "../up", "a/../../up", "..", ".", "", "a//b", "a/", "a\\b", "C:/x", "c:x", "nul\0", "line\nbreak",
    "CON", "con.txt", "a/COM1", "LPT\u00b9", "dot.", "space ", "x" * 256, "\x1b[2J", "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_refused_in_one_sentence(name: str, home: Path) -> None:
    with FakeDSS() as dss:
        dss.publish([entry("good.txt", b"good", 1), entry(name, b"evil", 2)], [b"good", b"evil"])
        assert run("config", "set", "DSSClient.swagger_url", dss.swagger_url).code == 0
        run("dss", "get-bundle", "--uuid", MANY, "--replica", "aws")  # so that the description is there
        before = contents_of(home)
        result = run("dss", "download", "--bundle-uuid", MANY, "--replica", "aws", "--download-dir", "out")
    assert result.code == 9
    assert result.stderr.startswith("Error: ")
    sentence, *hint = result.stderr.splitlines()
    assert len(hint) <= 1
    assert sentence.isprintable()
    assert contents_of(home) == before
