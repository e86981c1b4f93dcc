"""Reads files from iRODS as the core's transfers read them from the web: from some offset on, piece by piece."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from hca_core.errors import HcaError, NetworkError
from hca_core.transfer.job import ByteStream
from hca_gen3.irods.catalog import IrodsFile
from hca_gen3.irods.session import Retries, translated
from hca_gen3.irods.zone import Zone

if TYPE_CHECKING:
    from irods.session import iRODSSession

__all__ = ["IrodsOpener"]

_PIECE = 4 * 1024 * 1024  # bytes; what a server reads at a time


class IrodsOpener:
    """Opens what `IrodsFile.url` names, each on a connection of its own, and tries again if nobody answers."""

    def __init__(self, session: iRODSSession, zone: Zone, retries: Retries) -> None:
        self._session, self._zone, self._retries = session, zone, retries

    def __call__(self, url: str, *, offset: int = 0, validator: str | None = None) -> ByteStream:
        """Open a file; the answer has the ETag under which it can be continued."""
        file = IrodsFile.from_url(url)
        return self._retries.ask(lambda: self._open(file, url, offset))

    def _open(self, file: IrodsFile, url: str, offset: int) -> ByteStream:
        with translated(self._zone, file.path):
            # The buffered object reads in a way that never ends if the server hangs up in the middle of an answer.
            raw = self._session.data_objects.open(file.path, "r", allow_redirect=False, auto_close=False).detach()
        stream = _Stream(raw, file, self._zone, url, offset)
        if offset:
            try:
                stream.seek()
            except HcaError:
                stream.close()
                raise
        return stream


class _Stream:
    """A file that is open on the server, as the answer to a request for its bytes from `offset` on."""

    def __init__(self, raw: Any, file: IrodsFile, zone: Zone, url: str, offset: int) -> None:
        self._raw, self._file, self._zone = raw, file, zone
        self._position = offset
        self._ended = False
        self.url = url
        self.status = 206 if offset else 200
        self.headers: Mapping[str, str] = _headers(file, offset)

    def seek(self) -> None:
        """Go to where reading begins."""
        with translated(self._zone, self._file.path):
            self._raw.conn.seek_file(self._raw.desc, self._position, 0)

    def readinto(self, buffer: memoryview) -> int:
        """Fill `buffer` from its start; return the number of bytes, 0 at the end."""
        wanted = min(len(buffer), _PIECE)
        if self._ended or not wanted:
            return 0
        with translated(self._zone, self._file.path):
            data = self._raw.conn.read_file(self._raw.desc, wanted) or b""
        if len(data) > wanted:
            raise NetworkError(f"{self._file.path}: the server sent more bytes than it was asked for.")
        buffer[: len(data)] = data
        self._position += len(data)
        self._ended = len(data) < wanted and self._position == self._file.size
        return len(data)

    def close(self) -> None:
        """Give the connection back; one that is broken is left to itself."""
        with suppress(HcaError), translated(self._zone, self._file.path):
            self._raw.close()


def _headers(file: IrodsFile, offset: int) -> Mapping[str, str]:
    etag = f'"{file.version}"'
    if not offset:
        return {"content-length": str(file.size), "etag": etag}
    return {"content-range": f"bytes {offset}-{file.size - 1}/{file.size}", "etag": etag}
