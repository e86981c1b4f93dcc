"""The SQL of the object store: every function works inside the transaction it is given."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from hca_local.s3.errors import S3Error
from hca_local.s3.model import Attributes, ObjectInfo, PartInfo, Piece, UploadInfo

# Keys are kept as UTF-8 bytes: that is the order S3 lists them in, and no byte of UTF-8 is 0xff, so
# `prefix + 0xff` lies behind all keys with that prefix.
MIGRATIONS = (
    """
    CREATE TABLE buckets (name TEXT PRIMARY KEY, created REAL NOT NULL) WITHOUT ROWID;
    CREATE TABLE objects (
        bucket TEXT NOT NULL REFERENCES buckets (name), key BLOB NOT NULL, content TEXT NOT NULL UNIQUE,
        size INTEGER NOT NULL, etag TEXT NOT NULL, modified REAL NOT NULL, upload TEXT,
        content_type TEXT NOT NULL, metadata TEXT NOT NULL, tags TEXT NOT NULL, headers TEXT NOT NULL,
        PRIMARY KEY (bucket, key)
    ) WITHOUT ROWID;
    CREATE TABLE uploads (
        id TEXT PRIMARY KEY, bucket TEXT NOT NULL REFERENCES buckets (name), key BLOB NOT NULL, started REAL NOT NULL,
        content_type TEXT NOT NULL, metadata TEXT NOT NULL, tags TEXT NOT NULL, headers TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX uploads_by_key ON uploads (bucket, key, id);
    CREATE TABLE parts (
        upload TEXT NOT NULL REFERENCES uploads (id), number INTEGER NOT NULL, content TEXT NOT NULL UNIQUE,
        size INTEGER NOT NULL, etag TEXT NOT NULL, modified REAL NOT NULL,
        PRIMARY KEY (upload, number)
    ) WITHOUT ROWID;
    CREATE TABLE pieces (
        content TEXT NOT NULL, position INTEGER NOT NULL, blob TEXT NOT NULL,
        start INTEGER NOT NULL, size INTEGER NOT NULL,
        PRIMARY KEY (content, position)
    ) WITHOUT ROWID;
    CREATE INDEX pieces_by_blob ON pieces (blob);
    """,
)

_OBJECT = "bucket, key, size, etag, content_type, metadata, tags, modified, headers"


def add_bucket(db: sqlite3.Connection, name: str, now: float) -> None:
    db.execute("INSERT OR IGNORE INTO buckets VALUES (?, ?)", (name, now))


def buckets(db: sqlite3.Connection) -> dict[str, float]:
    return dict(db.execute("SELECT name, created FROM buckets ORDER BY name"))


def need_bucket(db: sqlite3.Connection, name: str) -> None:
    """Raise NoSuchBucket unless there is one of that name."""
    if db.execute("SELECT 1 FROM buckets WHERE name = ?", (name,)).fetchone() is None:
        raise S3Error("NoSuchBucket", f"There is no bucket {name!r}.")


def remove_bucket(db: sqlite3.Connection, name: str) -> None:
    need_bucket(db, name)
    try:
        db.execute("DELETE FROM buckets WHERE name = ?", (name,))
    except sqlite3.IntegrityError:
        raise S3Error("BucketNotEmpty", f"The bucket {name!r} still has objects or unfinished uploads.") from None


def find_object(db: sqlite3.Connection, bucket: str, key: str) -> ObjectInfo | None:
    query = f"SELECT {_OBJECT} FROM objects WHERE bucket = ? AND key = ?"  # noqa: S608 - our own column names
    row = db.execute(query, (bucket, key.encode())).fetchone()
    return None if row is None else _object(row)


def need_object(db: sqlite3.Connection, bucket: str, key: str) -> tuple[ObjectInfo, str]:
    """The object and the id of its content; raises NoSuchBucket or NoSuchKey."""
    need_bucket(db, bucket)
    info = find_object(db, bucket, key)
    if info is None:
        raise S3Error("NoSuchKey", f"There is no object {key!r} in {bucket!r}.")
    query = "SELECT content FROM objects WHERE bucket = ? AND key = ?"
    return info, db.execute(query, (bucket, key.encode())).fetchone()[0]


def list_objects(db: sqlite3.Connection, bucket: str, prefix: str, start_after: str, limit: int) -> list[ObjectInfo]:
    query = (
        f"SELECT {_OBJECT} FROM objects "  # noqa: S608 - our own column names
        "WHERE bucket = ? AND key > ? AND key >= ? AND key < ? ORDER BY key LIMIT ?"
    )
    first = prefix.encode()
    rows = db.execute(query, (bucket, start_after.encode(), first, first + b"\xff", limit))
    return [_object(row) for row in rows]


def put_object(
    db: sqlite3.Connection, info: ObjectInfo, pieces: Iterable[Piece], *, upload: str | None = None
) -> list[str]:
    """Make `info` the object at its key; return the blobs of the one it replaces."""
    replaced = remove_object(db, info.bucket, info.key)
    content = _add_content(db, pieces)
    db.execute(
        "INSERT INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (info.bucket, info.key.encode(), content, info.size, info.etag, info.modified, upload, info.content_type,
         json.dumps(dict(info.metadata)), json.dumps(dict(info.tags)), json.dumps(dict(info.headers))),
    )  # fmt: skip
    return replaced


def remove_object(db: sqlite3.Connection, bucket: str, key: str) -> list[str]:
    """Forget the object, if there is one; return its blobs."""
    where = "WHERE bucket = ? AND key = ?", (bucket, key.encode())
    row = db.execute(f"SELECT content FROM objects {where[0]}", where[1]).fetchone()  # noqa: S608 - our own text
    if row is None:
        return []
    db.execute(f"DELETE FROM objects {where[0]}", where[1])  # noqa: S608 - our own text
    return _remove_content(db, row[0])


def set_tags(db: sqlite3.Connection, bucket: str, key: str, tags: dict[str, str]) -> None:
    need_object(db, bucket, key)
    db.execute("UPDATE objects SET tags = ? WHERE bucket = ? AND key = ?", (json.dumps(tags), bucket, key.encode()))


def pieces(db: sqlite3.Connection, content: str) -> list[Piece]:
    query = "SELECT blob, start, size FROM pieces WHERE content = ? ORDER BY position"
    return [Piece(*row) for row in db.execute(query, (content,))]


def is_used(db: sqlite3.Connection, blob: str) -> bool:
    return db.execute("SELECT 1 FROM pieces WHERE blob = ? LIMIT 1", (blob,)).fetchone() is not None


def used_blobs(db: sqlite3.Connection, start: str) -> set[str]:
    """All blobs in use whose name begins with `start`."""
    query = "SELECT DISTINCT blob FROM pieces WHERE blob >= ? AND blob < ?"
    return {name for (name,) in db.execute(query, (start, start + "g"))}


def add_upload(db: sqlite3.Connection, upload: UploadInfo, attributes: Attributes) -> None:
    db.execute(
        "INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (upload.id, upload.bucket, upload.key.encode(), upload.started, attributes.content_type,
         json.dumps(dict(attributes.metadata)), json.dumps(dict(attributes.tags)),
         json.dumps(dict(attributes.headers))),
    )  # fmt: skip


def need_upload(db: sqlite3.Connection, bucket: str, key: str, upload_id: str) -> Attributes:
    """What the finished object will be like; raises NoSuchBucket or NoSuchUpload."""
    need_bucket(db, bucket)
    query = "SELECT content_type, metadata, tags, headers FROM uploads WHERE id = ? AND bucket = ? AND key = ?"
    row = db.execute(query, (upload_id, bucket, key.encode())).fetchone()
    if row is None:
        raise S3Error("NoSuchUpload", "There is no such multipart upload; it may be complete or aborted.")
    return Attributes(row[0], *map(json.loads, row[1:]))


def is_result_of(db: sqlite3.Connection, bucket: str, key: str, upload_id: str) -> bool:
    """Whether the object is what this upload was completed to."""
    query = "SELECT 1 FROM objects WHERE bucket = ? AND key = ? AND upload = ?"
    return db.execute(query, (bucket, key.encode(), upload_id)).fetchone() is not None


def list_uploads(
    db: sqlite3.Connection, bucket: str, prefix: str, start_after: tuple[str, str], limit: int
) -> list[UploadInfo]:
    query = (
        "SELECT id, bucket, key, started FROM uploads "
        "WHERE bucket = ? AND (key, id) > (?, ?) AND key >= ? AND key < ? ORDER BY key, id LIMIT ?"
    )
    first, (after_key, after_id) = prefix.encode(), start_after
    rows = db.execute(query, (bucket, after_key.encode(), after_id, first, first + b"\xff", limit))
    return [UploadInfo(id, bucket, key.decode(), started) for id, bucket, key, started in rows]


def remove_upload(db: sqlite3.Connection, upload_id: str) -> list[str]:
    """Forget the upload and its parts; return their blobs."""
    contents = db.execute("SELECT content FROM parts WHERE upload = ?", (upload_id,)).fetchall()
    blobs = [blob for (content,) in contents for blob in _remove_content(db, content)]
    db.execute("DELETE FROM parts WHERE upload = ?", (upload_id,))
    db.execute("DELETE FROM uploads WHERE id = ?", (upload_id,))
    return blobs


def put_part(db: sqlite3.Connection, upload_id: str, part: PartInfo, pieces: Iterable[Piece]) -> list[str]:
    """Make `part` the part of its number; return the blobs of the one it replaces."""
    where = "WHERE upload = ? AND number = ?", (upload_id, part.number)
    row = db.execute(f"SELECT content FROM parts {where[0]}", where[1]).fetchone()  # noqa: S608 - our own text
    db.execute(f"DELETE FROM parts {where[0]}", where[1])  # noqa: S608 - our own text
    replaced = [] if row is None else _remove_content(db, row[0])
    content = _add_content(db, pieces)
    db.execute(
        "INSERT INTO parts VALUES (?, ?, ?, ?, ?, ?)",
        (upload_id, part.number, content, part.size, part.etag, part.modified),
    )
    return replaced


def list_parts(db: sqlite3.Connection, upload_id: str, after: int, limit: int) -> list[PartInfo]:
    query = "SELECT number, size, etag, modified FROM parts WHERE upload = ? AND number > ? ORDER BY number LIMIT ?"
    return [PartInfo(*row) for row in db.execute(query, (upload_id, after, limit))]


def part_pieces(db: sqlite3.Connection, upload_id: str, numbers: Sequence[int]) -> list[Piece]:
    """The pieces of several parts, one after the other."""
    query = "SELECT content FROM parts WHERE upload = ? AND number = ?"
    contents = [db.execute(query, (upload_id, number)).fetchone()[0] for number in numbers]
    return [piece for content in contents for piece in pieces(db, content)]


def _add_content(db: sqlite3.Connection, pieces: Iterable[Piece]) -> str:
    content = uuid.uuid4().hex
    rows = [(content, position, piece.blob, piece.start, piece.size) for position, piece in enumerate(pieces)]
    db.executemany("INSERT INTO pieces VALUES (?, ?, ?, ?, ?)", rows)
    return content


def _remove_content(db: sqlite3.Connection, content: str) -> list[str]:
    blobs = [blob for (blob,) in db.execute("SELECT DISTINCT blob FROM pieces WHERE content = ?", (content,))]
    db.execute("DELETE FROM pieces WHERE content = ?", (content,))
    return blobs


def _object(row: tuple[Any, ...]) -> ObjectInfo:
    bucket, key, size, etag, content_type, metadata, tags, modified, headers = row
    return ObjectInfo(
        bucket, key.decode(), size, etag, content_type,
        json.loads(metadata), json.loads(tags), modified, json.loads(headers),
    )  # fmt: skip
