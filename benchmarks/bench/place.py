"""Where a benchmark works: its sizes, its folders, its peers."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.peers import Peers

__all__ = ["GIB", "KIB", "MIB", "Place", "emptied", "free_port", "opened", "person"]

KIB, MIB, GIB = 1024, 1024**2, 1024**3
_MEMORY = Path("/dev/shm")  # files there cost no disk, which would hide everything else


@dataclass(frozen=True)
class Place:
    """What every group needs. `share` makes all sizes smaller, to try things out; `rounds` is how often to run."""

    peers: Peers
    memory: Path
    disk: Path
    share: float = 1.0
    rounds: int = 5

    def size(self, full: int) -> int:
        """Return a size or a number of files, made smaller."""
        return max(1, int(full * self.share))

    def folder(self, name: str, *, on_disk: bool = False) -> Path:
        """Return a new folder."""
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.disk if on_disk else self.memory))


@contextmanager
def opened(peers: Peers, share: float, rounds: int) -> Iterator[Place]:
    """Give a place that is gone afterwards."""
    disk = Path(tempfile.mkdtemp(prefix="hca-bench-"))
    in_memory = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > 6 * GIB
    memory = Path(tempfile.mkdtemp(prefix="hca-bench-", dir=_MEMORY)) if in_memory else disk
    try:
        yield Place(peers, memory, disk, share, rounds)
    finally:
        for folder in {disk, memory}:
            shutil.rmtree(folder, ignore_errors=True)


def person(home: Path) -> dict[str, str]:
    """Return the environment of somebody who lives in `home` and has set nothing up; only this machine is reachable."""
    home.mkdir(parents=True, exist_ok=True)
    nowhere = "http://127.0.0.1:9"
    return {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "AWS_EC2_METADATA_DISABLED": "true",
        "https_proxy": nowhere,
        "http_proxy": nowhere,
        "no_proxy": "127.0.0.1,localhost",
    }


def emptied(*folders: Path) -> Callable[[], None]:
    """Return what empties folders."""

    def empty() -> None:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)

    return empty


def free_port() -> int:
    """Return a port on which nobody listens now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
