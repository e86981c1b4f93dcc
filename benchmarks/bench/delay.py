"""A program that makes a link slow: `python delay.py SECONDS LISTEN:UPSTREAM …`, all ports of this machine.

Bytes arrive half a round trip later on both ways, and the first ones of a connection a whole one later than that, as
if the connection had to be made over the link, too. There is no limit to the bandwidth.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from typing import cast

__all__ = ["main"]


class _End(asyncio.Protocol):
    """One end of a connection; what comes in leaves at the `other` end after `delay` seconds."""

    def __init__(self, delay: float, first: float) -> None:
        self._delay, self._extra = delay, first
        self._waiting: deque[bytes | None] = deque()
        self.transport: asyncio.Transport | None = None
        self.other: _End | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._later(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._later(None)

    def _later(self, data: bytes | None) -> None:
        self._waiting.append(data)
        asyncio.get_running_loop().call_later(self._delay + self._extra, self._pass_on)
        self._extra = 0.0

    def _pass_on(self) -> None:
        data = self._waiting.popleft()  # in order, whatever the timers do
        transport = self.other.transport if self.other else None
        if transport and data is None:
            transport.close()
        elif transport and data:
            transport.write(data)


class _Near(_End):
    """The client's end; it connects to the server at once, which the client must not notice."""

    def __init__(self, delay: float, port: int) -> None:
        super().__init__(delay, 2 * delay)
        self._port = port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        far = _End(self._delay, 0.0)
        self.other, far.other = far, self
        loop = asyncio.get_running_loop()
        self._connecting = loop.create_task(loop.create_connection(lambda: far, "127.0.0.1", self._port))


async def main(delay: float, links: list[tuple[int, int]]) -> None:
    """Serve until killed; say when it begins."""
    loop = asyncio.get_running_loop()
    for listen, upstream in links:
        await loop.create_server(lambda port=upstream: _Near(delay, port), "127.0.0.1", listen, backlog=1000)  # type: ignore[misc]
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    pairs = [word.split(":") for word in sys.argv[2:]]
    asyncio.run(main(float(sys.argv[1]) / 2, [(int(listen), int(upstream)) for listen, upstream in pairs]))
