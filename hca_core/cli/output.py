"""Data goes to stdout as JSON, words go to stderr as one clean line."""

from __future__ import annotations

import re
import sys
from typing import Any

import click

__all__ = ["clean", "emit", "say"]

# C0 and C1 control characters but tab and line feed, marks that reorder text on a terminal, halves of characters.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def clean(text: str) -> str:
    """Return `text` with control characters shown as escapes, so that a server's words cannot steer a terminal."""
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def emit(value: Any) -> None:
    """Print `value` on stdout as JSON with two spaces of indent; what JSON cannot say is printed as text."""
    import json

    text = json.dumps(value, indent=2, default=str, ensure_ascii=not _speaks_unicode())
    click.echo(_UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text))


def say(message: str) -> None:
    """Print one message on stderr."""
    click.echo(clean(message), err=True)


def _speaks_unicode() -> bool:
    return (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "") == "utf8"
