"""A manifest of many files, and a DSS that has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from example_bundle import BUNDLE_UUID, BUNDLE_VERSION
from fake_dss import FakeDSS, entry

COLUMNS = ("bundle_uuid", "bundle_version", "file_name", "file_uuid", "file_version", "file_sha256", "file_size")


def offer(dss: FakeDSS, count: int) -> list[dict[str, Any]]:
    """Make `count` files the bundle's, and return what the DSS tells about each."""
    contents = [f"content {number}\n".encode() for number in range(count)]
    files = [entry(f"reads_{number}.fastq", content, number) for number, content in enumerate(contents)]
    dss.publish(files, contents)
    return files


def write_manifest(path: Path, files: list[dict[str, Any]]) -> Path:
    """Write a manifest that lists these files of the bundle."""
    rows = [[BUNDLE_UUID, BUNDLE_VERSION, *(str(file[name[5:]]) for name in COLUMNS[2:])] for file in files]
    path.write_text("".join("\t".join(row) + "\n" for row in (list(COLUMNS), *rows)))
    return path


def tree(folder: Path) -> dict[str, bytes]:
    """Return the content of every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
