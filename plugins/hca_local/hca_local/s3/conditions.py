"""Which bytes of an object a request wants, and whether it wants them at all (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from hca_local.s3.errors import S3Error
from hca_local.s3.model import ObjectInfo

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


def check_preconditions(info: ObjectInfo, headers: Mapping[str, str], prefix: str = "") -> bool:
    """Whether to send the object; False means that the client's copy is still good.

    Raises:
        S3Error: PreconditionFailed, the object is not the one the client means.
    """
    match, none_match = headers.get(f"{prefix}if-match"), headers.get(f"{prefix}if-none-match")
    changed = _changed_since(info, headers.get(f"{prefix}if-unmodified-since"))
    if not (_matches(info, match) if match is not None else not changed):
        raise S3Error("PreconditionFailed", "The object is not the one that was asked for.")
    if none_match is not None:
        return not _matches(info, none_match)
    return _changed_since(info, headers.get(f"{prefix}if-modified-since")) is not False


def byte_range(info: ObjectInfo, headers: Mapping[str, str]) -> tuple[int, int] | None:
    """Start and size of the wanted bytes, or None for all of them.

    Several ranges, another unit, or an If-Range for another version also mean the whole object.

    Raises:
        S3Error: InvalidRange, none of the object's bytes are wanted.
    """
    if_range = headers.get("if-range")
    if if_range is not None and not _matches(info, if_range):
        return None
    return parse_range(headers.get("range", ""), info.size)


def parse_range(text: str, total: int) -> tuple[int, int] | None:
    """Start and size of a single `bytes=` range of `total` bytes; None if it is not one."""
    match = _RANGE.fullmatch(text.strip())
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        start, end = max(0, total - int(match[2])), total
    elif match[2] and int(match[2]) < int(match[1]):
        return None
    else:
        start, end = int(match[1]), min(total, int(match[2]) + 1) if match[2] else total
    if start >= end:
        raise S3Error(
            "InvalidRange", "The range has no bytes of the object.", headers=(("Content-Range", f"bytes */{total}"),)
        )
    return start, end - start


def _matches(info: ObjectInfo, etags: str) -> bool:
    return any(etag.strip().removeprefix("W/").strip('"') in ("*", info.etag) for etag in etags.split(","))


def _changed_since(info: ObjectInfo, date: str | None) -> bool | None:
    """None if there is no such date."""
    try:
        return None if date is None else int(info.modified) > parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None
