"""The door to an iRODS server: opens sessions, and says in our words what python-irodsclient says in its own."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from hca_core.errors import AuthError, ConfigError, HcaError, NetworkError, NotFoundError, PluginError, TransferError
from hca_core.retry import RetryPolicy
from hca_gen3.irods.zone import Zone

if TYPE_CHECKING:
    import ssl

    from irods.session import iRODSSession

__all__ = ["open_session", "patiently", "translated"]

T = TypeVar("T")

_REFUSED_USER = frozenset(
    {
        "CAT_INVALID_AUTHENTICATION",
        "CAT_INVALID_USER",
        "CAT_PASSWORD_EXPIRED",
        "NonAnonymousLoginWithoutPassword",
        "PAM_AUTH_PASSWORD_FAILED",
        "REMOTE_SERVER_AUTHENTICATION_FAILURE",
    }
)
_FORBIDDEN = frozenset({"CAT_NO_ACCESS_PERMISSION", "SYS_NO_API_PRIV"})
_NOT_THERE = frozenset(
    {"CAT_NO_ROWS_FOUND", "CollectionDoesNotExist", "DataObjectDoesNotExist", "OBJ_PATH_DOES_NOT_EXIST"}
)


@contextmanager
def open_session(zone: Zone, timeout: float) -> Iterator[iRODSSession]:
    """Yield a session; it connects when it is first used, and again as often as several things are done at once.

    `timeout` is the longest silence of the server, in seconds.

    Raises:
        PluginError: python-irodsclient is not installed.
    """
    try:
        from irods.session import iRODSSession
    except ImportError as error:
        raise PluginError(
            "Datasets in iRODS need python-irodsclient.", plugin="gen3", hint="Run: pip install 'hca-gen3[irods]'"
        ) from error
    _hush()
    session = iRODSSession(
        host=zone.host,
        port=zone.port,
        user=zone.user,
        password=zone.password,
        zone=zone.name,
        authentication_scheme=zone.scheme,
        connection_timeout=timeout,
        application_name="hca",
        **(_tls(zone) if zone.tls else {}),
    )
    try:
        yield session
    finally:
        with suppress(NetworkError), translated(zone, "the end of the session"):
            session.cleanup()


def patiently(call: Callable[[], T], policy: RetryPolicy, sleep: Callable[[float], object] = time.sleep) -> T:
    """Return what `call` returns; if the server cannot be reached, try again as often as `policy` allows.

    Raises:
        HcaError: what `call` raised last.
    """
    attempt = 1
    while True:
        try:
            return call()
        except NetworkError as error:
            if attempt >= policy.attempts or _is_final(error):
                error.attempts = attempt
                raise
            sleep(policy.delay(attempt, rand=random.random()))  # noqa: S311 - spreads retries, protects nothing
            attempt += 1


def _is_final(error: NetworkError) -> bool:
    import ssl

    return isinstance(error.__cause__, ssl.SSLCertVerificationError)  # it will be no better next time


@contextmanager
def translated(zone: Zone, what: str) -> Iterator[None]:
    """Turn what python-irodsclient raises about `what` into our errors; the password is in none of them."""
    from xml.etree.ElementTree import ParseError

    from irods.exception import NetworkException, PycommandsException, iRODSException

    try:
        yield
    except HcaError:
        raise
    except (NetworkException, OSError, ParseError) as error:
        raise NetworkError(f"{zone.address}: no usable answer about {what}: {error}.", url=zone.address) from error
    except (iRODSException, PycommandsException, RuntimeError) as error:
        raise _meaning(zone, what, type(error).__name__) from error


def _meaning(zone: Zone, what: str, name: str) -> HcaError:
    if name in _REFUSED_USER:
        return AuthError(
            f"{zone.address} refused user {zone.user!r} of zone {zone.name!r} ({name}).",
            service="irods",
            hint="Check irods_user, irods_password and irods_zone.",
        )
    if name == "PlainTextPAMPasswordError":
        return AuthError(
            f"{zone.address}: a PAM password is only sent with encryption.",
            service="irods",
            hint="Set irods_client_server_policy to CS_NEG_REQUIRE.",
        )
    if name in _FORBIDDEN:
        return AuthError(f"{zone.address}: {zone.user!r} may not read {what} ({name}).", service="irods")
    if name in _NOT_THERE:
        return NotFoundError(f"{zone.address}: {what} does not exist, or you may not see it.", status=404)
    return TransferError(f"{zone.address}: iRODS refused {what} ({name}).")


def _tls(zone: Zone) -> dict[str, Any]:
    return {
        "irods_client_server_negotiation": "request_server_negotiation",
        "irods_client_server_policy": "CS_NEG_REQUIRE",
        "ssl_context": _ssl_context(zone),
        **zone.encryption,
    }


def _ssl_context(zone: Zone) -> ssl.SSLContext:
    # The client's own context checks nothing at all as long as no certificate authority is named.
    import ssl

    try:
        context = ssl.create_default_context(cafile=zone.ca_file, capath=zone.ca_path)
    except OSError as error:
        raise ConfigError(f"{zone.ca_file or zone.ca_path} has no certificates that can be used: {error}.") from error
    context.check_hostname = zone.verify == "hostname"
    context.verify_mode = ssl.CERT_NONE if zone.verify == "none" else ssl.CERT_REQUIRED
    return context


def _hush() -> None:
    # It logs whole messages, a PAM password among them, at DEBUG, and every lost connection, which we try again, as
    # critical. Who has decided otherwise for it is left alone.
    log = logging.getLogger("irods")
    if log.level == logging.NOTSET:
        log.setLevel(logging.CRITICAL + 1)
