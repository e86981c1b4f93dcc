"""Reads the files with which records are submitted, JSON, TSV or CSV, and writes some of their records again."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from hca_core.errors import ArgumentError
from hca_gen3.delimited import read_delimited

__all__ = ["JsonRecords", "Record", "RecordsFile", "TableRecords", "open_records"]

_NAMES = ("submitter_id", "code", "name")
_SEPARATORS = {".tsv": ("\t", ",", "text/tab-separated-values"), ".csv": (",", "#", "text/csv")}


class Record(NamedTuple):
    """A record to submit, number `number` (from 0) of a file.

    `place` is what people are told: the number of an object in JSON, the line of a row in a table. `name` is its
    submitter_id, or what it has instead; `links` are the names of the records that it links to.
    """

    number: int
    place: int
    name: str
    links: frozenset[str]
    content: Any


class RecordsFile(Protocol):
    """A file of records; `media_type` is what a commons calls its kind, `unit` what its places count."""

    path: Path
    media_type: str
    unit: str

    def records(self) -> Iterator[Record]:
        """Yield the records, checked, in the order of the file.

        Raises:
            ArgumentError: the file cannot be read, or has something else in it.
        """

    def body(self, records: Iterable[Record], *, for_people: bool = False) -> bytes:
        """Return a document of the same kind with only these records; `for_people` have to find their way in it."""


def open_records(path: Path) -> RecordsFile:
    """Return the file as its suffix says: `.json`, `.tsv` or `.csv`.

    Raises:
        ArgumentError: it is another one, or cannot be read as what it says.
    """
    suffix = path.suffix.lower()
    if suffix not in (".json", *_SEPARATORS):
        raise ArgumentError(f"{path} is no file of records.", hint="Their names end in .json, .tsv or .csv.")
    try:
        if not path.is_file():
            raise ArgumentError(f"{path} is not a file.")
        return JsonRecords(path) if suffix == ".json" else TableRecords(path)
    except OSError as error:
        raise ArgumentError(f"{path} cannot be read: {error.strerror}.") from error


class JsonRecords:
    """An object, or a list of objects."""

    media_type = "application/json"
    unit = "record"

    def __init__(self, path: Path) -> None:
        self.path = path
        found = _read_json(path)
        self._objects = found if isinstance(found, list) else [found]

    def records(self) -> Iterator[Record]:
        for index, content in enumerate(self._objects):
            if not isinstance(content, dict):
                raise ArgumentError(f"Record {index + 1} of {self.path} is not a JSON object.")
            name = next((content[key] for key in _NAMES if isinstance(content.get(key), str)), "")
            yield Record(index, index + 1, name, frozenset(_linked(content)), content)

    def body(self, records: Iterable[Record], *, for_people: bool = False) -> bytes:
        contents = [record.content for record in records]
        indent = 2 if for_people else None
        try:
            return json.dumps(contents, indent=indent, ensure_ascii=False).encode()
        except UnicodeEncodeError:  # halves of characters can only be written as escapes
            return json.dumps(contents, indent=indent).encode()


def _read_json(path: Path) -> Any:
    try:
        text = path.read_bytes().decode("utf-8-sig")
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite)
    except UnicodeDecodeError:
        raise ArgumentError(f"{path} is not UTF-8 text.") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ArgumentError(f"{path} is not valid JSON: {error.msg} ({where}).") from None
    except RecursionError:
        raise ArgumentError(f"{path} is not valid JSON: nested too deeply.") from None
    except _NotJson as error:
        raise ArgumentError(f"{path} cannot be submitted: {error}.") from None
    except ValueError:  # what Python says of an integer that is too long for it
        raise ArgumentError(f"{path} cannot be submitted: a number in it has too many digits.") from None


class _NotJson(Exception):
    """Something that Python reads but JSON does not know."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for index, (key, _) in enumerate(pairs) if key in dict(pairs[:index]))
        raise _NotJson(f"an object has {twice!r} twice")
    return found


def _refuse(word: str) -> Any:
    raise _NotJson(f"{word} is no JSON")


def _finite(word: str) -> float:
    number = float(word)
    if not math.isfinite(number):
        raise _NotJson(f"the number {word} is too large")
    return number


def _linked(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names and ids by which a JSON object links to others."""
    for value in content.values():
        for target in value if isinstance(value, list) else [value]:
            if isinstance(target, Mapping):
                yield from (target[key] for key in ("submitter_id", "code") if isinstance(target.get(key), str))


class TableRecords:
    """Rows below a line with the names of properties; a `*` before a name, as templates have it, is left out."""

    unit = "line"

    def __init__(self, path: Path) -> None:
        self.path = path
        self._separator, self._list_separator, self.media_type = _SEPARATORS[path.suffix.lower()]
        header = next(read_delimited(path, str(path)), None)
        self.columns = _columns(path, header.cells if header else [])

    def records(self) -> Iterator[Record]:
        rows = read_delimited(self.path, str(self.path))
        next(rows)
        filled = (row for row in rows if any(cell.strip() for cell in row.cells))
        for index, row in enumerate(filled):
            cells = self._fitted(row.number, row.cells)
            known = dict(zip(self.columns, cells, strict=True))
            name = next((known[key] for key in _NAMES if known.get(key)), "")
            yield Record(index, row.number, name, frozenset(self._links(known)), cells)

    def body(self, records: Iterable[Record], *, for_people: bool = False) -> bytes:
        text = io.StringIO()
        writer = csv.writer(text, delimiter=self._separator, lineterminator="\n")
        writer.writerows([self.columns, *(record.content for record in records)])
        return text.getvalue().encode()

    def _fitted(self, line: int, cells: Sequence[str]) -> list[str]:
        """Return exactly one cell for each column."""
        width = len(self.columns)
        if any(cell.strip() for cell in cells[width:]):
            raise ArgumentError(f"Line {line} of {self.path} has {len(cells)} cells for {width} columns.")
        return [*cells[:width], *[""] * (width - len(cells))]

    def _links(self, known: Mapping[str, str]) -> Iterator[str]:
        for column, cell in known.items():
            if column.endswith((".submitter_id", ".code")):
                yield from (name.strip() for name in cell.split(self._list_separator) if name.strip())


def _columns(path: Path, header: Sequence[str]) -> list[str]:
    names = [cell.strip().lstrip("*") for cell in header]
    while names and not names[-1]:
        names.pop()
    if "type" not in names:
        raise ArgumentError(
            f"{path} has no column `type`.", hint="Its first line names the properties; `type` says of which node."
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ArgumentError(f"{path} has the column {twice[0]!r} more than once.")
    return names
