"""The local stack: how soon it is there, how small it is, and how fast it answers."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench.groups.checksums import random_file
from bench.groups.large_file import curl
from bench.peers import HCA
from bench.place import GIB, KIB, Place, person
from bench.race import Contender, race
from bench.row import Row, by_memory, by_time, spaced
from bench.stack import Stack, running
from bench.stub import serving

NEEDS = ("nginx", "curl")
READY, IDLE, ANSWERS = 1.0, 80, 1500  # seconds, MB, per second


def rows(place: Place) -> Iterator[Row]:
    """Start it, look at it, ask it for a bundle many times, and fetch 1 GiB from its object store."""
    yield ready(place)
    with running(place) as stack:
        yield by_memory("P14", "local stack, idle memory", stack.resident(), IDLE)
        yield bundles(place, stack)
        yield from large_object(place, stack)


def ready(place: Place) -> Row:
    folder = place.folder("ready", on_disk=True)
    environ = {**person(folder / "home"), "HCA_LOCAL_ROOT": str(folder / "stack")}

    def down() -> None:
        subprocess.run([HCA, "local", "down"], env=environ, check=False, stderr=subprocess.DEVNULL)

    runs = race([Contender("hca", (HCA, "local", "up"), environ, down)], place.rounds)["hca"]
    down()
    return Row(
        "P14", "local stack, ready", "limit", 1.0, runs.seconds, READY, "s", runs.best, disturbance=runs.disturbance
    )


def bundles(place: Place, stack: Stack) -> Row:
    """Ask for one small bundle again and again, on 4 connections."""
    source = place.folder("bundle")
    for number in range(10):
        (source / f"file_{number}.bin").write_bytes(b"x" * KIB)
    words = ("dss", "upload", "--src-dir", str(source), "--replica", "aws", "--staging-bucket", "staging")
    made = stack.hca(*words)
    count = place.size(3000)
    url = f"{stack.facts['dss_url']}/v1/bundles/{made['bundle_uuid']}?replica=aws#[1-{count}]"
    asking = (place.peers["curl"], "-s", "-f", "-Z", "--parallel-max", "4", "-o", "/dev/null", url)
    runs = race([Contender("hca", asking, stack.environ)], place.rounds)["hca"]
    limit = count / ANSWERS
    what = f"local stack, {spaced(count)} x GET bundle"
    return Row(
        "P14", what, "1 500 a second", 1.0, runs.seconds, limit, "s", runs.best / limit, disturbance=runs.disturbance
    )


def large_object(place: Place, stack: Stack) -> Iterator[Row]:
    """Fetch an object from the store, and a file of the same size from nginx."""
    source = place.folder("object") / "object"
    random_file(source, place.size(GIB))
    url = f"{stack.facts['s3_url']}/staging/object"
    program = place.peers["curl"]
    signed = ("-s", "-f", "-K", str(signing(stack, source.parent)))
    subprocess.run([program, *signed, "-T", str(source), url], env=stack.environ, check=True)
    ours = Contender("hca", (program, *signed, "-o", "/dev/null", url), stack.environ)
    with serving(place) as stub:
        nginx = replace(curl(place, stub, stub.add_large("object", place.size(GIB))), name="nginx")
        nginx = replace(nginx, words=[*nginx.words[:-2], "/dev/null", nginx.words[-1]], before=lambda: None)
        runs = race([ours, nginx], place.rounds)
    yield by_time("P14", "local stack, 1 GiB through its S3", runs, "nginx", 2.0)


def signing(stack: Stack, folder: Path) -> Path:
    """Write how curl signs its requests; the key is not for the list of processes."""
    path = folder / "curl-config"
    path.touch(0o600)
    key_id, secret = stack.keys
    unread = "x-amz-content-sha256: UNSIGNED-PAYLOAD"
    path.write_text(f'aws-sigv4 = "aws:amz:us-east-1:s3"\nuser = "{key_id}:{secret}"\nheader = "{unread}"\n')
    return path
