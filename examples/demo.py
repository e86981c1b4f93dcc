"""The main job of hca from beginning to end, on this machine only. Run it with `make demo`.

Starts the local stack, then uploads a bundle, finds it, downloads it, compares every byte, interrupts a second download
half-way and resumes it. Then it hands files in through an upload area, interrupted and resumed as well, and makes a
bundle of what arrived. Each command is shown before it runs; the exit code is 0 only if all of that held.
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
import uuid
from pathlib import Path
from typing import Any

import simulate_reads

SOURCE = Path(__file__).parent / "lung-bundle"
TILES, TILE = 300, 16 * 1024  # files and bytes
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
        hand_in(shell)
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
    bundle_uuid = bundle["bundle_uuid"]
    name = f"{bundle_uuid}.{bundle['version']}"

    say("Show the bundle")
    shown = shell.json("dss", "get-bundle", "--uuid", bundle_uuid, "--replica", "aws", shown_lines=12)
    check(len(shown["bundle"]["files"]) == len(files), "the bundle lists every file")

    say("Find it by what its metadata says")
    query = {"query": {"match": {"files.specimen_from_organism_json.organ.text": "lung"}}}
    found = shell.json("dss", "post-search", "--replica", "aws", "--es-query", json.dumps(query), shown_lines=20)
    check([hit["bundle_fqid"] for hit in found["results"]] == [name], "the search finds this bundle")

    say("Download it elsewhere")
    begun = time.monotonic()
    shell.run("dss", "download", "--bundle-uuid", bundle_uuid, "--replica", "aws", "--download-dir", "first")
    download_seconds = time.monotonic() - begun
    check(same(files, shell.folder / "first" / name), "every byte is as in the source")

    say("Download it again, slowly, and kill the download half-way")
    second = ["dss", "download", "--bundle-uuid", bundle_uuid, "--replica", "aws", "--download-dir", "second"]
    kept = interrupt(shell, [*second, "--limit-rate", "4M"], shell.folder / "second" / ".hca", size // 2)
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


def hand_in(shell: Shell) -> None:
    """Upload into an area, interrupted and resumed; make a bundle of what arrived, without sending it again."""
    say("Make an upload area, and select it")
    uri = shell.json("local", "area", "create")["uri"]
    shell.run("upload", "select", uri)

    say(f"Upload a folder with {TILES + 1} files, and kill the upload half-way")
    folder, objects = shell.folder / "sequencer", shell.folder / "stack" / "s3"
    folder.mkdir()
    (folder / "run.json").write_text('{"instrument": "simulated"}\n')
    for number in range(TILES):
        (folder / f"tile-{number:03}.bin").write_bytes(os.urandom(TILE))
    interrupt(shell, ["upload", "files", "sequencer"], objects, held(objects) + TILES * TILE // 2)

    say("Resume")
    shell.run("upload", "files", "--sync", "--report", "handed-in.jsonl", "sequencer")
    lines = (shell.folder / "handed-in.jsonl").read_text().splitlines()
    sent = sum(json.loads(line)["status"] == "sent" for line in lines)
    check(sent < TILES, f"only {sent} of {TILES + 1} files were sent again")

    say("Look at the area, and wait for the checksums")
    print("\n".join(shell.text("upload", "list", "-l").splitlines()[:8]) + "\n…")
    while f"CHECKSUMMED files: {TILES + 1}" not in (report := area_report(shell)):
        time.sleep(0.2)
    print(report)
    shell.run("upload", "status", "run.json")

    say("Let the DSS take two files from the area, and make a bundle of them")
    names = ["run.json", "tile-000.bin"]
    members = [ingest(shell, f"{uri}{name}", indexed=name.endswith(".json")) for name in names]
    version = shell.text("dss", "create-version").strip()
    bundle = str(uuid.uuid4())
    words = ["dss", "put-bundle", "--uuid", bundle, "--version", version, "--replica", "aws", "--creator-uid", "0"]
    shell.json(*words, "--files", json.dumps(members))
    shell.run("dss", "download", "--bundle-uuid", bundle, "--replica", "aws", "--download-dir", "third")
    arrived = shell.folder / "third" / f"{bundle}.{version}"
    check(filecmp.cmpfiles(folder, arrived, names, shallow=False)[0] == names, "every byte is as in the source")


def area_report(shell: Shell) -> str:
    """Return how the files in the area fare."""
    shell.run("upload", "report", "--output_file_name", "handed-in")
    return (shell.folder / "handed-in.txt").read_text()


def ingest(shell: Shell, url: str, *, indexed: bool) -> dict[str, Any]:
    """Let the DSS take a file, and return how a bundle lists it."""
    name, file = url.rpartition("/")[2], str(uuid.uuid4())
    version = shell.text("dss", "create-version").strip()
    shell.json(*("dss", "put-file", "--uuid", file, "--version", version, "--creator-uid", "0", "--source-url", url))
    return {"uuid": file, "version": version, "name": name, "indexed": indexed}


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
    """Start a transfer, kill it once `folder` holds `enough` bytes, and return how many it holds then."""
    process = shell.start(*words)
    while process.poll() is None and held(folder) < enough:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    print(f"(killed after {held(folder) / 1e6:.1f} MB)")
    return held(folder)


def held(folder: Path) -> int:
    """Return how many bytes of whole and partial files are in a folder."""
    total = 0
    for path in folder.rglob("*"):
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
