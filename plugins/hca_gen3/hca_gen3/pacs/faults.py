"""What can go wrong with a PACS, in words."""

from __future__ import annotations

from hca_core.errors import AuthError, ConfigError, HcaError, NetworkError, TransferError
from hca_core.redact import readable
from hca_gen3.pacs.config import PacsConfig

__all__ = ["BrokenError", "RefusedError", "StrangerError", "of_rejection", "of_status"]

_WORDS = {
    0x0110: "processing failure",
    0x0112: "no such instance",
    0x0117: "invalid instance",
    0x0122: "this kind of request is not supported",
    0x0124: "not authorized",
    0x0210: "duplicate request",
    0x0211: "unrecognized operation",
    0x0212: "mistyped request",
    0x0213: "resource limitation",
    0xA700: "out of resources",
    0xA701: "out of resources: unable to count the matches",
    0xA702: "out of resources: unable to send",
    0xA801: "move destination unknown",
    0xA900: "the request does not match its kind",
    0xFE00: "cancelled",
}
_UNSUPPORTED = frozenset({0x0122, 0x0211})
_BUSY = frozenset({0x0213, 0xA700, 0xA701, 0xA702})
# (source, diagnostic) of a rejected association
_CALLING, _CALLED = (1, 3), (1, 7)
_REJECTIONS = {
    (1, 1): "no reason given",
    (1, 2): "application context not supported",
    (2, 1): "no reason given",
    (2, 2): "protocol version not supported",
    (3, 1): "temporary congestion",
    (3, 2): "it has as many associations as it allows",
}
_TRANSIENT = 2


class BrokenError(NetworkError):
    """The PACS cannot be talked to right now, or stopped in the middle: what is missing can be asked for again."""


class RefusedError(TransferError):
    """The PACS does not do what it was asked for, ever: another way of fetching may be open."""


class StrangerError(TransferError):
    """The PACS sends something that was not asked for."""


def of_rejection(config: PacsConfig, result: int, source: int, diagnostic: int) -> HcaError:
    """Return why an association was rejected, as the error to raise; the numbers are those of the rejection."""
    reason = (source, diagnostic)
    if reason == _CALLED:
        return ConfigError(
            f"Nobody at {config.host}:{config.port} is called {config.aec}: the association was rejected (called AE "
            "title not recognized).",
            key="pacs_aec",
            hint="Ask whoever runs the PACS for its AE title.",
        )
    if reason == _CALLING:
        return AuthError(
            f"{config.place} does not know {config.aet}: the association was rejected (calling AE title not "
            "recognized).",
            service="pacs",
            hint=f"Have {config.aet} registered at the PACS, or set pacs_aet to a title that is.",
        )
    words = f"{config.place} rejected the association: {_REJECTIONS.get(reason, 'for an unknown reason')}."
    return BrokenError(words) if result == _TRANSIENT else AuthError(words, service="pacs")


def of_status(config: PacsConfig, doing: str, status: int, comment: str = "") -> HcaError:
    """Return why a request failed, as the error to raise; `doing` is what it was for, `comment` the PACS' own words."""
    what = _WORDS.get(status) or ("unable to process" if status >> 12 == 0xC else "for an unknown reason")
    said = f"; it says {readable(comment, 200)!r}" if comment.strip() else ""
    words = f"{config.place} failed to {doing}: {what} (0x{status:04X}){said}."
    if status in _BUSY:
        return BrokenError(words)
    if status in _UNSUPPORTED:
        return RefusedError(words)
    if status == 0x0124:
        return AuthError(words, service="pacs")
    if status == 0xA801:
        return ConfigError(words, key="pacs_aet", hint=_registration(config))
    return TransferError(words)


def _registration(config: PacsConfig) -> str:
    return (
        f"Have the AE title {config.aet} registered at the PACS, with the address of this machine and port "
        f"{config.move_port}."
    )
