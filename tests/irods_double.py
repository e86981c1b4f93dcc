"""A double of an iRODS server: it speaks as much of the 4.2 wire protocol as reading a collection needs.

It is not a source of conformance: it answers what python-irodsclient asks for here, and nothing else of iRODS is true
of it. Files are added before or while it runs; `refuse`, `cut`, `spoil`, `forget_answer` and
`fall_silent` are its faults.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import socket
import socketserver
import ssl
import struct
import threading
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

__all__ = ["IrodsDouble", "StoredFile", "sha2"]

_NO_ROWS = -808_000
_NO_SUCH_FILE = -171_000  # OBJ_PATH_DOES_NOT_EXIST
_WRONG_PASSWORD = -826_000
_UNKNOWN_USER = -827_000
_UNKNOWN_API = -12_000
_MOST_ROWS = 256  # of one answer
_PASSWORD_LENGTH = 50


def sha2(data: bytes) -> str:
    """Return the checksum of some bytes as an iRODS catalog has it."""
    return "sha2:" + base64.b64encode(hashlib.sha256(data).digest()).decode()


@dataclass
class StoredFile:
    """A data object; `statuses` has one word per replica: `1` is good, `0` is stale. `modified` in seconds."""

    path: str
    data: bytes
    checksum: str
    number: int
    modified: int = 1_700_000_000
    statuses: tuple[str, ...] = ("1",)
    stale_size: int = 0


@dataclass
class _Cut:
    after: int
    times: int


class IrodsDouble:
    """A server on 127.0.0.1 with one user; use it in a `with` statement. `certificate` makes it insist on TLS.

    `asked` counts what clients wanted by API number, `read` the bytes that left for each path, `logins` those that
    succeeded; `continued` has the last offset from which a path was read, if not from its beginning.
    """

    def __init__(
        self,
        *,
        user: str = "rods",
        password: str = "Open-5esame",
        zone: str = "tempZone",
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        self.user, self.password, self.zone, self.certificate = user, password, zone, certificate
        self.files: dict[str, StoredFile] = {}
        self.collections: dict[str, int] = {}
        self.asked: Counter[int] = Counter()
        self.read: Counter[str] = Counter()
        self.logins = 0
        self.continued: dict[str, int] = {}
        self._lock = threading.Lock()
        self._refusals = 0
        self._silent_about = 0
        self.over = threading.Event()
        self._forgotten: dict[int, int] = {}
        self._cuts: dict[str, _Cut] = {}
        self._spoiled: Counter[str] = Counter()
        self._server = _Server(self)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> IrodsDouble:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._thread.join()

    def settings(self, root: str = "/tempZone/home/datasets") -> dict[str, Any]:
        """Return what an irods.json for this server holds."""
        return {
            "irods_host": "127.0.0.1",
            "irods_port": self.port,
            "irods_user": self.user,
            "irods_password": self.password,
            "irods_zone": self.zone,
            "irods_project_root": root,
        }

    def add(self, path: str, data: bytes, checksum: str | None = None, **more: Any) -> StoredFile:
        """Put a file there, with its SHA-256 unless another `checksum` is given, and the collections above it."""
        found = self.files.get(path)
        number = found.number if found else 10_000 + len(self.files)
        stored = StoredFile(path, data, sha2(data) if checksum is None else checksum, number, **more)
        self.files[path] = stored
        self.add_collection(path.rpartition("/")[0])
        return stored

    def add_collection(self, path: str) -> None:
        """Put an empty collection there, and those above it."""
        while path and path not in self.collections:
            self.collections[path] = 100 + len(self.collections)
            path = path.rpartition("/")[0]

    def refuse(self, times: int) -> None:
        """Hang up on the next connections before a word is said."""
        self._refusals = times

    def cut(self, path: str, after: int, times: int = 1) -> None:
        """Break the connection in the middle of an answer as soon as `after` bytes of a file have left."""
        self._cuts[path] = _Cut(after, times)

    def spoil(self, path: str, times: int = 1) -> None:
        """Change a byte of a file on the way, the next so many times that its beginning is read."""
        self._spoiled[path] = times

    def forget_answer(self, api: int, times: int = 1) -> None:
        """Hang up instead of answering the next calls of an API number."""
        self._forgotten[api] = times

    def fall_silent(self, api: int) -> None:
        """Answer no call of an API number any more, but stay connected."""
        self._silent_about = api

    def is_silent(self, api: int) -> bool:
        """Tell whether calls of an API number are not answered."""
        return api == self._silent_about

    def is_refusing(self) -> bool:
        """Tell whether the connection that was just made is one of those to hang up on."""
        with self._lock:
            self._refusals -= 1
            return self._refusals >= 0

    def is_forgetting(self, api: int) -> bool:
        """Tell whether this call is not to be answered."""
        with self._lock:
            self._forgotten[api] = self._forgotten.get(api, 0) - 1
            return self._forgotten[api] >= 0

    def piece(self, path: str, offset: int, length: int) -> tuple[bytes, bool]:
        """Return the bytes of a file that are sent, and whether the connection breaks while they are."""
        data = self.files[path].data[offset : offset + length]
        with self._lock:
            if offset == 0 and data and self._spoiled[path] > 0:
                self._spoiled[path] -= 1
                data = bytes([data[0] ^ 1]) + data[1:]
            cut = self._cuts.get(path)
            breaks = cut is not None and cut.times > 0 and offset + len(data) > cut.after
            if cut is not None and breaks:
                cut.times -= 1
            self.read[path] += len(data)
        return data, breaks


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, double: IrodsDouble) -> None:
        super().__init__(("127.0.0.1", 0), _Agent)
        self.double = double
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def hang_up(self) -> None:
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the tests."""


class _HungUp(Exception):
    """The connection is to end here."""


@dataclass
class _Open:
    path: str
    position: int = 0


class _Agent(socketserver.BaseRequestHandler):
    """What iRODS calls an agent: serves one connection."""

    server: _Server

    def handle(self) -> None:
        self.double = self.server.double
        self._connection: socket.socket = self.request
        self._descriptors: dict[int, _Open] = {}
        self._queries: dict[int, list[tuple[str, ...]]] = {}
        self._challenge = os.urandom(64)
        self._known = False
        try:
            if self.double.is_refusing():
                return
            self._greet()
            while True:
                self._serve()
        except (_HungUp, OSError):
            return

    def _greet(self) -> None:
        kind, body, _ = self._receive()
        assert kind == "RODS_CONNECT", kind
        start = ElementTree.fromstring(body)
        asks = "request_server_negotiation" in (start.findtext("option") or "")
        secure = self.double.certificate is not None
        if asks:
            policy = "CS_NEG_REQUIRE" if secure else "CS_NEG_DONT_CARE"
            self._send("RODS_CS_NEG_T", f"<CS_NEG_PI><status>1</status><result>{policy}</result></CS_NEG_PI>")
            _, answer, _ = self._receive()
            secure = b"CS_NEG_USE_SSL" in answer
        version = "<relVersion>rods4.2.8</relVersion><apiVersion>d</apiVersion>"
        self._send(
            "RODS_VERSION",
            f"<Version_PI><status>0</status>{version}<reconnPort>0</reconnPort><reconnAddr></reconnAddr>"
            "<cookie>0</cookie></Version_PI>",
        )
        if asks and secure:
            self._start_tls()
        elif self.double.certificate is not None:
            raise _HungUp

    def _start_tls(self) -> None:
        assert self.double.certificate is not None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.double.certificate)
        self._connection = context.wrap_socket(self._connection, server_side=True)
        algorithm, _, _ = self._receive(with_body=False)
        assert algorithm == "AES-256-CBC", algorithm
        secret, key, _ = self._receive()
        assert (secret, len(key)) == ("SHARED_SECRET", 32)

    def _serve(self) -> None:
        kind, body, api = self._receive()
        if kind == "RODS_DISCONNECT":
            raise _HungUp
        self.double.asked[api] += 1
        if self.double.is_silent(api):
            self.double.over.wait()
        if self.double.is_forgetting(api):
            raise _HungUp
        calls: dict[int, Callable[[bytes], None]] = {703: self._give_challenge, 704: self._check_password}
        if self._known:
            calls |= {702: self._query, 602: self._open, 674: self._seek, 675: self._read, 673: self._close}
        call = calls.get(api)
        if call is None:
            self._refuse(_UNKNOWN_API)
            return
        call(body)

    def _give_challenge(self, _: bytes) -> None:
        text = base64.b64encode(self._challenge).decode()
        self._answer(f"<authRequestOut_PI><challenge>{text}</challenge></authRequestOut_PI>")

    def _check_password(self, body: bytes) -> None:
        fields = ElementTree.fromstring(body)
        padded = struct.pack(f"{_PASSWORD_LENGTH}s", self.double.password.encode())
        right = hashlib.md5(self._challenge.strip() + padded).digest().replace(b"\0", b"\1")
        if (fields.findtext("username") or "").split("#")[0] != self.double.user:
            self._refuse(_UNKNOWN_USER)
        elif base64.b64decode(fields.findtext("response") or "") != right:
            self._refuse(_WRONG_PASSWORD)
        else:
            self._known = True
            self.double.logins += 1
            self._answer()

    def _query(self, body: bytes) -> None:
        asked = ElementTree.fromstring(body)
        columns = [int(found.text or "") for found in asked.findall("InxIvalPair_PI/inx")]
        most, index = int(asked.findtext("maxRows") or 0), int(asked.findtext("continueInx") or 0)
        if index:
            rows = self._queries.pop(index, [])
        else:
            inx = [int(found.text or "") for found in asked.findall("InxValPair_PI/inx")]
            values = [found.text or "" for found in asked.findall("InxValPair_PI/svalue")]
            rows = list(dict.fromkeys(_select(self.double, columns, list(zip(inx, values, strict=True)))))
        if most <= 0 or not rows:
            self._refuse(_NO_ROWS)
            return
        most = min(most, _MOST_ROWS)
        page, rest = rows[:most], rows[most:]
        following = 0
        if rest:
            following = len(self._queries) + 1
            self._queries[following] = rest
        self._answer(_table(columns, page, following))

    def _open(self, body: bytes) -> None:
        path = ElementTree.fromstring(body).findtext("objPath") or ""
        if path not in self.double.files:
            self._refuse(_NO_SUCH_FILE)
            return
        descriptor = max(self._descriptors, default=2) + 1
        self._descriptors[descriptor] = _Open(path)
        self._answer(number=descriptor)

    def _seek(self, body: bytes) -> None:
        opened, fields = self._opened(body)
        base = (0, opened.position, len(self.double.files[opened.path].data))[int(fields.findtext("whence") or 0)]
        opened.position = base + int(fields.findtext("offset") or 0)
        if opened.position:
            self.double.continued[opened.path] = opened.position
        self._answer(f"<fileLseekOut_PI><offset>{opened.position}</offset></fileLseekOut_PI>")

    def _read(self, body: bytes) -> None:
        opened, fields = self._opened(body)
        data, breaks = self.double.piece(opened.path, opened.position, int(fields.findtext("len") or 0))
        opened.position += len(data)
        if breaks:
            self._send("RODS_API_REPLY", "", data, number=len(data), keep=len(data) // 2)
            raise _HungUp
        self._answer(number=len(data), data=data)

    def _close(self, body: bytes) -> None:
        _, fields = self._opened(body)
        del self._descriptors[int(fields.findtext("l1descInx") or 0)]
        self._answer()

    def _opened(self, body: bytes) -> tuple[_Open, ElementTree.Element]:
        fields = ElementTree.fromstring(body)
        number = int(fields.findtext("l1descInx") or 0)
        assert number in self._descriptors, f"a client uses descriptor {number}, which is not open"
        return self._descriptors[number], fields

    def _answer(self, body: str = "", *, number: int = 0, data: bytes = b"") -> None:
        self._send("RODS_API_REPLY", body, data, number=number)

    def _refuse(self, code: int) -> None:
        self._send("RODS_API_REPLY", "", number=code)

    def _send(self, kind: str, body: str, data: bytes = b"", *, number: int = 0, keep: int | None = None) -> None:
        encoded = body.encode()
        header = (
            f"<MsgHeader_PI><type>{kind}</type><msgLen>{len(encoded)}</msgLen><errorLen>0</errorLen>"
            f"<bsLen>{len(data)}</bsLen><intInfo>{number}</intInfo></MsgHeader_PI>"
        ).encode()
        self._connection.sendall(struct.pack(">i", len(header)) + header + encoded + data[:keep])

    def _receive(self, *, with_body: bool = True) -> tuple[str, bytes, int]:
        (length,) = struct.unpack(">i", self._exactly(4))
        header = ElementTree.fromstring(self._exactly(length))
        fields = {name: int(header.findtext(name) or 0) for name in ("msgLen", "errorLen", "bsLen", "intInfo")}
        body = self._exactly(fields["msgLen"]) if with_body else b""
        return header.findtext("type") or "", body, fields["intInfo"]

    def _exactly(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            piece = self._connection.recv(count - len(found))
            if not piece:
                raise _HungUp
            found += piece
        return found


def _select(double: IrodsDouble, columns: list[int], conditions: list[tuple[int, str]]) -> Iterator[tuple[str, ...]]:
    of_files = any(400 <= column < 500 for column in (*columns, *(column for column, _ in conditions)))
    for row in _file_rows(double) if of_files else _collection_rows(double):
        if all(_holds(row.get(column, ""), condition) for column, condition in conditions):
            yield tuple(row.get(column, "") for column in columns)


def _holds(value: str, condition: str) -> bool:
    match = re.fullmatch(r"(=|<>) '(.*)'", condition, re.DOTALL)
    assert match, f"this double does not know the condition {condition!r}"
    return (value == match[2]) is (match[1] == "=")


def _collection_rows(double: IrodsDouble) -> Iterator[dict[int, str]]:
    for path, number in double.collections.items():
        yield _collection_row(double, path, number)


def _collection_row(double: IrodsDouble, path: str, number: int) -> dict[int, str]:
    time = "01700000000"
    row = {500: str(number), 501: path, 502: path.rpartition("/")[0] or "/", 506: "0", 508: time, 509: time}
    return {**row, 503: double.user, 504: double.zone}


def _file_rows(double: IrodsDouble) -> Iterator[dict[int, str]]:
    for stored in list(double.files.values()):
        folder, _, name = stored.path.rpartition("/")
        above = _collection_row(double, folder, double.collections[folder])
        for replica, status in enumerate(stored.statuses):
            size = len(stored.data) if status == "1" else stored.stale_size
            yield {
                **above,
                401: str(stored.number),
                402: above[500],
                403: name,
                404: str(replica),
                407: str(size),
                413: status,
                415: stored.checksum if status == "1" else "",
                419: f"{stored.modified:011}",
                420: f"{stored.modified:011}",
            }


def _table(columns: list[int], rows: Iterable[tuple[str, ...]], following: int) -> str:
    found = list(rows)
    results = "".join(
        f"<SqlResult_PI><attriInx>{column}</attriInx><reslen>1</reslen>"
        + "".join(f"<value>{escape(row[position])}</value>" for row in found)
        + "</SqlResult_PI>"
        for position, column in enumerate(columns)
    )
    return (
        f"<GenQueryOut_PI><rowCnt>{len(found)}</rowCnt><attriCnt>{len(columns)}</attriCnt>"
        f"<continueInx>{following}</continueInx><totalRowCount>0</totalRowCount>{results}</GenQueryOut_PI>"
    )
