"""Which host a token is for, and which addresses it may be sent to."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from hca_core.errors import ArgumentError

__all__ = ["host_of", "is_loopback", "keeps_secrets"]


def host_of(url: str) -> str:
    """Return the host of a service, with its port unless it is the one of https.

    The port of plain http is kept, so that a token for the encrypted service is not found for its unencrypted twin.

    Raises:
        ArgumentError: the URL has no host, or a bad port.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ArgumentError(f"The address of a service is not a URL: {error}.") from error
    if not host:
        raise ArgumentError("The address of a service has no host name.")
    port = port or (80 if parts.scheme == "http" else 443)
    name = f"[{host}]" if ":" in host else host
    return name if port == 443 and parts.scheme == "https" else f"{name}:{port}"


def keeps_secrets(url: str) -> bool:
    """Return whether nobody on the way can read what is sent: it goes by https, or does not leave this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))


def is_loopback(host: str) -> bool:
    """Return whether a host name can only mean this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
