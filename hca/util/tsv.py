"""Reads and writes tab-separated files, such as download manifests, with the standard `csv` interface."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable
from typing import Any

__all__ = ["DictReader", "DictWriter"]


class Dialect(csv.excel_tab):
    """Tabs between columns, `"` around what needs it, and a line feed at the end of a line."""

    lineterminator = "\n"


class DictReader(csv.DictReader):  # type: ignore[type-arg]  # not subscriptable before Python 3.12
    """`csv.DictReader` for tab-separated lines; the first line names the columns unless `fieldnames` does."""

    def __init__(self, file: Iterable[str], fieldnames: Collection[str] | None = None, **options: Any) -> None:
        super().__init__(file, list(fieldnames) if fieldnames else None, **{"dialect": Dialect, **options})


class DictWriter(csv.DictWriter):  # type: ignore[type-arg]  # as above
    """`csv.DictWriter` for tab-separated lines; `file` should be opened with `newline=""`."""

    def __init__(self, file: Any, fieldnames: Collection[str], **options: Any) -> None:
        super().__init__(file, list(fieldnames), **{"dialect": Dialect, **options})
