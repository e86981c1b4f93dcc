"""Where the PACS is and how it is talked to: the keys of a `pacs.json`, checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hca_core.errors import ConfigError
from hca_gen3.config_file import host

__all__ = ["ROUTES", "PacsConfig"]

ROUTES = ("auto", "get", "move", "dicomweb")
_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_TITLE = re.compile(r"[\x20-\x5b\x5d-\x7e]{1,16}")


@dataclass(frozen=True)
class PacsConfig:
    """How a PACS is reached; `from_mapping` names the keys.

    `aec` is the title of the PACS (called), `aet` our own (calling), to which C-MOVE sends. With a `move_port` we can
    receive there what C-MOVE sends; `senders` are addresses besides `host` that it may come from. `route` is one of
    `ROUTES`; `auto` is DICOMweb if there is a `dicomweb_url`, else C-GET, and C-MOVE where C-GET is refused.
    `certificate` is a PEM file with our certificate and its key. Times are in seconds; `read_timeout` is how long
    nothing at all may come.
    """

    host: str | None = None
    port: int = 104
    aec: str = "ANY-SCP"
    aet: str = "HCA"
    move_port: int | None = None
    senders: tuple[str, ...] = ()
    route: str = "auto"
    dicomweb_url: str | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    connect_timeout: float = 20.0
    read_timeout: float = 120.0
    tls: bool = False
    ca_bundle: Path | None = None
    certificate: Path | None = None

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], *, file: str | None = None) -> PacsConfig:
        """Return the configuration that keys such as `pacs_ip` and `pacs_port` describe; null means the default.

        Other keys than those that begin with `pacs_` are not looked at. `file` is named if something is wrong.

        Raises:
            ConfigError: a value cannot be used, or is missing, or a key is unknown; it is named.
        """
        given = {key: value for key, value in values.items() if key.startswith("pacs_") and value not in (None, "")}
        try:
            config = cls(**{_field(key): _READERS[key](key, value) for key, value in given.items()})
            _check_whole(config)
        except ConfigError as error:
            error.file = file
            raise
        return config

    @property
    def by_web(self) -> bool:
        """Whether DICOMweb is spoken, and not DICOM's own protocol."""
        return self.route == "dicomweb" or (self.route == "auto" and self.dicomweb_url is not None)

    @property
    def place(self) -> str:
        """The PACS in words, for the beginning of a message."""
        return f"The PACS {self.aec} at {self.host}:{self.port}"


def _field(key: str) -> str:
    if key not in _READERS:
        raise ConfigError(f"{key} is no setting of a PACS.", key=key, hint=f"There are: {', '.join(sorted(_READERS))}.")
    name = key.removeprefix("pacs_")
    return "host" if name == "ip" else name


def _check_whole(config: PacsConfig) -> None:
    if config.by_web and config.dicomweb_url is None:
        raise _missing("pacs_dicomweb_url", "where DICOMweb is spoken")
    if not config.by_web and config.host is None:
        raise _missing("pacs_ip", "the address of the PACS")
    if config.route == "move" and config.move_port is None:
        raise _missing("pacs_move_port", "the port where C-MOVE is to send to")
    if config.password and not config.user:
        raise _missing("pacs_user", "whose password pacs_password is")
    if config.tls and config.move_port is not None and config.certificate is None:
        raise _missing("pacs_certificate", "what we prove with who we are when C-MOVE sends to us by TLS")


def _missing(key: str, what: str) -> ConfigError:
    return ConfigError(f"{key} is missing: {what}.", key=key)


def _wrong(key: str, value: object, what: str) -> ConfigError:
    return ConfigError(f"{key} is {str(value)[:100]!r}, which is not {what}.", key=key)


def _text(key: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise _wrong(key, value, "a text")
    return value.strip()


def _secret(key: str, value: object) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"{key} is not a text.", key=key)
    return value


def _title(key: str, value: object) -> str:
    text = _text(key, value)
    if not _TITLE.fullmatch(text):
        raise _wrong(key, value, "an AE title: 1 to 16 ASCII characters without a backslash")
    return text


def _port(key: str, value: object) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch("[0-9]{1,5}", text) or not 0 < int(text) < 65536:
        raise _wrong(key, value, "a port: a number from 1 to 65535")
    return int(text)


def _seconds(key: str, value: object) -> float:
    try:
        seconds = float(str(value))
    except ValueError:
        seconds = 0.0
    if isinstance(value, bool) or not 0 < seconds <= 86400:
        raise _wrong(key, value, "a number of seconds from 0 to 86400")
    return seconds


def _truth(key: str, value: object) -> bool:
    truth = _TRUTHS.get(str(value).strip().lower())
    if truth is None:
        raise _wrong(key, value, "true or false")
    return truth


def _route(key: str, value: object) -> str:
    if value not in ROUTES:
        raise _wrong(key, value, f"one of {', '.join(ROUTES)}")
    return str(value)


def _url(key: str, value: object) -> str:
    text = _text(key, value)
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username
    except ValueError:
        usable = False
    if not usable:
        # It may hold a password, so it is not repeated.
        raise ConfigError(f"{key} is not a web address without a user name in it.", key=key)
    return text.rstrip("/")


def _addresses(key: str, value: object) -> tuple[str, ...]:
    texts = value.split(",") if isinstance(value, str) else value
    if not isinstance(texts, list):
        raise _wrong(key, value, "a list of addresses")
    return tuple(host(key, text) for text in texts)


def _path(key: str, value: object) -> Path:
    path = Path(_text(key, str(value))).expanduser()
    if not path.is_file():
        raise _wrong(key, value, "a file")
    return path


_READERS: dict[str, Callable[[str, object], Any]] = {
    "pacs_ip": host,
    "pacs_port": _port,
    "pacs_aec": _title,
    "pacs_aet": _title,
    "pacs_move_port": _port,
    "pacs_senders": _addresses,
    "pacs_route": _route,
    "pacs_dicomweb_url": _url,
    "pacs_user": _text,
    "pacs_password": _secret,
    "pacs_connect_timeout": _seconds,
    "pacs_read_timeout": _seconds,
    "pacs_tls": _truth,
    "pacs_ca_bundle": _path,
    "pacs_certificate": _path,
}
assert {_field(key) for key in _READERS} == {one.name for one in fields(PacsConfig)}
