"""The results as data: rows by group, the machine and the versions of the peers, and nothing that names anybody."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import time
from dataclasses import asdict
from typing import Any

from bench.peers import Peers
from bench.place import GIB, MIB
from bench.row import Row

__all__ = ["as_json", "sha256_speed"]

_VERSION_WORDS = {"openssl": "version", "nginx": "-v"}


def as_json(rows: dict[str, list[Row]], peers: Peers) -> str:
    """Return everything as JSON."""
    found = {
        "machine": {"processors": os.cpu_count(), "architecture": platform.machine(), "sha256_gib_s": sha256_speed()},
        "python": platform.python_version(),
        "peers": {name: _version(name, path) for name, path in peers.programs.items() if name != "legacy"},
        "left_out": list(peers.missing.values()),
        "groups": {group: [_record(row) for row in found] for group, found in rows.items()},
    }
    return json.dumps(found, indent=2) + "\n"


def sha256_speed() -> float:
    """Return how many GiB one processor hashes in a second of its time; some have instructions for it, others not."""
    block, digest = bytes(MIB), hashlib.sha256()
    began = time.process_time()
    for _ in range(64):
        digest.update(block)
    return round(64 * MIB / GIB / (time.process_time() - began), 2)


def _record(row: Row) -> dict[str, Any]:
    figures = {key: round(value, 4) if isinstance(value, float) else value for key, value in asdict(row).items()}
    return {**figures, "ratio": round(row.ratio, 3) if row.ratio is not None else None, "verdict": row.verdict}


def _version(name: str, path: str) -> str:
    words = [path, _VERSION_WORDS.get(name, "--version")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return " ".join((done.stdout or done.stderr).partition("\n")[0].split()[:3])
