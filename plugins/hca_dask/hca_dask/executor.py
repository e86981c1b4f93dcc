"""The workers of a Dask cluster as an executor of Python's standard library."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from hca_core.errors import ConfigError, NetworkError
from hca_core.hosts import is_loopback

if TYPE_CHECKING:
    from distributed import Client

    from hca_core.settings import Settings

__all__ = ["DaskExecutor", "check_address", "connect"]

logger = logging.getLogger(__name__)

R = TypeVar("R")

KEY = "dask.scheduler"


class DaskExecutor(Executor):
    """Submits to the cluster of a `Client`, which is closed with it; the cluster itself goes on.

    What a worker had when it was lost is done by another one; when several were lost with the same piece of work, its
    future fails.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._inner = client.get_executor(pure=False)

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        """Have a worker call `fn`."""
        future: Future[R] = self._inner.submit(fn, *args, **kwargs)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for everything that was submitted, or cancel what has not begun; then disconnect."""
        self._inner.shutdown(wait=wait and not cancel_futures)
        self._client.close()


def connect(settings: Settings, scheduler: str | None) -> DaskExecutor:
    """Return the workers of the cluster at `scheduler`, or where the settings say.

    For `tls://`, the certificates are those that Dask itself is configured with.

    Raises:
        ConfigError: no address, or one that others could listen at, or no certificates for it.
        NetworkError: there is no scheduler.
    """
    address = check_address(scheduler or settings.value(KEY))
    from distributed import Client

    try:
        client = Client(address, timeout=settings.value("network.connect_timeout"), set_as_default=False, name="hca")
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"The connection to the Dask scheduler at {address} cannot be made: {error}.",
            key=KEY,
            hint="Dask needs its own certificates, in its settings distributed.comm.tls.",
        ) from error
    except (OSError, asyncio.TimeoutError) as error:  # before Python 3.11 the second is not among the first
        raise NetworkError(
            f"There is no Dask scheduler at {address}.",
            url=address,
            hint="Start the cluster, or correct the address: --scheduler, or the setting dask.scheduler.",
        ) from error
    if not client.scheduler_info()["workers"]:
        logger.warning("The Dask cluster at %s has no workers yet; everything waits for them.", address)
    return DaskExecutor(client)


def check_address(address: str | None) -> str:
    """Return the address of a scheduler to whom nobody else can listen.

    Raises:
        ConfigError: it is none, or is on another machine and not encrypted.
    """
    if not address:
        raise ConfigError(
            "It is not known where the Dask scheduler is.",
            key=KEY,
            hint="Add --scheduler tls://HOST:PORT, or set it for good: `hca config set dask.scheduler tls://HOST:PORT`.",
        )
    scheme, host = _scheme_and_host(address)
    if scheme == "tcp" and not is_loopback(host):
        raise ConfigError(
            f"The Dask scheduler at {address} is on another machine, and tcp:// is not encrypted: anybody on the way "
            "could run programs in your name.",
            key=KEY,
            hint="Give the cluster certificates and use tls://, or a tunnel to its machine that ends on this one.",
        )
    return address


def _scheme_and_host(address: str) -> tuple[str, str]:
    try:
        parts = urlsplit(address)
        if parts.scheme in ("tcp", "tls") and parts.hostname and parts.port:
            return parts.scheme, parts.hostname
    except ValueError:
        pass
    raise ConfigError(
        f"{address!r} is not the address of a Dask scheduler.", key=KEY, hint="It looks like tls://HOST:8786."
    )
