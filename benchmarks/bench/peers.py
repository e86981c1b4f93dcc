"""Finds the programs that we compare ourselves with, and puts two of them into environments of their own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["HCA", "PYTHON", "Peers", "find"]

PYTHON = sys.executable
HCA = str(Path(PYTHON).with_name("hca"))
_ON_PATH = ("nginx", "curl", "aria2c", "rclone", "openssl")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass
class Peers:
    """Where programs are, by name; `missing` tells why others are not there."""

    programs: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.programs

    def __getitem__(self, name: str) -> str:
        return self.programs[name]

    def why(self, name: str) -> str:
        """Return why a program is not there."""
        return self.missing.get(name, "")


def find(environments: Path, *, install: bool = True) -> Peers:
    """Look for all peers; those from the package index are installed below `environments` if they are not yet."""
    peers = Peers()
    for name in _ON_PATH:
        found = shutil.which(name) or shutil.which(name, path=_PATH)
        if found:
            peers.programs[name] = found
        else:
            peers.missing[name] = f"{name} is not installed (Debian: apt install {_package(name)})"
    _add(peers, "aws", environments / "aws", [["awscli"]], "import awscli.clidriver", install)
    # The last release refuses to be installed; the one before it needs a newer tenacity on today's Python.
    wanted = [["hca<8"], ["--no-deps", "--upgrade", "tenacity"]]
    _add(peers, "legacy", environments / "legacy", wanted, "import hca.cli", install)
    return peers


def _package(name: str) -> str:
    return {"nginx": "nginx-light", "aria2c": "aria2"}.get(name, name)


def _add(peers: Peers, name: str, folder: Path, wanted: list[list[str]], check: str, install: bool) -> None:
    program = folder / "bin" / ("hca" if name == "legacy" else name)
    if not program.exists() and install:
        print(f"installing {name} from the package index into {folder} …", file=sys.stderr)
        _install(folder, wanted)
    if program.exists() and _runs([str(folder / "bin" / "python"), "-I", "-c", check]):
        peers.programs[name] = str(program)
    else:
        peers.missing[name] = f"{name} could not be installed from the package index"


def _install(folder: Path, wanted: list[list[str]]) -> None:
    if _runs([PYTHON, "-m", "venv", str(folder)]):
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        all(_runs([*pip, *packages]) for packages in wanted)


def _runs(words: list[str]) -> bool:
    return subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0
