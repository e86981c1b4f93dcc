"""Reads and writes tab-separated tables line by line, whatever is in their cells.

Python's `csv` refuses long cells, by a limit for the whole process, and one stray quotation mark makes it swallow the
rest of the file. Here a mark that is not closed within 100 lines is an ordinary character. Bytes that are not UTF-8
come out as they went in.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TextIO

from hca_core.transfer.durable import flush
from hca_core.transfer.private import replacing, sweep

_MOST_LINES = 100  # of one quoted cell
_CELL = re.compile(r'"([^"]*(?:""[^"]*)*)"(?!")([^\t]*)|([^\t]*)')
_SPECIAL = re.compile('[\t"\r\n]')


class Record(NamedTuple):
    """A row of a table; `line` is where it begins in the file, from 1."""

    line: int
    cells: list[str]


def read_table(path: Path) -> Generator[Record, None, None]:
    """Yield the rows of a file, the header first, without those that are blank.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        yield from records(file)


def records(lines: Iterable[str]) -> Iterator[Record]:
    """Yield the rows that are in `lines`, which still have their ends."""
    source = _Lines(lines)
    while (line := source.take()) is not None:
        number = source.number
        cells = _cells(line, source) if '"' in line else line.rstrip("\r\n").split("\t")
        if any(cells):
            yield Record(number, cells)


class _Lines:
    """Lines that can be given back; `number` is that of the last one taken."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._back: deque[str] = deque()
        self.number = 0

    def take(self) -> str | None:
        line = self._back.popleft() if self._back else next(self._lines, None)
        self.number += line is not None
        return line

    def give_back(self, lines: list[str]) -> None:
        self._back.extendleft(reversed(lines))
        self.number -= len(lines)


def _cells(first: str, source: _Lines) -> list[str]:
    """Return the cells of the row that begins with `first`, a line with quotation marks, and take its further lines."""
    text, further = first, list[str]()
    while (cells := _unquoted(text.rstrip("\r\n"))) is None:
        line = source.take() if len(further) < _MOST_LINES else None
        if line is None:
            source.give_back(further)
            return first.rstrip("\r\n").split("\t")
        further.append(line)
        text += line
    return cells


def _unquoted(text: str) -> list[str] | None:
    """Return the cells of a row, or None if a quotation mark at the beginning of one is not closed."""
    cells = []
    position = -1
    while position < len(text):
        found = _CELL.match(text, position + 1)
        if found is None or (found[3] or "").startswith('"'):
            return None
        cells.append(found[1].replace('""', '"') + found[2] if found[3] is None else found[3])
        position = found.end()
    return cells


@contextmanager
def write_table(path: Path) -> Iterator[TextIO]:
    """Give a file that becomes `path` when the block ends well; before that nobody sees it."""
    sweep(path.parent)
    with replacing(path) as (fresh, _):
        with fresh.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            yield file
        flush([fresh])


def row(cells: Sequence[str]) -> str:
    """Return the line that a row is written as."""
    return "\t".join(_quoted(cell) for cell in cells) + "\n"


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if _SPECIAL.search(cell) else cell
