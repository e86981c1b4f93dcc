"""One large file: over plain http, over TLS, and from a server that gives each connection little."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from bench.downloads import ours
from bench.place import GIB, MIB, Place, emptied
from bench.race import Contender, race
from bench.row import Row, by_time
from bench.stub import Stub, StubFile, serving

NEEDS = ("nginx", "curl", "openssl")
SLOW = 25 * MIB  # bytes per second and connection, as object stores give


def rows(place: Place) -> Iterator[Row]:
    """Download 1 GiB, verified, against programs that verify and programs that do not."""
    yield from plain(place)
    yield from over_tls(place)
    yield from throttled(place)


def plain(place: Place) -> Iterator[Row]:
    with serving(place) as stub:
        file, bundle = one_file(place, stub, place.size(GIB))
        contenders = [
            ours(stub, bundle),
            curl(place, stub, file),
            curl_and_openssl(place, stub, file),
            *aria2(place, stub, file, 4),
            *rclone(place, stub, file),
        ]
        runs = race(contenders, place.rounds)
    yield by_time("P3", "download 1 GiB, verified", runs, "curl", 1.2)
    yield by_time("P3", "download 1 GiB, verified", runs, "curl, then openssl", 0.7)
    yield by_time("-", "download 1 GiB, verified", runs, "aria2c -x4", None, why=place.peers.why("aria2c"))
    yield by_time("-", "download 1 GiB, verified", runs, "rclone copyurl", None, why=place.peers.why("rclone"))


def over_tls(place: Place) -> Iterator[Row]:
    with serving(place, tls=True) as stub:
        file, bundle = one_file(place, stub, place.size(GIB))
        runs = race([ours(stub, bundle), curl_and_openssl(place, stub, file)], place.rounds)
    yield by_time("P16", "download 1 GiB over TLS, verified", runs, "curl, then openssl", 1.0)


def throttled(place: Place) -> Iterator[Row]:
    with serving(place, limit_rate=str(SLOW)) as stub:
        file, bundle = one_file(place, stub, place.size(256 * MIB))
        contenders = [
            ours(stub, bundle),
            curl(place, stub, file),
            *aria2(place, stub, file, 16),
        ]
        runs = race(contenders, max(1, place.rounds // 2))
    what = "256 MiB at 25 MiB/s per connection"
    yield by_time("P15", what, runs, "aria2c -x16", 1.4, why=place.peers.why("aria2c"))
    yield by_time("P15", what, runs, "curl", 0.15)


def one_file(place: Place, stub: Stub, size: int) -> tuple[StubFile, str]:
    """Return a large file, and the bundle that it makes up."""
    file = stub.add_large("reads.bam", size)
    return file, stub.add_bundle([file])


def curl(place: Place, stub: Stub, file: StubFile) -> Contender:
    words = (place.peers["curl"], "-s", "-f", "-L", "-o", str(stub.out / file.name), stub.file_url(file))
    return Contender("curl", words, stub.environ, emptied(stub.out))


def curl_and_openssl(place: Place, stub: Stub, file: StubFile) -> Contender:
    trusted = stub.folder / "cert.pem"
    trust = ("--cacert", str(trusted)) if trusted.exists() else ()
    fetch = (place.peers["curl"], "-s", "-f", "-L", *trust, "-o", str(stub.out / file.name), stub.file_url(file))
    check = (place.peers["openssl"], "dgst", "-sha256", str(stub.out / file.name))
    words = ("sh", "-c", f"{shlex.join(fetch)} && {shlex.join(check)}")
    return Contender("curl, then openssl", words, stub.environ, emptied(stub.out))


def aria2(place: Place, stub: Stub, file: StubFile, connections: int) -> list[Contender]:
    if "aria2c" not in place.peers:
        return []
    many = ("-x", str(connections), "-s", str(connections), "-k", "1M", "--file-allocation=none", "--no-conf")
    words = (place.peers["aria2c"], "-q", *many, "-d", str(stub.out), "-o", file.name, stub.file_url(file))
    return [Contender(f"aria2c -x{connections}", words, stub.environ, emptied(stub.out))]


def rclone(place: Place, stub: Stub, file: StubFile) -> list[Contender]:
    if "rclone" not in place.peers:
        return []
    words = (place.peers["rclone"], "copyurl", "-q", stub.file_url(file), str(stub.out / file.name))
    return [Contender("rclone copyurl", words, stub.environ, emptied(stub.out))]
