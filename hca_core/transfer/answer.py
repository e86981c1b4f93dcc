"""What an answer to a request for bytes from some offset on is good for. Pure: headers in, a decision out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Answer", "is_slice", "may_be_sliced", "read_answer"]

_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.ASCII)
_UNSATISFIED = re.compile(r"bytes \*/(\d{1,18})", re.ASCII)
_LENGTH = re.compile(r"\d{1,18}", re.ASCII)


@dataclass(frozen=True)
class Answer:
    """Where the body of an answer belongs in the file.

    `status` is that of HTTP; `start` is the body's offset in the file, or None if it is of no use and the file must
    be asked for from its beginning; `total` is the size of the whole file, if told; `complete` says that there are
    no bytes after the offset; `validator` is a strong ETag; `resumable` is false if the body is encoded.
    """

    status: int
    start: int | None
    total: int | None = None
    complete: bool = False
    validator: str | None = None
    resumable: bool = True


def read_answer(status: int, headers: Mapping[str, str], *, offset: int, validator: str | None) -> Answer:
    """Decide what to do with an answer to a request for the bytes from `offset` on of what had ETag `validator`."""
    fields = _fields(headers)
    if status == 416:
        total = _number(_UNSATISFIED.fullmatch(fields.get("content-range", "")), 1)
        # Without a total, the checks of size and content must tell whether nothing is missing.
        end = total == offset or (total is None and offset > 0)
        return Answer(status, start=offset if end else None, total=total, complete=True)
    if status == 206:
        return _partial(fields, offset, validator)
    if status != 200:
        return Answer(status, start=None)
    plain = _plain(fields)
    length = _number(_LENGTH.fullmatch(fields.get("content-length", "")), 0)
    return Answer(status, start=0, total=length if plain else None, validator=_strong(fields), resumable=plain)


def may_be_sliced(answer: Answer, headers: Mapping[str, str]) -> bool:
    """Tell whether slices of the file may be asked for: the server offers them, and they can be told from others'."""
    offered = answer.status == 206 or _fields(headers).get("accept-ranges", "").lower() == "bytes"
    return offered and answer.resumable and answer.validator is not None


def is_slice(status: int, headers: Mapping[str, str], asked: range, total: int, validator: str) -> bool:
    """Tell whether an answer is exactly the bytes that were asked for, of a file of `total` bytes with that ETag."""
    fields = _fields(headers)
    return (
        status == 206
        and fields.get("content-range") == f"bytes {asked.start}-{asked.stop - 1}/{total}"
        and fields.get("content-length") == str(len(asked))
        and _strong(fields) == validator
        and _plain(fields)
    )


def _fields(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value.strip() for name, value in headers.items()}


def _partial(fields: Mapping[str, str], offset: int, validator: str | None) -> Answer:
    match = _RANGE.fullmatch(fields.get("content-range", ""))
    start, total, etag = _number(match, 1), _number(match, 3), _strong(fields)
    changed = offset > 0 and validator is not None and etag is not None and etag != validator
    # Bytes from anywhere else could be cut to fit; asking again from the start cannot go wrong.
    if start != offset or changed or not _plain(fields):
        return Answer(206, start=None)
    return Answer(206, start=start, total=total, validator=etag)


def _number(match: re.Match[str] | None, group: int) -> int | None:
    return int(match[group]) if match and match[group] != "*" else None


def _strong(fields: Mapping[str, str]) -> str | None:
    etag = fields.get("etag")
    return etag if etag and not etag.startswith("W/") else None


def _plain(fields: Mapping[str, str]) -> bool:
    return fields.get("content-encoding", "").lower() in ("", "identity")
