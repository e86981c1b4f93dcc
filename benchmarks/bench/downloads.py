"""The contenders of downloads: ours, curl, and the legacy client, for one bundle of the stub."""

from __future__ import annotations

from collections.abc import Sequence

from bench.peers import HCA
from bench.place import Place, emptied
from bench.race import Contender
from bench.stub import Stub, StubFile

__all__ = ["curl_many", "legacy", "ours"]


def ours(stub: Stub, bundle: str, *, fresh: bool = True) -> Contender:
    """Download a bundle as users do, with default settings; into an empty folder if `fresh`."""
    words = ("dss", "download", "--bundle-uuid", bundle, "--replica", "aws", "--download-dir", str(stub.out))
    before = emptied(stub.out) if fresh else (lambda: None)
    return Contender("hca", (HCA, *words), stub.environ, before)


def curl_many(place: Place, stub: Stub, files: Sequence[StubFile], parallel: int) -> list[Contender]:
    """Download the same files with curl, many at a time, if it is there."""
    if "curl" not in place.peers:
        return []
    urls = [f'url = "{stub.file_url(file)}"\noutput = "{stub.out}/{file.name}"\n' for file in files]
    config = stub.folder / f"curl-{parallel}-{len(files)}"
    config.write_text("".join(urls))
    words = (place.peers["curl"], "-s", "-f", "-L", "-Z", "--parallel-max", str(parallel), "-K", str(config))
    return [Contender("curl", words, stub.environ, emptied(stub.out))]


def legacy(place: Place, stub: Stub, bundle: str, *, rounds: int = 2) -> list[Contender]:
    """Download with the legacy client, if it could be installed."""
    if "legacy" not in place.peers:
        return []
    program = place.peers["legacy"]
    words = (program, "dss", "download", "--bundle-uuid", bundle, "--replica", "aws", "--download-dir", str(stub.out))
    return [Contender("legacy", words, stub.legacy_environ(), emptied(stub.out), rounds)]
