"""What a download manifest lists: its header is checked at once, its rows one by one as they are needed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from hca_core.errors import ArgumentError, TransferError
from hca_core.paths import check_name, check_sha256, check_uuid
from hca_dss.bundle import DSSFile
from hca_dss.table import Record, read_table
from hca_dss.version import check_version

REQUIRED = ("bundle_uuid", "bundle_version", "file_name", "file_uuid", "file_sha256", "file_size")
_VERSION = "file_version"
PATH = "file_path"
_SIZE = re.compile(r"\d{1,18}", re.ASCII)
# What nearly every row is like. It is told in one look, which takes a tenth of the time of checking cell by cell, and
# lets nothing pass that the checks would change or refuse (but for dates: see `_usual_entry`).
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_WHEN = r"\d{4}-\d\d-\d\dT\d{6}\.\d{6}Z"
_NAME = r"(?!(?i:con|prn|aux|nul|com|lpt))[A-Za-z0-9_][A-Za-z0-9_.-]{0,200}[A-Za-z0-9_-]"
_USUAL = re.compile("\t".join((_UUID, _WHEN, _NAME, _UUID, "[0-9a-f]{64}", r"\d{1,18}", _WHEN)), re.ASCII)
_HINT = "A manifest is a UTF-8 file of tab-separated values whose first line names the columns."


_version = lru_cache(maxsize=1000)(check_version)  # many rows share a few versions


class Entry(NamedTuple):
    """A checked row: one file of one bundle. The file's `version` is empty if the manifest does not tell it."""

    line: int
    bundle_uuid: str
    bundle_version: str
    file: DSSFile

    @property
    def label(self) -> str:
        """What people are told about the file."""
        return f"{self.file.name} (line {self.line})"


class Manifest:
    """A manifest that is a file; its `columns` are known, its rows are read anew each time.

    Raises:
        ArgumentError: it cannot be read, or its header lacks required columns or has one of them twice.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.columns = self._header()
        self._places = {name: self.columns.index(name) for name in (*REQUIRED, _VERSION, PATH) if name in self.columns}
        usual = [self._places[name] for name in (*REQUIRED, _VERSION) if name in self._places]
        self._pick = itemgetter(*usual) if len(usual) > len(REQUIRED) else None

    def _header(self) -> list[str]:
        try:
            if not self.path.is_file():
                raise ArgumentError(f"The manifest {self.path} is not a file.", hint=_HINT)
            with closing(read_table(self.path)) as table:
                columns = next(table, Record(1, [])).cells
        except OSError as error:
            raise ArgumentError(f"The manifest {self.path} cannot be read: {error.strerror}.") from error
        missing = [name for name in REQUIRED if name not in columns]
        if missing:
            raise ArgumentError(f"The manifest {self.path} lacks the columns {', '.join(missing)}.", hint=_HINT)
        twice = [name for name in (*REQUIRED, _VERSION, PATH) if columns.count(name) > 1]
        if twice:
            raise ArgumentError(f"The manifest {self.path} has the columns {', '.join(twice)} more than once.")
        return columns

    def records(self) -> Iterator[Record]:
        """Yield the rows below the header, in order; a short one gets empty cells at its end."""
        table = read_table(self.path)
        next(table, None)
        width = len(self.columns)
        for record in table:
            if len(record.cells) < width:
                record.cells.extend([""] * (width - len(record.cells)))
            yield record

    def cell(self, record: Record, column: str) -> str:
        """Return what a row says in a column, nothing if the manifest has no such column."""
        place = self._places.get(column)
        return "" if place is None else record.cells[place]

    def entry(self, record: Record, replica: str) -> Entry:
        """Return a row whose names, identifiers and numbers are safe to use.

        Raises:
            HcaError: the row is wrong.
        """
        if len(record.cells) > len(self.columns):
            raise TransferError(f"It has {len(record.cells)} cells for {len(self.columns)} columns.")
        return self._usual_entry(record, replica) or self._checked_entry(record, replica)

    def _usual_entry(self, record: Record, replica: str) -> Entry | None:
        if not self._pick:
            return None
        cells = self._pick(record.cells)
        if not _USUAL.fullmatch("\t".join(cells)):
            return None
        bundle_uuid, bundle_version, name, uuid, sha256, size, version = cells
        file = DSSFile(name, uuid, _version(version), sha256, int(size), False, replica)
        return Entry(record.line, bundle_uuid, _version(bundle_version), file)

    def _checked_entry(self, record: Record, replica: str) -> Entry:
        bundle_uuid, bundle_version, name, uuid, sha256, size = (self.cell(record, column) for column in REQUIRED)
        version = self.cell(record, _VERSION)
        check_name(name)
        if not _SIZE.fullmatch(size):
            raise TransferError(f"{size[:100]!r} is not a size in bytes.")
        file = DSSFile(
            name=name,
            uuid=check_uuid(uuid),
            version=check_version(version) if version else "",
            sha256=check_sha256(sha256),
            size=int(size),
            indexed=False,  # a manifest does not tell
            replica=replica,
        )
        return Entry(record.line, check_uuid(bundle_uuid), check_version(bundle_version), file)

    def total_bytes(self) -> int:
        """Return the sizes of all files together; rows whose size is wrong do not count."""
        place = self._places["file_size"]
        sizes = (record.cells[place] for record in self.records())
        return sum(int(size) for size in sizes if _SIZE.fullmatch(size))

    def where(self, record: Record) -> str:
        """Return what people are told about a row."""
        return f"line {record.line} of {self.path.name}"

    def with_path(self, record: Record, path: str) -> list[str]:
        """Return the cells of a row with `path` in the column of paths, which comes last if it is new."""
        place = self._places.get(PATH, len(record.cells))
        return [*record.cells[:place], path, *record.cells[place + 1 :]]

    @property
    def columns_with_path(self) -> list[str]:
        """The header of the rows that `with_path` makes."""
        return self.columns if PATH in self._places else [*self.columns, PATH]


class Excerpt(Manifest):
    """Some rows of a manifest, which itself need not be there."""

    def __init__(self, path: Path, columns: list[str], records: Iterable[Record]) -> None:
        self._given, self._records = columns, list(records)
        super().__init__(path)

    def _header(self) -> list[str]:
        return self._given

    def records(self) -> Iterator[Record]:
        return iter(self._records)
