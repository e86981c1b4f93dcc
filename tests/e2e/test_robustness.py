"""A whole stack under many clients at once, and under requests that are made to hurt it."""

from __future__ import annotations

import http.client
import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from stack_client import StackClient

from hca_local import control
from hca_local.root import Root, open_root
from hca_local.state import State

CLIENTS = 200
VERSION = "2024-05-01T120000.000000Z"
MIB = 1024 * 1024
MOST_MEMORY = 300 * MIB  # more than before, whatever is sent


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Root, State]]:
    root = open_root(tmp_path_factory.mktemp("robustness") / "stack")
    state, _ = control.start(root)
    yield root, state
    control.stop(root)


@pytest.fixture
def client(stack: tuple[Root, State]) -> StackClient:
    return StackClient(*stack)


def uuid(kind: str, number: int) -> str:
    return f"{kind}0000000-0000-4000-8000-{number:012d}"


# ── many clients ──


def use_everything(client: StackClient, number: int) -> list[int]:
    """The statuses of a mixture of requests."""
    file, bundle, collection = uuid("a", number), uuid("b", number), uuid("c", number)
    content = json.dumps({"describedBy": "https://example.org/type/project/1.0.0/project", "n": number}).encode()
    source = {"source_url": client.stage(file, content, "application/json"), "creator_uid": 1}
    entry = {"uuid": file, "version": VERSION, "name": "project_0.json", "indexed": True}
    link = {"type": "bundle", "uuid": bundle, "version": VERSION}
    told = {"name": "n", "description": "d", "details": {}, "contents": [link]}
    query = {"es_query": {"query": {"term": {"files.project_json.n": number}}}}
    where: dict[str, Any] = {"replica": "aws", "version": VERSION}
    answers = [
        client.send("PUT", f"/files/{file}", source, version=VERSION),
        client.send("PUT", f"/bundles/{bundle}", {"creator_uid": 1, "files": [entry]}, **where),
        client.send("PUT", "/collections", told, uuid=collection, **where),
        client.send("POST", "/search", query, replica="gcp"),
        client.send("GET", f"/bundles/{bundle}", replica="aws", presignedurls=True),
        client.send("GET", "/events", replica="aws", per_page=10),
        client.send("HEAD", f"/files/{file}", replica="gcp"),
        client.send("GET", f"/files/{uuid('d', number)}", replica="gcp"),
    ]
    assert answers[3][1]["total_hits"] == 1
    return [status for status, _ in answers]


def all_at_once(number: int, act: Callable[[int], Any]) -> list[Any]:
    """What `act` returns for each number, all begun at the same time."""
    start = threading.Barrier(number)

    def begin(one: int) -> Any:
        start.wait()
        return act(one)

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(begin, range(number)))


@pytest.mark.slow
def test_200_clients_at_once(stack: tuple[Root, State]) -> None:
    clients = [StackClient(*stack, timeout=60) for _ in range(CLIENTS)]
    statuses = all_at_once(CLIENTS, lambda number: use_everything(clients[number], number))
    assert {tuple(one) for one in statuses} <= {(201, 201, 201, 200, 200, events, 200, 404) for events in (200, 206)}


def test_200_connections_that_say_nothing_disturb_nobody(stack: tuple[Root, State], client: StackClient) -> None:
    idle = [
        socket.create_connection(("127.0.0.1", stack[1].ports[service]), timeout=5)
        for service in ("dss", "s3")
        for _ in range(CLIENTS)
    ]
    try:
        use_everything(client, CLIENTS)
    finally:
        for one in idle:
            one.close()


# ── too much of everything ──


@pytest.fixture
def memory(stack: tuple[Root, State]) -> Iterator[None]:
    """Watches that the stack does not take much more memory during a test."""
    if sys.platform != "linux":
        pytest.skip("only Linux tells how much memory another process had at most")
    before = most_memory(stack[1].pid)
    yield
    assert most_memory(stack[1].pid) - before < MOST_MEMORY


def most_memory(pid: int) -> int:
    """The bytes that a process ever had in memory."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) * 1024


def put(port: int, path: str, body: Any, headers: dict[str, str]) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("PUT", path, body=body, headers=headers, encode_chunked=True)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


BUNDLE = f"/v1/bundles/{uuid('e', 1)}?replica=aws&version={VERSION}"
DENSE = {"lists": b"[[" + b"[]," * (10 * MIB) + b"[]]]", "numbers": b"[" + b"0," * (15 * MIB) + b"0]"}


@pytest.mark.usefixtures("memory")
@pytest.mark.parametrize("size", [33 * MIB, 200 * MIB])
def test_a_huge_body_is_refused(stack: tuple[Root, State], client: StackClient, size: int) -> None:
    def blocks() -> Iterator[bytes]:
        yield from [b" " * MIB] * (size // MIB)

    announced = {**client.headers, "Content-Length": str(size)}
    for headers in (announced, {**client.headers, "Transfer-Encoding": "chunked"}):
        status, answer = put(stack[1].ports["dss"], BUNDLE, blocks(), headers)
        assert (status, json.loads(answer)["code"]) == (413, "body_too_large")


@pytest.mark.usefixtures("memory")
@pytest.mark.parametrize("body", DENSE.values(), ids=DENSE)
def test_a_body_of_very_many_values_is_refused(stack: tuple[Root, State], client: StackClient, body: bytes) -> None:
    assert len(body) < 32 * MIB
    status, answer = put(stack[1].ports["dss"], BUNDLE, body, client.headers)
    assert (status, json.loads(answer)["code"]) == (400, "illegal_arguments")


@pytest.mark.usefixtures("memory")
def test_a_body_that_nobody_reads_takes_no_room(stack: tuple[Root, State]) -> None:
    body = b" " * (20 * MIB)
    answers = all_at_once(20, lambda _: put(stack[1].ports["dss"], BUNDLE, body, {}))
    assert {status for status, _ in answers} == {401}


@pytest.mark.usefixtures("memory")
def test_an_object_in_one_huge_chunk_takes_no_room(stack: tuple[Root, State]) -> None:
    headers = {"Transfer-Encoding": "chunked", "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    status, _ = put(stack[1].ports["s3"], "/staging/x", iter([b" " * (400 * MIB)]), headers)
    assert status == 403


@pytest.mark.slow
def test_a_bundle_of_100_000_files(stack: tuple[Root, State]) -> None:
    client = StackClient(*stack, timeout=60)
    file = uuid("a", CLIENTS + 1)
    source = {"source_url": client.stage(file, b"ACGT"), "creator_uid": 1}
    assert client.send("PUT", f"/files/{file}", source, version=VERSION)[0] == 201
    entries = [
        {"uuid": file, "version": VERSION, "name": f"reads/{number}.fastq", "indexed": False}
        for number in range(100_000)
    ]
    bundle = f"/bundles/{uuid('f', 1)}"
    status, answer = client.send("PUT", bundle, {"creator_uid": 1, "files": entries}, replica="aws", version=VERSION)
    assert status == 201, answer
    status, answer = client.send("GET", bundle, replica="gcp", start_at=99_999)
    assert (status, [one["name"] for one in answer["bundle"]["files"]]) == (200, ["reads/99999.fastq"])
