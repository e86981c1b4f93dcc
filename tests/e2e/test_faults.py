"""Everything that can go wrong between hca and a service, in every kind of transfer: all arrives, or there is an error.

Each test prints a line of the table in docs/faults.md (`pytest -s`), and compares it.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from uuid import UUID, uuid5

import pytest
from proxied_stack import ProxiedStack, proxied_stack

from hca_core.credentials.store import Login, TokenStore
from hca_core.testing import Answer, FakeServer, Result, faults, run
from hca_core.testing.faults import Fault
from hca_core.testing.proxy import Rule

DOCUMENT = Path(__file__).parents[2] / "docs" / "faults.md"

BUNDLE = "11111111-2222-4333-8444-555555555555"
AFTER = 2000  # bytes after which it happens
WHERE = ("--replica", "aws", "--staging-bucket", "staging")

chance = random.Random(20240501)
CONTENTS = {
    "project_0.json": json.dumps({"describedBy": "https://example.org/project"}).encode(),
    "cells/reads_1.fastq": chance.randbytes(150_000),
    "cells/reads_2.fastq": chance.randbytes(1_300_000),
}
OTHER = chance.randbytes(1_300_000)


@dataclass(frozen=True)
class Trouble:
    """A row of the table: what goes wrong with the bytes that are fetched, with what a service says, and with the bytes
    that are sent. None of it is there where it cannot happen.

    `ranged` faults happen to requests for a part of a file, which there are after a cut. If it is `replaced`, an object
    that was sent is another one when the service takes it.
    """

    fetch: Fault | None = None
    ask: Fault | None = None
    send: Fault | None = None
    ranged: bool = False
    replaced: bool = False
    secure: bool = False
    patience: float = 20.0  # seconds


def _refused(code: str, status: int = 403) -> Fault:
    words = f"<Error><Code>{code}</Code><Message>It is over</Message></Error>".encode()
    return faults.answer(Answer(status, words, {"Content-Type": "application/xml"}))


TROUBLES: Mapping[str, Trouble] = {
    "the connection is closed in the middle": Trouble(faults.cut(AFTER), faults.cut(10), faults.cut(AFTER, "request")),
    "the connection is reset in the middle": Trouble(
        faults.reset(AFTER), faults.reset(10), faults.reset(AFTER, "request")
    ),
    "nothing more comes": Trouble(faults.stall(AFTER), faults.stall(10), faults.stall(AFTER, "request"), patience=0.5),
    "a few bytes come at a time": Trouble(
        faults.dribble(100_000, 0.01), faults.dribble(100, 0.01), faults.dribble(100_000, 0.01, "request")
    ),
    "a byte is wrong": Trouble(faults.corrupt(AFTER), faults.corrupt(0), faults.corrupt(AFTER, "request")),
    "the length is too large": Trouble(faults.lie(100), faults.lie(100), faults.lie(100)),
    "the length is too small": Trouble(faults.lie(-100), faults.lie(-100)),
    "200 to a Range": Trouble(faults.ignore_range(), ranged=True),
    "206 from another place": Trouble(faults.shift(100), ranged=True),
    "416": Trouble(faults.unsatisfiable(), faults.unsatisfiable(), faults.unsatisfiable(), ranged=True),
    "429 with Retry-After": Trouble(faults.busy(429), faults.busy(429), faults.busy(429)),
    "503 with Retry-After": Trouble(faults.busy(503), faults.busy(503), faults.busy(503)),
    "301 to itself": Trouble(faults.loop(), faults.loop(), faults.loop()),
    "the signed address or the login expires": Trouble(
        faults.expired(), faults.answer(Answer.problem(401, "unauthorized", "It is over")), _refused("ExpiredToken")
    ),
    "the object is replaced between two parts": Trouble(faults.swap(OTHER, '"other"'), ranged=True, replaced=True),
    "the answer is lost": Trouble(faults.lose(), faults.lose(), faults.lose()),
    "TLS ends without a farewell": Trouble(
        faults.truncate(AFTER), faults.truncate(10), faults.truncate(AFTER, "request"), secure=True
    ),
}


# Kinds of transfer, and whether it goes wrong with the bytes of files, or with what the service says.
COLUMNS = (
    "download: bytes",
    "download: answers",
    "manifest: bytes",
    "manifest: answers",
    "upload: bytes",
    "upload: answers",
)


class Transfer:
    """A kind of transfer, in a folder of its own."""

    def __init__(self, stack: ProxiedStack, published: Published, folder: Path, name: str) -> None:
        self.stack, self.published, self.folder = stack, published, folder
        self.uuid = str(uuid5(UUID(BUNDLE), name))

    def spoil(self, trouble: Trouble, of: str, times: int | None) -> Rule | None:
        """Let the trouble begin, with the bytes or with the answers; None if it cannot."""
        raise NotImplementedError

    def run(self) -> Result:
        raise NotImplementedError

    def check(self, *, complete: bool) -> None:
        """Look at what there is: nothing of it may be wrong, and nothing may be missing if it is complete."""
        raise NotImplementedError


class Download(Transfer):
    @property
    def words(self) -> tuple[str, ...]:
        return ("download", "--bundle-uuid", BUNDLE)

    def spoil(self, trouble: Trouble, of: str, times: int | None) -> Rule | None:
        if of == "answers":
            return trouble.ask and self.stack.dss.fail(trouble.ask, "GET", "/v1/[bf]*", times=times)
        if trouble.fetch is None or not trouble.ranged:
            return trouble.fetch and self.stack.s3.fail(trouble.fetch, "GET", times=times)
        rule = self.stack.s3.fail(trouble.fetch, "GET", times=times, ranged=True)
        self.stack.s3.fail(faults.cut(AFTER), "GET", times=times)
        return rule

    def run(self) -> Result:
        patience = ("--num-retries", "2", "--min-delay-seconds", "0.01")
        return run("dss", *self.words, "--replica", "aws", "--download-dir", str(self.folder), *patience)

    def check(self, *, complete: bool) -> None:
        found = files_in(self.folder)
        seen = {name.partition("/")[2]: found[name] for name in found if name.startswith(BUNDLE)}
        assert {**self.published.documents, **seen} == self.published.documents
        if complete:
            assert seen.keys() == self.published.documents.keys()
            assert not unfinished(self.folder)


class DownloadManifest(Download):
    @property
    def words(self) -> tuple[str, ...]:
        return ("download-manifest", "--layout", "bundle", "--manifest", str(self.published.manifest))


class Upload(Transfer):
    seconds = 60  # to wait for what another upload of the same file may still do

    def spoil(self, trouble: Trouble, of: str, times: int | None) -> Rule | None:
        if of == "bytes":
            return trouble.send and self.stack.s3.fail(trouble.send, "PUT", times=times)
        if trouble.replaced:
            self.seconds = 1
        fault = faults.act(self._replace, of="request") if trouble.replaced else trouble.ask
        return fault and self.stack.dss.fail(fault, "PUT", "/v1/[bf]*", times=times)

    def _replace(self) -> None:
        path = next(one.path for one in reversed(self.stack.s3.passages) if one.method == "PUT")
        _, bucket, key = path.split("/", 2)
        self.stack.s3_client().put_object(Bucket=bucket, Key=key, Body=OTHER)

    def run(self) -> Result:
        what = ("--src-dir", str(self.published.source), "--bundle-uuid", self.uuid)
        return run("dss", "upload", *what, *WHERE, "--timeout-seconds", str(self.seconds))

    def check(self, *, complete: bool) -> None:
        words = ("--bundle-uuid", self.uuid, "--replica", "aws", "--download-dir", str(self.folder))
        result = run("dss", "download", *words)
        assert result.code == (0 if complete else 7), result.stderr
        seen = {
            name.partition("/")[2]: data for name, data in files_in(self.folder).items() if name.startswith(self.uuid)
        }
        seen.pop("bundle.json", None)
        assert seen == (CONTENTS if complete else {})


@dataclass(frozen=True)
class Published:
    """A bundle that is there: its `source` folder, a `manifest`, and the files that a download makes."""

    source: Path
    manifest: Path
    documents: Mapping[str, bytes]


TRANSFERS: Mapping[str, type[Transfer]] = {"download": Download, "manifest": DownloadManifest, "upload": Upload}


def files_in(folder: Path) -> dict[str, bytes]:
    """Return what somebody may take for whole files; those in the store must be what they are called."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    whole = {name: path.read_bytes() for name, path in found.items() if not is_unfinished(name)}
    for name, data in whole.items():
        assert not name.startswith(".hca/") or hashlib.sha256(data).hexdigest() == name.rpartition("/")[2]
    return whole


def unfinished(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if is_unfinished(path.name)]


def is_unfinished(name: str) -> bool:
    return re.search(r"\.part(\.json)?$", name) is not None


def publish(folder: Path) -> Published:
    """Upload the bundle and download it again."""
    source = folder / "source"
    for name, data in CONTENTS.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(data)
    uploaded = run("dss", "upload", "--src-dir", str(source), *WHERE, "--bundle-uuid", BUNDLE).json
    out = folder / "out"
    assert run("dss", "download", "--bundle-uuid", BUNDLE, "--replica", "aws", "--download-dir", str(out)).code == 0
    (bundle,) = out.glob(f"{BUNDLE}.*")
    rows = [("bundle_uuid", "bundle_version", "file_name", "file_uuid", "file_sha256", "file_size")]
    for file in json.loads((bundle / "bundle.json").read_bytes())["bundle"]["files"]:
        rows.append((BUNDLE, uploaded["version"], *(str(file[key]) for key in ("name", "uuid", "sha256", "size"))))
    (folder / "manifest.tsv").write_text("".join("\t".join(row) + "\n" for row in rows))
    return Published(source, folder / "manifest.tsv", files_in(bundle))


Serve = Callable[[Trouble], tuple[ProxiedStack, Published]]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Give a stack with a bundle in it, made as a trouble needs it when it is first asked for."""
    made: dict[tuple[bool, float], tuple[ProxiedStack, Published]] = {}
    with ExitStack() as opened:

        def serve(trouble: Trouble) -> tuple[ProxiedStack, Published]:
            key = (trouble.secure, trouble.patience)
            if key not in made:
                folder = tmp_path_factory.mktemp("served")
                settings = {"network": {"retries": 2, "read_timeout": trouble.patience}}
                stack = opened.enter_context(proxied_stack(folder, settings, secure=trouble.secure))
                with pytest.MonkeyPatch.context() as patch:
                    stack.enter(patch)
                    made[key] = stack, publish(folder)
            return made[key]

        yield serve


@pytest.mark.slow
@pytest.mark.parametrize("name", TROUBLES)
def test_what_arrives_is_whole_or_there_is_an_error(
    name: str, served: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trouble = TROUBLES[name]
    stack, published = served(trouble)
    stack.enter(monkeypatch)
    cells = []
    for column in COLUMNS:
        kind, _, of = column.partition(": ")
        outcomes = []
        for times in (1, None):
            place = f"{name} {column} {times}"
            transfer = TRANSFERS[kind](stack, published, tmp_path / place, place)
            outcomes.append(outcome(transfer, trouble, of, times))
        cells.append(", then ".join(dict.fromkeys(outcomes)))
    line = " | ".join(["", name, *cells, ""]).strip()
    print(line)
    assert line in rows()


def test_the_document_tells_of_every_trouble() -> None:
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows()] == list(TROUBLES)


def rows() -> list[str]:
    """Return the rows of the table in the document."""
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("|---")) + 1
    return list(takewhile(lambda line: line.startswith("|"), lines[start:]))


def outcome(transfer: Transfer, trouble: Trouble, of: str, times: int | None) -> str:
    """Do a transfer in trouble, look at what it leaves, and repeat it without; return how the first one ended."""
    transfer.stack.heal()
    rule = transfer.spoil(trouble, of, times)
    if rule is None:
        return "-"
    result = transfer.run()
    transfer.stack.heal()
    assert rule.hits, "the fault did not happen"
    assert "Traceback" not in result.stderr
    transfer.check(complete=result.code == 0)
    if result.code == 0:
        return "whole"
    assert result.code in (5, 6, 8, 9), result.stderr
    again = transfer.run()
    assert again.code == 0, f"{result.stderr}\n{again.stderr}"
    transfer.check(complete=True)
    return f"error {result.code}"


def test_a_login_that_ends_in_the_middle_is_renewed(
    served: Serve, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, published = served(Trouble())
    stack.enter(monkeypatch)
    monkeypatch.delenv("HCA_TOKEN")
    good, answered = stack.environ["HCA_TOKEN"], iter(range(2))

    def accept(headers: dict[str, str]) -> dict[str, str]:
        """Make the service take the old token for a good one, for a while."""
        old = headers.get("Authorization") == "Bearer old" and next(answered, None) is not None
        return {**headers, "Authorization": f"Bearer {good}"} if old else headers

    stack.dss.fail(Fault("an old token", ask=accept), "PUT", times=None)
    with FakeServer() as provider:
        provider.on("POST", "/token", Answer.json({"access_token": good, "token_type": "Bearer"}))
        login = Login("old", refresh_token="again", token_endpoint=f"{provider.url}/token", client_id="hca")
        TokenStore.of_user(os.environ).put(stack.dss.host, login)
        transfer = Upload(stack, published, tmp_path, "login")
        result = transfer.run()
        assert result.code == 0, result.stderr
        assert provider.count("POST", "/token") == 1
    assert next(answered, None) is None
    stack.heal()
    transfer.check(complete=True)


def test_a_download_goes_on_although_its_signed_addresses_have_changed(
    served: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the content that a partial file is known by: the addresses of each run are signed anew."""
    stack, published = served(Trouble())
    stack.enter(monkeypatch)
    transfer = Download(stack, published, tmp_path, "addresses")
    kept = 1_200_000
    stack.s3.fail(faults.cut(kept), "GET")
    stack.s3.fail(faults.cut(0), "GET", times=None)
    assert transfer.run().code == 9
    stack.heal()
    since = len(stack.s3.passages)
    stack.s3.fail(faults.expired(), "GET")
    assert transfer.run().code == 0
    transfer.check(complete=True)
    asked = [one for one in stack.s3.passages[since:] if one.range == f"bytes={kept}-"]
    assert [one.status for one in asked] == [403, 206]
    assert asked[1].received == len(CONTENTS["cells/reads_2.fastq"]) - kept
