"""The services on this machine, for uploads."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.peers import HCA
from bench.place import Place, person
from bench.stub import legacy_person

__all__ = ["Stack", "running"]


@dataclass(frozen=True)
class Stack:
    """A running local stack; `environ` is what a shell has after `eval "$(hca local env)"`."""

    root: Path
    environ: dict[str, str]
    facts: dict[str, Any]

    @property
    def keys(self) -> tuple[str, str]:
        """The id and the secret key that the object store accepts."""
        lines = (self.root / "aws-credentials").read_text().splitlines()
        found = dict(line.split(" = ", 1) for line in lines if " = " in line)
        return found["aws_access_key_id"], found["aws_secret_access_key"]

    def resident(self) -> float:
        """Return the memory that the stack has now, in MB."""
        status = Path(f"/proc/{self.facts['pid']}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) * 1024 / 1e6

    def hca(self, *words: str) -> Any:
        """Run a command and return its JSON."""
        done = subprocess.run([HCA, *words], env=self.environ, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    def legacy_environ(self) -> dict[str, str]:
        """Return the environment of somebody who uploads with the legacy client."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self.facts["swagger_url"]) as answer:
            description = json.load(answer)
        token = json.loads((self.root / "secrets.json").read_text())["owner_token"]
        url = f"{self.facts['dss_url']}/v1"
        kept = {name: value for name, value in self.environ.items() if name.startswith("AWS_")}
        return {**legacy_person(self.root.parent / "legacy-home", description, url, token), **kept}


@contextmanager
def running(place: Place) -> Iterator[Stack]:
    """Give a new stack, which is gone afterwards."""
    folder = place.folder("stack", on_disk=True)
    environ = {**person(folder / "home"), "HCA_LOCAL_ROOT": str(folder / "stack")}
    stack = Stack(folder / "stack", environ, {})
    stack.facts.update(stack.hca("local", "up"))
    try:
        shown = subprocess.run([HCA, "local", "env"], env=environ, capture_output=True, text=True, check=True)
        environ.update(_exports(shown.stdout))
        yield stack
    finally:
        subprocess.run([HCA, "local", "down"], env=environ, check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(folder, ignore_errors=True)


def _exports(script: str) -> dict[str, str]:
    words = [shlex.split(line) for line in script.splitlines() if line.startswith("export ")]
    return dict(word.split("=", 1) for _, *assignments in words for word in assignments)
