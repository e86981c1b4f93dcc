"""Data goes to stdout in the form the user chose, words go to stderr as one clean line."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from textwrap import indent
from typing import Any

import click

__all__ = ["FORMATS", "clean", "compile_query", "emit", "say"]

FORMATS = ("json", "jsonl", "table", "tsv", "raw")
# C0 and C1 control characters but tab and line feed, marks that reorder text on a terminal, halves of characters.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_WIDEST = 60  # characters of a table cell


def clean(text: str) -> str:
    """Return `text` with control characters shown as escapes, so that a server's words cannot steer a terminal."""
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def say(message: str) -> None:
    """Print one message on stderr."""
    click.echo(clean(message), err=True)


def emit(value: Any, form: str = "json") -> None:
    """Print `value` on stdout in one of `FORMATS`; what JSON cannot say is printed as text.

    `json`: one document, two spaces of indent. `jsonl`: each item of a list (or of the only list in an object) on a
    line. `table`: the same items as aligned columns, long cells shortened. `tsv`: the same columns in full, separated
    by tabs; cells with tabs, line breaks or quotation marks are quoted as spreadsheets do. `raw`: text as it is,
    without quotes; a list one item a line. An iterator is a list whose items are printed as they come, but by `table`
    and `tsv`.
    """
    for line in _LINES[form](value):
        click.echo(line)


def compile_query(expression: str) -> Callable[[Any], Any]:
    """Return a function that applies a JMESPath expression.

    Raises:
        click.BadParameter: the expression cannot be understood.
    """
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        compiled = jmespath.compile(expression)
    except JMESPathError as error:
        raise click.BadParameter(f"not a JMESPath expression: {' '.join(str(error).split())}") from None

    def query(value: Any) -> Any:
        try:
            return compiled.search(value)
        except JMESPathError as error:
            raise click.UsageError(f"--query cannot be applied to this answer: {error}") from None

    return query


def _json(value: Any, indent: int | None = None) -> str:
    import json

    text = json.dumps(value, indent=indent, default=str, ensure_ascii=not _speaks_unicode())
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _array(items: Iterator[Any]) -> Iterator[str]:
    """Yield the lines of the document that a list of these items would be."""
    before = None
    for item in items:
        yield "[" if before is None else f"{before},"
        before = indent(_json(item, indent=2), "  ")
    yield "[]" if before is None else f"{before}\n]"


def _items(value: Any) -> Iterable[Any]:
    """Return what the lines or rows are: a list's items, or those of the one list that an object holds."""
    if isinstance(value, (list, Iterator)):
        return value
    while isinstance(value, Mapping):
        lists = [item for item in value.values() if isinstance(item, list)]
        objects = [item for item in value.values() if isinstance(item, Mapping)]
        if len(lists) == 1:
            return lists[0]
        if len(value) != 1 or not objects:
            break
        value = objects[0]
    return [value]


def _raw(value: Any) -> Iterator[str]:
    for item in value if isinstance(value, (list, Iterator)) else [value]:
        yield clean(item) if isinstance(item, str) else _json(item)


def _table(value: Any) -> Iterator[str]:
    columns, rows = _grid(value)
    lines = [[_shortened(cell) for cell in row] for row in [columns, *rows]]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    for line in lines:
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def _tsv(value: Any) -> Iterator[str]:
    columns, rows = _grid(value)
    for row in [columns, *rows]:
        yield "\t".join(map(_quoted, row))


def _quoted(cell: str) -> str:
    text = clean(cell.replace("\r\n", "\n"))
    return '"' + text.replace('"', '""') + '"' if re.search('[\t"\n]', text) else text


def _grid(value: Any) -> tuple[list[str], list[list[str]]]:
    """Return the names of the columns, and the cells of each row."""
    rows = _rows(value)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    return columns, [[_cell(row.get(column)) for column in columns] for row in rows]


def _rows(value: Any) -> list[Mapping[str, Any]]:
    """Return the rows of a table; an object without a list in it has a row for each of its keys."""
    items = list(_items(value))
    if isinstance(value, Mapping) and items == [value]:
        return [{"key": key, **_columns(inner)} for key, inner in value.items()]
    return [_columns(item) for item in items]


def _columns(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {"value": value}


def _cell(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else _json(value)


def _shortened(cell: str) -> str:
    text = clean(" ".join(cell.split()))
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


_LINES: Mapping[str, Callable[[Any], Iterator[str]]] = {
    "json": lambda value: _array(value) if isinstance(value, Iterator) else iter([_json(value, indent=2)]),
    "jsonl": lambda value: (_json(item) for item in _items(value)),
    "raw": _raw,
    "table": _table,
    "tsv": _tsv,
}


def _speaks_unicode() -> bool:
    return (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "") == "utf8"
