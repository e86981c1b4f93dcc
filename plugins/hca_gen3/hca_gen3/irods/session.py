"""The door to an iRODS server: opens sessions, and says in our words what python-irodsclient says in its own."""

from __future__ import annotations

import logging
import math
import random
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from hca_core.errors import AuthError, ConfigError, HcaError, NetworkError, NotFoundError, PluginError, TransferError
from hca_core.redact import readable
from hca_core.retry import RetryPolicy
from hca_gen3.irods.zone import Zone

if TYPE_CHECKING:
    import ssl

    from irods.session import iRODSSession

__all__ = ["Retries", "open_session", "translated"]

T = TypeVar("T")

_UNNOTICED = 1.0  # seconds up to which a wait goes unmentioned
_REFUSED_TRIES = 4  # within a second: where nobody listens, only a restart is worth waiting for
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


@dataclass(frozen=True)
class Retries:
    """How often a server that cannot be reached is asked again; `tell` gets a sentence about each wait that is long."""

    policy: RetryPolicy
    sleep: Callable[[float], object]
    tell: Callable[[str], object]

    def ask(self, call: Callable[[], T]) -> T:
        """Return what `call` returns; if the server cannot be reached, try again as often as the policy allows.

        Raises:
            HcaError: what `call` raised last.
        """
        attempt = 1
        while True:
            try:
                return call()
            except NetworkError as error:
                if attempt >= min(self.policy.attempts, _tries(error)):
                    error.attempts = attempt
                    raise
                self._wait(self.policy.delay(attempt, rand=random.random()), error)  # noqa: S311 - protects nothing
                attempt += 1

    def _wait(self, seconds: float, error: NetworkError) -> None:
        if seconds > _UNNOTICED:
            self.tell(f"Waiting {seconds:.0f} s: {error.message}")
        self.sleep(seconds)


def _tries(error: NetworkError) -> float:
    """Return how many tries make sense at most."""
    import ssl

    cause = _of_system(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return 1  # it will be no better next time
    return _REFUSED_TRIES if isinstance(cause, ConnectionRefusedError) else math.inf


def _of_system(error: BaseException | None) -> OSError | None:
    """Return what the operating system said, which python-irodsclient hides behind words of its own."""
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    return error


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
        raise _silence(zone, what, error) from error
    except (iRODSException, PycommandsException, RuntimeError) as error:
        raise _meaning(zone, what, type(error).__name__) from error


def _silence(zone: Zone, what: str, error: Exception) -> NetworkError:
    cause = _of_system(error)
    system = f" ({cause.strerror})" if cause and cause is not error and cause.strerror else ""
    unreached = isinstance(cause, (ConnectionRefusedError, socket.gaierror, TimeoutError))
    return NetworkError(
        f"{zone.address}: no usable answer about {what}: {readable(error).rstrip('.')}{system}.",
        url=zone.address,
        hint="Is the server running, and are irods_host and irods_port right?" if unreached else None,
    )


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
