"""A program that makes a link slow: `python delay.py SECONDS BITS LISTEN:UPSTREAM …`, all ports of this machine.

Bytes arrive half a round trip later on both ways, and the first ones of a connection a whole one later than that, as
if the connection had to be made over the link, too. All connections together get `BITS` per second from the servers;
0 is no limit.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Callable
from typing import cast

__all__ = ["main"]

_BUFFERED = 16 << 20  # bytes on their way; more than a link of this kind holds, so that it is never idle


class Line:
    """What all connections share: bytes leave one after the other, each a `delay` after its turn."""

    def __init__(self, delay: float, bits: float) -> None:
        self.delay = delay
        self._seconds_per_byte = 8 / bits if bits else 0.0
        self._free_at = 0.0

    def send(self, size: int, extra: float, arrive: Callable[[], object]) -> None:
        """Call `arrive` when `size` bytes, sent now, are at the other end."""
        loop = asyncio.get_running_loop()
        self._free_at = max(loop.time(), self._free_at) + size * self._seconds_per_byte
        loop.call_at(self._free_at + self.delay + extra, arrive)


class _End(asyncio.Protocol):
    """One end of a connection; what comes in leaves at the `other` end when `line` has carried it."""

    def __init__(self, line: Line, first: float) -> None:
        self._line, self._extra = line, first
        self._waiting: deque[bytes | None] = deque()
        self._held = 0
        self.transport: asyncio.Transport | None = None
        self.other: _End | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._held += len(data)
        if self._held > _BUFFERED and self.transport:
            self.transport.pause_reading()
        self._later(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._later(None)

    def _later(self, data: bytes | None) -> None:
        self._waiting.append(data)
        self._line.send(len(data or b""), self._extra, self._pass_on)
        self._extra = 0.0

    def _pass_on(self) -> None:
        data = self._waiting.popleft()  # in order, whatever the timers do
        transport = self.other.transport if self.other else None
        if transport and data is None:
            transport.close()
        elif transport and data:
            transport.write(data)
        self._held -= len(data or b"")
        if self._held < _BUFFERED // 2 and self.transport and not self.transport.is_closing():
            self.transport.resume_reading()


class _Near(_End):
    """The client's end; it connects to the server at once, which the client must not notice."""

    def __init__(self, up: Line, down: Line, port: int) -> None:
        super().__init__(up, 2 * up.delay)
        self._down, self._port = down, port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        far = _End(self._down, 0.0)
        self.other, far.other = far, self
        loop = asyncio.get_running_loop()
        self._connecting = loop.create_task(loop.create_connection(lambda: far, "127.0.0.1", self._port))


async def main(delay: float, bits: float, links: list[tuple[int, int]]) -> None:
    """Serve until killed; say when it begins."""
    loop = asyncio.get_running_loop()
    up, down = Line(delay, 0), Line(delay, bits)
    for listen, upstream in links:
        await loop.create_server(lambda port=upstream: _Near(up, down, port), "127.0.0.1", listen, backlog=1000)  # type: ignore[misc]
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    pairs = [word.split(":") for word in sys.argv[3:]]
    links = [(int(listen), int(upstream)) for listen, upstream in pairs]
    asyncio.run(main(float(sys.argv[1]) / 2, float(sys.argv[2]), links))
