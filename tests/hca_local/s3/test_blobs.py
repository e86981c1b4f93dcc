"""What is on the disk after a crash, and how much memory a large object takes."""

from __future__ import annotations

import hashlib
import http.client
import io
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from hca_local.s3.signing import AccessKey, object_url, presign
from hca_local.s3.store import ObjectStore

SCRIPT = Path(__file__).parent / "store_process.py"
MIB = 1024 * 1024


@contextmanager
def process(what: str, root: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(SCRIPT), what, str(root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            child.kill()


def line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def prepared(root: Path) -> Path:
    store = ObjectStore(root)
    store.create_bucket("box")
    store.put("box", "k", io.BytesIO(b"old"))
    store.close()
    return root


def test_a_put_that_is_killed_half_way_never_happened(tmp_path: Path) -> None:
    root = prepared(tmp_path)
    with process("put_half", root) as child:
        assert line(child) == "half"
        assert len(list((root / "incoming").iterdir())) == 1
        child.kill()
    store = ObjectStore(root)
    with store.open("box", "k") as file:
        assert file.read() == b"old"
    assert list((root / "incoming").iterdir()) == []
    store.close()


@pytest.mark.parametrize("after", [1, 8, 23])
def test_whenever_it_is_killed_every_object_is_whole(tmp_path: Path, after: int) -> None:
    root = prepared(tmp_path)
    with process("put_many", root) as child:
        for _ in range(after):
            number = int(line(child))
        child.kill()
    store = ObjectStore(root)
    infos = store.list("box", prefix="key-")
    assert max(int(info.tags["number"]) for info in infos) >= number
    for info in store.list("box"):
        with store.open("box", info.key) as file:
            data = file.read()
        assert (len(data), hashlib.md5(data).hexdigest()) == (info.size, info.etag)
    assert len(list((root / "blobs").glob("*/*"))) == len({info.etag for info in store.list("box")})
    store.close()


def test_what_a_crash_left_is_swept(tmp_path: Path) -> None:
    root = prepared(tmp_path)
    (root / "incoming" / "half").write_bytes(b"half")
    orphan = root / "blobs" / "ab" / ("ab" + "0" * 30)
    orphan.write_bytes(b"no record")
    store = ObjectStore(root)
    assert not orphan.exists()
    assert list((root / "incoming").iterdir()) == []
    assert len(list((root / "blobs").glob("*/*"))) == 1
    with store.open("box", "k") as file:
        assert file.read() == b"old"
    store.close()


def test_a_file_shorter_than_its_record_is_an_error_and_not_an_end(store: ObjectStore, tmp_path: Path) -> None:
    store.put("box", "k", io.BytesIO(b"data" * 1000))
    (path,) = (tmp_path / "store" / "blobs").glob("*/*")
    path.write_bytes(b"da")
    with store.open("box", "k") as file, pytest.raises(OSError, match="shorter than its record"):
        file.read()


def test_large_objects_pass_in_little_memory(tmp_path: Path) -> None:
    key = AccessKey("ROOTKEY", "root-secret")
    with process("serve", prepared(tmp_path)) as child:
        endpoint = line(child)
        connection = http.client.HTTPConnection(urlsplit(endpoint).netloc)

        def send(method: str, name: str, body: object = None, size: int = 0) -> int:
            url = presign(method, object_url(endpoint, "box", name), key, expires=60, now=time.time())
            connection.request(method, url.removeprefix(endpoint), body, {"Content-Length": str(size)})  # type: ignore[arg-type]
            response, total = connection.getresponse(), 0
            while block := response.read(MIB):
                total += len(block)
            return total if response.status == 200 else -response.status

        def peak() -> int:
            assert child.stdin is not None
            child.stdin.write("\n")
            child.stdin.flush()
            return int(line(child))

        assert send("PUT", "small", b"x" * MIB, MIB) == 0
        assert send("GET", "small") == MIB
        before = peak()
        block = b"x" * MIB
        assert send("PUT", "large", (block for _ in range(256)), 256 * MIB) == 0
        assert send("GET", "large") == 256 * MIB
        assert send("PUT", "k\0", (block for _ in range(256)), 256 * MIB) == -400
        assert peak() - before < 16
        connection.close()
