"""A stack that is killed again and again while clients write keeps what it acknowledged, and shows nothing by half."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import subprocess
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError
from stack_client import StackClient

from hca_local import control
from hca_local.options import choose
from hca_local.root import Root, open_root
from hca_local.state import State, is_held

SEED = 20240501
ROUNDS = 100 if os.environ.get("HCA_SOAK") == "1" else 6
CLIENTS = 5
VERSION = "2024-05-01T120000.000000Z"
ASYNC_THRESHOLD = 50_000  # bytes, so that some files are copied in the background
LARGEST = 100_000  # bytes
PATIENCE = 20.0  # seconds for a background copy that was begun again
GONE = (OSError, http.client.HTTPException, BotoCoreError)  # what a client sees of a death


@dataclass
class Facts:
    """What was tried, and which of it was acknowledged, by name."""

    tried: dict[str, Any] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)

    @contextmanager
    def trying(self, name: str, value: Any) -> Iterator[None]:
        """Note what the block tries, and that it was acknowledged if the block does not raise."""
        self.tried[name] = value
        yield
        self.acknowledged.add(name)

    def check(self, found: dict[str, Any]) -> None:
        """Compare with what is there: everything acknowledged, and nothing that was not tried like that."""
        assert self.acknowledged <= found.keys(), f"{len(self.acknowledged - found.keys())} are lost"
        different = [name for name, value in found.items() if self.tried[name] != value]
        assert not different


@dataclass
class Ledger:
    """What one life of the stack was asked for."""

    objects: Facts = field(default_factory=Facts)
    files: Facts = field(default_factory=Facts)
    later: Facts = field(default_factory=Facts)  # files that are copied in the background
    bundles: Facts = field(default_factory=Facts)
    collections: Facts = field(default_factory=Facts)
    subscriptions: Facts = field(default_factory=Facts)
    jobs: Facts = field(default_factory=Facts)


class Writer:
    """A client that writes one thing after the other until the service is gone."""

    def __init__(self, client: StackClient, ledger: Ledger, chance: random.Random) -> None:
        self._client = client
        self._ledger = ledger
        self._chance = chance
        self._files: list[str] = []
        self._subscribed = False  # a user has at most 100 subscriptions

    def __call__(self) -> None:
        try:
            while True:
                self._file()
                bundle = self._bundle()
                self._chance.choice((self._collection, self._checkout, self._subscription))(bundle)
        except GONE:
            pass

    def _file(self) -> None:
        name, content = self._name(), self._chance.randbytes(self._chance.randrange(LARGEST))
        with self._ledger.objects.trying(name, content):
            url = self._client.stage(name, content)
        kind = self._ledger.later if len(content) > ASYNC_THRESHOLD else self._ledger.files
        with kind.trying(name, content):
            self._put(f"/files/{name}", {"source_url": url, "creator_uid": 1}, version=VERSION)
        if kind is self._ledger.files:
            self._files.append(name)

    def _bundle(self) -> str:
        name, files = self._name(), self._files[-self._chance.randint(1, 5) :]
        entries = [
            {"uuid": file, "version": VERSION, "name": f"part/{number}", "indexed": False}
            for number, file in enumerate(files)
        ]
        with self._ledger.bundles.trying(name, entries):
            self._put(f"/bundles/{name}", {"creator_uid": 1, "files": entries}, version=VERSION, replica="aws")
        return name

    def _collection(self, bundle: str) -> None:
        name, link = self._name(), {"type": "bundle", "uuid": bundle, "version": VERSION}
        body = {"name": "n", "description": "d", "details": {}, "contents": [link]}
        with self._ledger.collections.trying(name, body):
            self._put("/collections", body, uuid=name, version=VERSION, replica="aws")

    def _checkout(self, bundle: str) -> None:
        status, answer = self._client.send("POST", f"/bundles/{bundle}/checkout", {}, replica="aws")
        assert status == 200, answer
        with self._ledger.jobs.trying(answer["checkout_job_id"], "SUCCEEDED"):
            pass

    def _subscription(self, bundle: str) -> None:
        if self._subscribed:
            return
        self._subscribed, replica = True, self._chance.choice(("aws", "gcp"))
        body = {"callback_url": f"http://127.0.0.1:9/{bundle}", "jmespath_query": "never"}
        with self._ledger.subscriptions.trying(body["callback_url"], replica):
            self._put("/subscriptions", body, replica=replica)

    def _put(self, path: str, body: Any, **query: Any) -> Any:
        status, answer = self._client.send("PUT", path, body, **query)
        assert status in (200, 201, 202), answer
        return answer

    def _name(self) -> str:
        return str(uuid.UUID(int=self._chance.getrandbits(128), version=4))


class Reader:
    """Looks for what a ledger has."""

    def __init__(self, client: StackClient) -> None:
        self._client = client

    def check(self, ledger: Ledger) -> None:
        """Compare what is there with what was tried and acknowledged."""
        ledger.objects.check(self._found(ledger.objects, self._object))
        ledger.files.check(self._found(ledger.files, self._content))
        at_last = {name: self._wait(lambda name=name: self._content(name)) for name in ledger.later.acknowledged}
        ledger.later.check({**self._found(ledger.later, self._content), **at_last})
        bundles = self._found(ledger.bundles, self._entries)
        ledger.bundles.check(bundles)
        ledger.collections.check(self._found(ledger.collections, self._collection))
        ledger.jobs.check(self._found(ledger.jobs, self._outcome))

    def check_lists(self, ledgers: list[Ledger]) -> None:
        """Compare all that list bundles, and the subscriptions, with what was acknowledged in all lives."""
        listed = {one["uuid"] for one in self._client.pages("GET", "/bundles/all", "bundles", replica="gcp")}
        assert {name for ledger in ledgers for name in ledger.bundles.acknowledged} <= listed
        assert listed <= {name for ledger in ledgers for name in ledger.bundles.tried}
        assert self._searched() == listed
        assert self._journalled() == listed
        for replica in ("aws", "gcp"):
            status, answer = self._client.send("GET", "/subscriptions", replica=replica)
            assert status == 200
            found = {one["callback_url"] for one in answer["subscriptions"]}
            assert {
                url
                for ledger in ledgers
                for url in ledger.subscriptions.acknowledged
                if ledger.subscriptions.tried[url] == replica
            } <= found

    def _found(self, facts: Facts, find: Callable[[str], Any]) -> dict[str, Any]:
        found = {name: find(name) for name in facts.tried}
        return {name: value for name, value in found.items() if value is not None}

    def _object(self, name: str) -> bytes | None:
        try:
            content: bytes = self._client.s3.get_object(Bucket="staging", Key=name)["Body"].read()
        except self._client.s3.exceptions.NoSuchKey:
            return None
        return content

    def _content(self, name: str) -> bytes | None:
        status, _ = self._client.send("HEAD", f"/files/{name}", replica="gcp", version=VERSION)
        if status == 404:
            return None
        with urllib.request.urlopen(self._client.location(f"/files/{name}", replica="gcp"), timeout=30) as answer:
            return bytes(answer.read())

    def _entries(self, name: str) -> list[dict[str, Any]] | None:
        answer = self._get(f"/bundles/{name}")
        keys = ("uuid", "version", "name", "indexed")
        return answer and [{key: one[key] for key in keys} for one in answer["bundle"]["files"]]

    def _collection(self, name: str) -> Any:
        answer = self._get(f"/collections/{name}")
        return answer and {key: value for key, value in answer.items() if key != "owner"}

    def _outcome(self, name: str) -> Any:
        def outcome() -> str | None:
            answer = self._get(f"/bundles/checkout/{name}")
            return answer["status"] if answer["status"] != "RUNNING" else None

        return self._wait(outcome)

    def _get(self, path: str) -> Any:
        status, answer = self._client.send("GET", path, replica="aws")
        assert status in (200, 404), answer
        return answer if status == 200 else None

    def _searched(self) -> set[str]:
        body = {"es_query": {}}
        results = self._client.pages("POST", "/search", "results", body, replica="aws", per_page=500)
        return {one["bundle_fqid"].partition(".")[0] for one in results}

    def _journalled(self) -> set[str]:
        """The bundles of which there are events, each where its journal says."""
        found = set()
        for journal in self._client.pages("GET", "/events", "event_streams", replica="aws", per_page=10):
            with urllib.request.urlopen(journal["stream_url"], timeout=30) as answer:
                content = answer.read()
            for event in journal["events"]:
                document = json.loads(content[event["offset"] : event["offset"] + event["size"]])
                info = document["bundle_info"]
                assert f"{info['uuid']}.{info['version']}" == event["event_id"]
                found.add(info["uuid"])
        return found

    def _wait(self, look: Callable[[], Any]) -> Any:
        """What `look` finds as soon as it finds something."""
        end = time.monotonic() + PATIENCE
        while (found := look()) is None and time.monotonic() < end:
            time.sleep(0.02)
        return found


def write_until_killed(root: Root, state: State, ledger: Ledger, chance: random.Random) -> None:
    """Let clients write, and kill the stack after a moment."""
    writers = [Writer(StackClient(root, state), ledger, random.Random(chance.random())) for _ in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        writing = [pool.submit(writer) for writer in writers]
        time.sleep(chance.uniform(0.02, 0.4))
        os.kill(state.pid, signal.SIGKILL)
        for one in writing:
            one.result()


def die_young(root: Root, chance: random.Random) -> None:
    """Kill the stack while it starts."""
    with subprocess.Popen([*control.COMMAND, "--root", str(root.path)], stderr=subprocess.DEVNULL) as process:
        time.sleep(chance.uniform(0.1, 0.6))
        process.kill()


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Root]:
    root = open_root(tmp_path / "stack")
    choose(root, {"async_threshold": ASYNC_THRESHOLD})
    yield root
    if is_held(root):
        control.stop(root)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_death_loses_or_halves_anything(root: Root) -> None:
    chance = random.Random(SEED)
    ledgers: list[Ledger] = []
    for number in range(ROUNDS):
        if number % 6 == 5:
            die_young(root, chance)
        state, _ = control.start(root)
        if number % 3 == 0:
            look(StackClient(root, state), ledgers)
        ledgers.append(Ledger())
        write_until_killed(root, state, ledgers[-1], chance)
    state, _ = control.start(root)
    look(StackClient(root, state), ledgers)


def look(client: StackClient, ledgers: list[Ledger]) -> None:
    """Look for what was written in the last lives, and at all that is listed."""
    reader = Reader(client)
    try:
        for ledger in ledgers[-3:]:
            reader.check(ledger)
        reader.check_lists(ledgers)
    except AssertionError as error:
        raise AssertionError(f"after life {len(ledgers)} with seed {SEED}") from error
