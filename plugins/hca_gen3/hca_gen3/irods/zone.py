"""Where an iRODS zone is and who asks: checked values, without a word to the server."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hca_core.errors import ConfigError
from hca_gen3.config_file import configured, host, missing

if TYPE_CHECKING:
    from hca_core.app import App

__all__ = ["KEYS", "Zone", "read_zone"]

_REQUIRED = ("irods_host", "irods_user", "irods_password", "irods_zone", "irods_project_root")
_ENCRYPTION: Mapping[str, str | int] = {
    "irods_encryption_algorithm": "AES-256-CBC",
    "irods_encryption_key_size": 32,
    "irods_encryption_num_hash_rounds": 16,
    "irods_encryption_salt_size": 8,
}
_CHOICES = {
    "irods_ssl_verify_server": ("hostname", "cert", "none"),
    "irods_client_server_policy": ("CS_NEG_REFUSE", "CS_NEG_REQUIRE"),
    "irods_client_server_negotiation": ("request_server_negotiation", "none"),
    "irods_authentication_scheme": ("native", "pam", "pam_password"),
}
KEYS = (
    *_REQUIRED,
    "irods_port",
    *_CHOICES,
    "irods_ssl_ca_certificate_file",
    "irods_ssl_ca_certificate_path",
    *_ENCRYPTION,
)


@dataclass(frozen=True)
class Zone:
    """An iRODS zone as one user sees it.

    `root` is the collection in which datasets are. With `tls` the client insists on encryption; `verify` says what
    of the server's certificate is checked: `hostname` (and the certificate), `cert` or `none`. `encryption` are the
    parameters of iRODS's own encryption of parallel transfers, which it wants to know whenever TLS is used.
    """

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    name: str
    root: str
    scheme: str = "native"
    tls: bool = False
    verify: str = "hostname"
    ca_file: str | None = None
    ca_path: str | None = None
    encryption: Mapping[str, Any] = field(default_factory=lambda: dict(_ENCRYPTION))

    @property
    def address(self) -> str:
        """The server, as messages call it."""
        return f"irods://{self.host}:{self.port}"


def read_zone(file: str | os.PathLike[str] | None, app: App) -> Zone:
    """Return the zone that a file, the environment and the settings describe, in this order.

    Raises:
        ConfigError: something is missing, or makes no sense.
    """
    values = configured(KEYS, file, app)
    for key in _REQUIRED:
        if key not in values:
            raise missing(key, file)
    for key, choices in _CHOICES.items():
        if values.get(key, choices[0]) not in choices:
            raise ConfigError(f"{key} is {values[key]!r}; it must be one of {', '.join(choices)}.", key=key)
    return Zone(
        host=host("irods_host", values["irods_host"]),
        port=_number("irods_port", values.get("irods_port", 1247), most=65535),
        user=str(values["irods_user"]),
        password=str(values["irods_password"]),
        name=str(values["irods_zone"]),
        root=_root(str(values["irods_project_root"])),
        scheme=values.get("irods_authentication_scheme", "native"),
        tls=_wants_tls(values),
        verify=values.get("irods_ssl_verify_server", "hostname"),
        ca_file=values.get("irods_ssl_ca_certificate_file"),
        ca_path=values.get("irods_ssl_ca_certificate_path"),
        encryption={key: _like(key, values.get(key, default), default) for key, default in _ENCRYPTION.items()},
    )


def _wants_tls(values: Mapping[str, Any]) -> bool:
    # python-irodsclient ignores the policy unless negotiation is asked for, and would go on without encryption.
    policy = values.get("irods_client_server_policy")
    asks = values.get("irods_client_server_negotiation") == "request_server_negotiation"
    return policy == "CS_NEG_REQUIRE" or (asks and policy is None)


def _root(path: str) -> str:
    if not path.startswith("/") or "'" in path or ".." in path.split("/"):
        raise ConfigError(
            f"irods_project_root must be the absolute path of a collection, not {path!r}.",
            key="irods_project_root",
            hint="Such as /tempZone/home/project.",
        )
    return path.rstrip("/")


def _like(key: str, value: Any, default: str | int) -> str | int:
    return _number(key, value) if isinstance(default, int) else str(value)


def _number(key: str, value: Any, most: int = 1_000_000) -> int:
    text = str(value).strip()
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= most):
        raise ConfigError(f"{key} must be a whole number from 1 to {most}, not {text[:40]!r}.", key=key)
    return int(text)
