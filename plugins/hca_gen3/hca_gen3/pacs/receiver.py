"""Listens for what C-MOVE sends: only while it is asked for, only from the PACS, and only what was asked for."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from socketserver import BaseServer
from typing import TYPE_CHECKING, Any

from hca_core.errors import ConfigError
from hca_gen3.pacs.associations import acknowledge, make_entity
from hca_gen3.pacs.config import PacsConfig
from hca_gen3.pacs.retrieval import store
from hca_gen3.pacs.shelf import Shelf

if TYPE_CHECKING:
    from pynetdicom.events import Event
    from pynetdicom.transport import ThreadedAssociationServer

__all__ = ["Receiver"]

_POLL = 0.05  # seconds

logger = logging.getLogger(__name__)


class Receiver:
    """An application entity with the title `config.aet` at `config.move_port`, facing the PACS.

    It has the lock `port` while it listens, so that several in one process take turns.
    `on_data` is called whenever something arrives, `on_problem` when no instance can be taken in any more.
    """

    def __init__(
        self,
        config: PacsConfig,
        shelf: Shelf,
        port: threading.Lock,
        *,
        on_data: Callable[[], None],
        on_problem: Callable[[], None],
    ) -> None:
        self._config, self._shelf, self._port = config, shelf, port
        self._on_data, self._on_problem = on_data, on_problem
        self._server: ThreadedAssociationServer | None = None
        self._allowed: frozenset[str] = frozenset()
        self._visited = False
        self._refused = ""

    def listen(self) -> None:
        """Begin to listen, if that has not happened.

        Raises:
            ConfigError: the port cannot be had, or a name means no address.
        """
        if self._server is not None:
            return
        self._allowed = _addresses((self._config.host or "", *self._config.senders))
        self._port.acquire()
        try:
            self._server = self._start()
        except BaseException:
            self._port.release()
            raise

    def close(self) -> None:
        """Stop listening, and hang up."""
        server, self._server = self._server, None
        if server is None:
            return
        for association in server.active_associations:
            association.abort()
        # Not its own `shutdown`, which knows only servers that look for their end every half second.
        BaseServer.shutdown(server)
        server.server_close()
        self._port.release()

    @property
    def advice(self) -> str | None:
        """What to do if nothing came: whether the PACS has been here at all, or was sent away."""
        if self._refused:
            return f"The receiver refused {self._refused}; is that the PACS? See pacs_aec and pacs_senders."
        if self._visited:
            return None
        return (
            f"The PACS has not connected to port {self._config.move_port} of this machine: is {self._config.aet} "
            "registered there with this address and port, and is no firewall between?"
        )

    def _start(self) -> ThreadedAssociationServer:
        from pynetdicom import AllStoragePresentationContexts, evt
        from pynetdicom.transport import ThreadedAssociationServer

        config = self._config
        entity = make_entity(config)
        entity.require_called_aet = True
        entity.require_calling_aet = [config.aec]
        handlers: list[Any] = [
            (evt.EVT_REQUESTED, self._requested),
            (evt.EVT_REJECTED, self._rejected),
            (evt.EVT_DATA_RECV, lambda _: self._on_data()),
            (evt.EVT_DATA_SENT, acknowledge),
            (evt.EVT_C_STORE, lambda event: store(event, self._shelf, self._on_problem)),
        ]
        try:
            server = entity.make_server(
                (_facing(config.host or "", config.port), config.move_port or 0),
                server_class=ThreadedAssociationServer,
                ssl_context=_tls(config),
                evt_handlers=handlers,
                contexts=_contexts(AllStoragePresentationContexts),
            )
        except OSError as error:
            raise ConfigError(
                f"Port {config.move_port} cannot be listened at for C-MOVE: {error.strerror or error}.",
                key="pacs_move_port",
                hint="Wait until whoever uses it is done, or set pacs_move_port to another one that the PACS knows.",
            ) from error
        server.verify_request = self._admits  # type: ignore[method-assign]
        threading.Thread(target=server.serve_forever, args=(_POLL,), name="hca-pacs-receiver", daemon=True).start()
        return server

    def _admits(self, request: object, client_address: Any) -> bool:
        """Tell whether a connection comes from the PACS; nothing is read from others."""
        if client_address[0] in self._allowed:
            return True
        self._refuse(str(client_address[0]))
        return False

    def _requested(self, _event: Event) -> None:
        self._visited = True

    def _rejected(self, event: Event) -> None:
        """Note who was sent away for a wrong title."""
        caller = event.assoc.requestor
        title = str(caller.primitive.calling_ae_title)[:16] if caller.primitive else ""
        self._refuse(f"{title!r} from {caller.address}")

    def _refuse(self, whom: str) -> None:
        self._refused = whom
        logger.warning("Refused an association of %s.", whom)


def _contexts(known: list[Any]) -> list[Any]:
    from pydicom.uid import AllTransferSyntaxes, DeflatedExplicitVRLittleEndian
    from pynetdicom import build_context

    syntaxes: list[Any] = [
        one for one in AllTransferSyntaxes if one != DeflatedExplicitVRLittleEndian and not one.is_private
    ]
    return [build_context(context.abstract_syntax, syntaxes) for context in known]


def _addresses(hosts: tuple[str, ...]) -> frozenset[str]:
    found = set()
    for host in hosts:
        try:
            found |= {str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
        except OSError as error:
            raise ConfigError(
                f"{host} means no address: {error.strerror or error}.",
                key="pacs_senders" if host in hosts[1:] else "pacs_ip",
            ) from error
    return frozenset(found)


def _facing(host: str, port: int) -> str:
    """Return which of this machine's addresses the PACS sees; nothing is sent to find out."""
    from pynetdicom.transport import AddressInformation

    peer = AddressInformation(host, port)
    with socket.socket(peer.address_family, socket.SOCK_DGRAM) as probe:
        probe.connect(peer.as_tuple)
        return str(probe.getsockname()[0])


def _tls(config: PacsConfig) -> Any:
    if not config.tls:
        return None
    from hca_gen3.pacs.tls import server_context

    return server_context(config)
