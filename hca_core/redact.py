"""Takes secrets out of everything that is shown, logged or written to a report."""

from __future__ import annotations

import logging
import re

__all__ = ["REDACTING", "RedactingFilter", "readable", "redact"]

HIDDEN = "***"

# The core of every name that introduces a secret. `refresh_token`, `hmac_secret_key`, `X-Amz-Security-Token`,
# `AWSAccessKeyId`, `X-Goog-Signature` … all contain one of these, so the names need no list of their own.
_NAME = (
    r"(?:token|secret|passw(?:or)?d|signature|credential|api[_-]?key|access[_-]?key|private[_-]?key|hmac[_-]?key)"
    r"[\w-]{0,24}"
)
_GAP = r"\s{0,8}"
_BYTES = r"""(?:b(?=["']))?"""
_HEADER = rf"""((?:authorization|cookie)["']?{_GAP}[:=,]{_GAP}{_BYTES}["']?)"""
_QUOTED = r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
_BARE = r"[^\s&\"'<>]+"
# Inside a URL that is itself a parameter, `%26` ends the value as `&` does outside.
_NESTED = r"(?:[^\s&\"'<>%]|%(?!26))+"

_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), replacement)
    for pattern, replacement in (
        (r"(-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----).*?(?:-----END|\Z)", rf"\1{HIDDEN}-----END"),
        # Header values contain spaces and commas (signature schemes), so the rest of the line or string goes; in a
        # sentence, what is left between backticks, which no token has.
        (rf"""(`authorization{_GAP}:{_GAP})[^`"'\r\n]+(?=`)|{_HEADER}[^"'\r\n]+""", rf"\1\2{HIDDEN}"),
        (r"\b(bearer\s)(?=\S*\d|\S{20})[^\s\"',;]+", rf"\1{HIDDEN}"),
        # A JSON Web Token is recognised wherever one may begin: not in the middle of what could be another one.
        (r"(?<![\w-])eyJ[\w-]{5,}\.[\w-]*\.?[\w-]*", HIDDEN),
        (r"(://)[^/\s@?#\"']{1,400}@", rf"\1{HIDDEN}@"),
        (rf"""({_NAME}["']{_GAP}:{_GAP}{_BYTES}){_QUOTED}""", rf'\1"{HIDDEN}"'),
        (rf"""({_NAME}\\["']{_GAP}:{_GAP}\\["'])[^"'\\]*""", rf"\1{HIDDEN}"),
        (rf"({_NAME}{_GAP}={_GAP}{_BYTES})({_QUOTED}|{_BARE})", rf"\1{HIDDEN}"),
        (rf"({_NAME}%3D){_NESTED}", rf"\1{HIDDEN}"),
        (rf"([-_]{_NAME}:{_GAP})(?:{_QUOTED}|{_BARE})", rf"\1{HIDDEN}"),
        (rf"((?:passw(?:or)?d|secret)[\w-]{{0,24}}:{_GAP}){_BARE}", rf"\1{HIDDEN}"),
        (rf"({_NAME}>)[^<]+", rf"\1{HIDDEN}"),
        # `token: expired` is prose and stays; `token: 1//0gK3…` is not.
        (rf"({_NAME}:{_GAP})[\w./+~=-]{{16,}}", rf"\1{HIDDEN}"),
        (rf"([?&](?:sig|code|key|jwt)=){_BARE}", rf"\1{HIDDEN}"),
        (rf"((?:%3F|%26)(?:sig|code|key|jwt)%3D){_NESTED}", rf"\1{HIDDEN}"),
    )
)


def redact(value: object) -> str:
    """Return `value` as text with every secret in it replaced by `***`.

    Works for prose, URLs (also percent-encoded inside others), headers, JSON, and the repr of mappings: tokens,
    passwords, signatures, keys and credentials are recognised by the names in front of them; bearer tokens, JSON Web
    Tokens, private keys and `user:password@` by their own looks.
    """
    text = str(value)
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def readable(text: object, limit: int = 300) -> str:
    """Return `text` as one printable line without secrets, at most `limit` characters long."""
    line = " ".join("".join(char if char.isprintable() else " " for char in redact(text)).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


class RedactingFilter(logging.Filter):
    """Redacts each record that passes: message, traceback and stack."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(_message(record)), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            # With the exception itself gone, formatters print the text that is left.
            record.exc_info, record.exc_text = None, redact(record.exc_text)
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        return True


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        # Printing the arguments, as logging would, may print the secret.
        return f"(a log message that does not fit its arguments: {record.msg!r})"


REDACTING = RedactingFilter()
"""One filter for all: adding it to a logger or handler twice changes nothing."""
