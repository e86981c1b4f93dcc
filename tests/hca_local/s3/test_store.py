"""The store itself: what is kept, what is shared, what goes."""

from __future__ import annotations

import io
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from hca_core.errors import HcaError
from hca_local.s3.store import MIN_PART_SIZE, ObjectStore, S3Error

BIG = bytes(range(256)) * (MIN_PART_SIZE // 256)


def put(store: ObjectStore, key: str, data: bytes = b"data", **options: object) -> object:
    return store.put("box", key, io.BytesIO(data), **options)  # type: ignore[arg-type]


def read(store: ObjectStore, key: str) -> bytes:
    with store.open("box", key) as file:
        return file.read()


def files(store_root: Path) -> list[Path]:
    return [path for folder in ("blobs", "incoming") for path in (store_root / folder).rglob("*") if path.is_file()]


def code_of(action: Callable[[], object]) -> str:
    with pytest.raises(S3Error) as caught:
        action()
    return caught.value.code


def test_what_is_put_can_be_read(store: ObjectStore) -> None:
    info = store.put(
        "box", "a/b", io.BytesIO(b"hello"), content_type="text/plain", metadata={"who": "Zoë"}, tags={"k": "v"}
    )
    assert store.head("box", "a/b") == info
    assert (info.size, info.etag) == (5, "5d41402abc4b2a76b9719d911017c592")
    assert (info.content_type, info.metadata, info.tags) == ("text/plain", {"who": "Zoë"}, {"k": "v"})
    assert read(store, "a/b") == b"hello"


def test_everything_survives_reopening(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path)
    store.create_bucket("box")
    info = store.put("box", "k", io.BytesIO(b"hello"), metadata={"a": "1"}, tags={"t": "2"}, content_type="x/y")
    upload = store.create_upload("box", "later", tags={"u": "3"})
    part = store.put_part("box", "later", upload, 1, io.BytesIO(b"part"))
    store.close()
    store = ObjectStore(tmp_path)
    assert list(store.buckets()) == ["box"]
    assert store.head("box", "k") == info
    assert read(store, "k") == b"hello"
    done = store.complete_upload("box", "later", upload, [(1, part.etag)])
    assert (done.tags, read(store, "later")) == ({"u": "3"}, b"part")
    store.close()


def test_a_second_process_is_kept_out(store: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(HcaError, match="Another process uses"):
        ObjectStore(tmp_path / "store")


def test_a_newer_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    ObjectStore(tmp_path).close()
    with sqlite3.connect(tmp_path / "objects.sqlite") as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(HcaError, match="newer version"):
        ObjectStore(tmp_path)


def test_a_reader_keeps_its_bytes_when_the_object_is_replaced_or_deleted(store: ObjectStore, tmp_path: Path) -> None:
    put(store, "k", b"old" * 1000)
    with store.open("box", "k") as first:
        put(store, "k", b"new")
        with store.open("box", "k") as second:
            store.delete("box", "k")
            assert first.read() == b"old" * 1000
            assert first.info.size == 3000
            assert second.read() == b"new"
    assert files(tmp_path / "store") == []


def test_a_reader_that_is_forgotten_releases_its_bytes(store: ObjectStore, tmp_path: Path) -> None:
    put(store, "k")
    reader = store.open("box", "k")
    store.delete("box", "k")
    assert len(files(tmp_path / "store")) == 1
    del reader
    assert files(tmp_path / "store") == []


def test_readers_seek(store: ObjectStore) -> None:
    put(store, "k", b"0123456789")
    with store.open("box", "k") as file:
        assert (file.seek(-3, io.SEEK_END), file.read(2), file.tell()) == (7, b"78", 9)
        file.seek(2)
        assert file.read(3) == b"234"
        assert file.seek(100) == 100
        assert file.read(1) == b""


def test_a_refused_put_leaves_the_old_object_and_no_files(store: ObjectStore, tmp_path: Path) -> None:
    put(store, "k", b"old")
    before = files(tmp_path / "store")
    assert code_of(lambda: put(store, "k", b"new", expected_md5="0" * 32)) == "BadDigest"
    assert code_of(lambda: put(store, "k", b"new", expected_size=4)) == "IncompleteBody"
    assert code_of(lambda: put(store, "k", b"new", only_if_absent=True)) == "PreconditionFailed"
    assert read(store, "k") == b"old"
    assert files(tmp_path / "store") == before


def test_a_stream_that_breaks_leaves_nothing(store: ObjectStore, tmp_path: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                raise OSError("cable cut")
            return super().read(2)

    with pytest.raises(OSError, match="cable cut"):
        store.put("box", "k", Broken(b"data"))
    assert store.head("box", "k") is None
    assert files(tmp_path / "store") == []


def test_copies_share_bytes_until_the_last_one_goes(store: ObjectStore, tmp_path: Path) -> None:
    source = store.put("box", "a", io.BytesIO(b"data"), tags={"t": "1"}, metadata={"m": "1"}, content_type="x/y")
    store.create_bucket("other-box")
    copy = store.copy("box", "a", "other-box", "b", tags={"t": "2"})
    assert (copy.etag, copy.tags, copy.metadata, copy.content_type) == (source.etag, {"t": "2"}, {"m": "1"}, "x/y")
    assert len(files(tmp_path / "store")) == 1
    store.delete("box", "a")
    with store.open("other-box", "b") as file:
        assert file.read() == b"data"
    store.delete("other-box", "b")
    assert files(tmp_path / "store") == []


def test_an_object_can_be_copied_to_itself(store: ObjectStore) -> None:
    put(store, "a", b"data")
    store.copy("box", "a", "box", "a", metadata={"new": "1"})
    info = store.head("box", "a")
    assert info is not None
    assert info.metadata == {"new": "1"}
    assert read(store, "a") == b"data"


def test_keys_are_listed_in_the_order_of_their_utf8_bytes(store: ObjectStore) -> None:
    keys = ["\U0001f600", "\uffee", "a", "Z", "a/b", "a-b", "é", "a\x01"]
    for key in keys:
        put(store, key)
    listed = [info.key for info in store.list("box")]
    assert listed == sorted(keys, key=str.encode) != sorted(keys, key=lambda key: key.encode("utf-16-be"))
    assert [info.key for info in store.list("box", prefix="a")] == ["a", "a\x01", "a-b", "a/b"]
    assert [info.key for info in store.list("box", prefix="a", start_after="a-b")] == ["a/b"]
    assert [info.key for info in store.list("box", start_after="Z", limit=2)] == ["a", "a\x01"]


@pytest.mark.parametrize(
    "key", ["../x", "a//b", "/etc/passwd", "%2e%2e/x", "a b#+?&", "…", "a\nb\x01", ".", "x" * 1024]
)
def test_keys_are_never_paths(store: ObjectStore, tmp_path: Path, key: str) -> None:
    put(store, key, key.encode())
    assert read(store, key) == key.encode()
    assert [info.key for info in store.list("box")] == [key]
    assert {path.parent.parent for path in files(tmp_path / "store")} == {tmp_path / "store" / "blobs"}


@pytest.mark.parametrize(
    ("key", "code"),
    [("", "InvalidArgument"), ("a\0b", "InvalidArgument"), ("é" * 513, "KeyTooLongError"), ("\ud800", "InvalidURI")],
)
def test_impossible_keys_are_refused(store: ObjectStore, key: str, code: str) -> None:
    assert code_of(lambda: put(store, key)) == code


@pytest.mark.parametrize("name", ["", "ab", "Box", "a_b", "../x", "a..b", "-ab", "a" * 64, "bücket"])
def test_impossible_bucket_names_are_refused(store: ObjectStore, name: str) -> None:
    assert code_of(lambda: store.create_bucket(name)) == "InvalidBucketName"


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"content_type": "text/plain\r\nSet-Cookie: a"}, "InvalidArgument"),
        ({"metadata": {"a b": "1"}}, "InvalidArgument"),
        ({"metadata": {"a": "x" * 2048}}, "MetadataTooLarge"),
        ({"tags": {str(number): "" for number in range(11)}}, "InvalidTag"),
        ({"tags": {"k" * 129: ""}}, "InvalidTag"),
        ({"tags": {"k": "v" * 257}}, "InvalidTag"),
        ({"tags": {"k": "\x01"}}, "InvalidTag"),
        ({"headers": {"set-cookie": "a"}}, "InvalidArgument"),
    ],
)
def test_attributes_that_could_not_be_answered_are_refused(
    store: ObjectStore, attributes: dict[str, object], code: str
) -> None:
    assert code_of(lambda: put(store, "k", b"data", **attributes)) == code
    assert store.head("box", "k") is None


def test_missing_things_have_their_own_codes(store: ObjectStore) -> None:
    assert code_of(lambda: store.put("no-box", "k", io.BytesIO())) == "NoSuchBucket"
    assert code_of(lambda: store.list("no-box")) == "NoSuchBucket"
    assert code_of(lambda: store.delete("no-box", "k")) == "NoSuchBucket"
    assert code_of(lambda: store.open("box", "k")) == "NoSuchKey"
    assert code_of(lambda: store.set_tags("box", "k", {})) == "NoSuchKey"
    assert code_of(lambda: store.copy("box", "k", "box", "l")) == "NoSuchKey"
    assert code_of(lambda: store.abort_upload("box", "k", "x")) == "NoSuchUpload"
    assert store.head("box", "k") is None
    store.delete("box", "k")


def test_only_empty_buckets_are_deleted(store: ObjectStore) -> None:
    put(store, "k")
    assert code_of(lambda: store.delete_bucket("box")) == "BucketNotEmpty"
    store.delete("box", "k")
    store.delete_bucket("box")
    assert store.buckets() == {}


def test_tags_are_set_read_and_deleted(store: ObjectStore) -> None:
    put(store, "k", tags={"old": "1"})
    store.set_tags("box", "k", {"b": "2", "a": ""})
    assert store.get_tags("box", "k") == {"b": "2", "a": ""}
    store.delete_tags("box", "k")
    assert store.get_tags("box", "k") == {}


def test_a_completed_upload_is_read_across_its_parts(store: ObjectStore, tmp_path: Path) -> None:
    upload = store.create_upload("box", "k", metadata={"m": "1"})
    unused = store.put_part("box", "k", upload, 9, io.BytesIO(b"unused"))
    last = store.put_part("box", "k", upload, 3, io.BytesIO(b"end"))
    first = store.put_part("box", "k", upload, 1, io.BytesIO(BIG))
    assert [part.number for part in store.list_parts("box", "k", upload)] == [1, 3, 9]
    info = store.complete_upload("box", "k", upload, [(1, first.etag), (3, last.etag)])
    assert unused.size == 6
    assert (info.size, info.metadata) == (len(BIG) + 3, {"m": "1"})
    assert info.etag.endswith("-2")
    assert read(store, "k") == BIG + b"end"
    with store.open("box", "k") as file:
        file.seek(len(BIG) - 2)
        assert file.read(4) == BIG[-2:] + b"en"
    assert len(files(tmp_path / "store")) == 2
    assert store.complete_upload("box", "k", upload, []) == info


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([], "InvalidPartOrder"),
        ([(2, "b"), (1, "a")], "InvalidPartOrder"),
        ([(1, "a"), (1, "a")], "InvalidPartOrder"),
        ([(1, "wrong")], "InvalidPart"),
        ([(5, "a")], "InvalidPart"),
        ([(1, "a"), (2, "b")], "EntityTooSmall"),
    ],
)
def test_uploads_are_completed_only_with_what_was_uploaded(
    store: ObjectStore, parts: list[tuple[int, str]], code: str
) -> None:
    upload = store.create_upload("box", "k")
    etags = {
        "a": store.put_part("box", "k", upload, 1, io.BytesIO(b"1")).etag,
        "b": store.put_part("box", "k", upload, 2, io.BytesIO(b"2")).etag,
    }
    wanted = [(number, etags.get(etag, etag)) for number, etag in parts]
    assert code_of(lambda: store.complete_upload("box", "k", upload, wanted)) == code
    assert store.head("box", "k") is None
    assert len(store.list_parts("box", "k", upload)) == 2


def test_an_aborted_upload_leaves_nothing(store: ObjectStore, tmp_path: Path) -> None:
    upload = store.create_upload("box", "k")
    store.put_part("box", "k", upload, 1, io.BytesIO(b"1"))
    store.put_part("box", "k", upload, 1, io.BytesIO(b"again"))
    assert len(files(tmp_path / "store")) == 1
    assert code_of(lambda: store.abort_upload("box", "other", upload)) == "NoSuchUpload"
    store.abort_upload("box", "k", upload)
    assert files(tmp_path / "store") == []
    assert code_of(lambda: store.put_part("box", "k", upload, 1, io.BytesIO(b"1"))) == "NoSuchUpload"
    assert files(tmp_path / "store") == []


def test_a_copied_part_outlives_its_source(store: ObjectStore, tmp_path: Path) -> None:
    put(store, "source", b"0123456789")
    upload = store.create_upload("box", "k")
    with store.open("box", "source") as source:
        store.delete("box", "source")
        part = store.copy_part("box", "k", upload, 1, source, 2, 5)
        assert code_of(lambda: store.copy_part("box", "k", upload, 2, source, 8, 5)) == "InvalidRange"
    store.complete_upload("box", "k", upload, [(1, part.etag)])
    assert read(store, "k") == b"23456"
    assert len(files(tmp_path / "store")) == 1


def test_many_threads_write_and_read_the_same_key(store: ObjectStore, tmp_path: Path) -> None:
    put(store, "k", b"0" * 1000)
    wrong: list[object] = []

    def work(digit: bytes) -> None:
        try:
            for _ in range(15):
                put(store, "k", digit * 1000)
                data = read(store, "k")
                wrong.extend([data] if len(data) != 1000 or len(set(data)) != 1 else [])
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(b"%d" % number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(files(tmp_path / "store")) == 1


def test_nothing_is_readable_by_others(store: ObjectStore, tmp_path: Path) -> None:
    put(store, "k")
    assert (tmp_path / "store").stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in files(tmp_path / "store"))
