"""The main job of hca from beginning to end, on this machine only. Run it with `make demo`.

Starts the local stack, then uploads a bundle, finds it, downloads it, compares every byte, interrupts a second download
half-way and resumes it. Each command is shown before it runs; the exit code is 0 only if all of that held.
"""

from __future__ import annotations

import filecmp
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import simulate_reads

SOURCE = Path(__file__).parent / "lung-bundle"
HCA = Path(sys.executable).with_name("hca")


def main() -> None:
    """Run the demonstration in a temporary folder, and leave nothing behind."""
    if not (SOURCE / "reads").exists():
        say("Simulate sequencing reads for the example bundle")
        simulate_reads.main(SOURCE / "reads")
    started = time.monotonic()
    work = Path(tempfile.mkdtemp(prefix="hca-demo-"))
    environ = {**private(os.environ), "HOME": str(work / "home"), "HCA_LOCAL_ROOT": str(work / "stack")}
    shell = Shell(work, environ)
    try:
        say("Start the services on this machine")
        shell.json("local", "up")
        shell.environ.update(exports(shell.text("local", "env")))
        transferred = demonstrate(shell)
    finally:
        say("Stop the services")
        shell.run("local", "down", check=False)
        shutil.rmtree(work, ignore_errors=True)
    say(f"Done: {transferred}; {time.monotonic() - started:.0f} s in all.")


def demonstrate(shell: Shell) -> str:
    """Upload, find, download, interrupt, resume; return what was measured."""
    files = [path for path in SOURCE.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)

    say(f"Upload {len(files)} files, {size / 1e6:.1f} MB")
    begun = time.monotonic()
    source = os.path.relpath(SOURCE, shell.folder)
    bundle = shell.json("dss", "upload", "--src-dir", source, "--replica", "aws", "--staging-bucket", "staging")
    upload_seconds = time.monotonic() - begun
    uuid = bundle["bundle_uuid"]
    name = f"{uuid}.{bundle['version']}"

    say("Show the bundle")
    shown = shell.json("dss", "get-bundle", "--uuid", uuid, "--replica", "aws", shown_lines=12)
    check(len(shown["bundle"]["files"]) == len(files), "the bundle lists every file")

    say("Find it by what its metadata says")
    query = {"query": {"match": {"files.specimen_from_organism_json.organ.text": "lung"}}}
    found = shell.json("dss", "post-search", "--replica", "aws", "--es-query", json.dumps(query), shown_lines=20)
    check([hit["bundle_fqid"] for hit in found["results"]] == [name], "the search finds this bundle")

    say("Download it elsewhere")
    begun = time.monotonic()
    shell.run("dss", "download", "--bundle-uuid", uuid, "--replica", "aws", "--download-dir", "first")
    download_seconds = time.monotonic() - begun
    check(same(files, shell.folder / "first" / name), "every byte is as in the source")

    say("Download it again, slowly, and kill the download half-way")
    second = ["dss", "download", "--bundle-uuid", uuid, "--replica", "aws", "--download-dir", "second"]
    kept = interrupt(shell, [*second, "--limit-rate", "4M"], shell.folder / "second", size // 2)
    check(0 < kept < size, f"{kept / 1e6:.1f} MB of it were kept")
    check(not (shell.folder / "second" / name / "reads").exists(), "no file is there in part")

    say("Resume")
    report = shell.folder / "report.jsonl"
    shell.run(*second, "--report", "report.jsonl")
    check(same(files, shell.folder / "second" / name), "every byte is as in the source")
    fetched = sum(json.loads(line)["transferred"] for line in report.read_text().splitlines())
    check(fetched < size, f"only {fetched / 1e6:.1f} of {size / 1e6:.1f} MB were fetched again")
    return (
        f"{len(files)} files, {size / 1e6:.1f} MB; "
        f"up in {upload_seconds:.1f} s ({size / 1e6 / upload_seconds:.1f} MB/s), "
        f"down in {download_seconds:.1f} s ({size / 1e6 / download_seconds:.1f} MB/s)"
    )


class Shell:
    """Runs `hca` commands in `folder`, showing each one first."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self.folder, self.environ = folder, environ

    def start(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        print(f"$ hca {shlex.join(words)}", flush=True)
        return subprocess.Popen([HCA, *words], cwd=self.folder, env=self.environ, text=True, **options)

    def run(self, *words: str, check: bool = True) -> None:
        """Run a command whose output is for people."""
        code = self.start(*words).wait()
        if check and code:
            sys.exit(f"hca ended with exit code {code}.")

    def text(self, *words: str) -> str:
        """Run a command and return what it prints."""
        process = self.start(*words, stdout=subprocess.PIPE)
        output, _ = process.communicate()
        if process.returncode:
            sys.exit(f"hca ended with exit code {process.returncode}.")
        return output

    def json(self, *words: str, shown_lines: int = 8) -> Any:
        """Run a command, show the first lines of its JSON, and return it parsed."""
        output = self.text(*words)
        lines = output.splitlines()
        print("\n".join(lines[:shown_lines] + ["…"] * (len(lines) > shown_lines)))
        return json.loads(output)


def private(environ: os._Environ[str]) -> dict[str, str]:
    """Return the environment without anything that could lead to other services or to the user's settings."""
    return {name: value for name, value in environ.items() if not name.startswith(("HCA_", "AWS_", "XDG_", "GOOGLE_"))}


def exports(script: str) -> dict[str, str]:
    """Return what `eval "$(hca local env)"` would export."""
    words = [shlex.split(line) for line in script.splitlines() if line.startswith("export ")]
    return dict(word.split("=", 1) for _, *assignments in words for word in assignments)


def interrupt(shell: Shell, words: list[str], folder: Path, enough: int) -> int:
    """Start a download, kill it once `enough` bytes have arrived, and return how many it kept."""
    process = shell.start(*words)
    while process.poll() is None and arrived(folder) < enough:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    print(f"(killed after {arrived(folder) / 1e6:.1f} MB)")
    return arrived(folder)


def arrived(folder: Path) -> int:
    """Return how many bytes of whole and partial files the download directory's store holds."""
    total = 0
    for path in (folder / ".hca").rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue  # it has just got its final name
    return total


def same(files: list[Path], folder: Path) -> bool:
    """Tell whether each source file stands in `folder` with the same bytes."""
    return all(filecmp.cmp(path, folder / path.relative_to(SOURCE), shallow=False) for path in files)


def check(held: bool, promise: str) -> None:
    """Say that a promise held, or stop."""
    if not held:
        sys.exit(f"✗ It did not hold that {promise}.")
    print(f"✓ {promise}", flush=True)


def say(heading: str) -> None:
    """Print a heading."""
    print(f"\n— {heading}", flush=True)


if __name__ == "__main__":
    main()
