"""A dataset on disk in the SPARC dataset structure: where its parts are, and its sheets made of records of Gen3."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hca_core.errors import TransferError
from hca_core.paths import check_name, safe_join
from hca_core.transfer.private import replacing
from hca_gen3.errors import UsageError
from hca_gen3.mapping import KEYS, PROPERTIES, SECTIONS

__all__ = ["SHEETS", "SUBJECT_PREFIX", "dataset_folder", "sheet_path", "sheet_rows", "study_folder", "write_sheet"]

SHEETS = ("dataset_description", "subjects", "manifest")
SUBJECT_PREFIX = "sub-"

_LONGEST_TEXT = 32_767  # characters that fit into a cell
_BEFORE_VALUES = ("Metadata element", "Description", "Example")

logger = logging.getLogger(__name__)

Cells = Sequence[str | None]


def dataset_folder(dest: Path, dataset_id: str) -> Path:
    """Return the folder of a dataset in `dest`.

    Raises:
        UsageError: the id cannot be the name of a folder.
    """
    try:
        if len(check_name(dataset_id)) == 1:
            return safe_join(dest, dataset_id)
        problem = "it has a slash"
    except TransferError as error:
        problem = error.message.rstrip(".")
    raise UsageError(f"{dataset_id!r} cannot be a dataset: {problem}.")


def study_folder(dataset: Path, study_uid: str) -> Path:
    """Return the folder in which a study's series are.

    Raises:
        TransferError: the UID cannot be a part of a path.
    """
    name = f"{SUBJECT_PREFIX}{study_uid}"
    if "/" in name:
        raise TransferError(f"{study_uid!r} is no study: it has a slash.")
    return safe_join(dataset, f"primary/{name}")


def sheet_path(dataset: Path, sheet: str) -> Path:
    """Return where a sheet of a dataset is.

    Raises:
        TransferError: a link is in its place.
    """
    return safe_join(dataset, f"{sheet}.xlsx")


def sheet_rows(sheet: str, records: Sequence[Mapping[str, Any]]) -> Iterator[Cells]:
    """Yield the rows of a sheet, the header first, so that converting it gives these records again.

    `records` are by property. Properties of which the SPARC dataset structure knows nothing come last, under their own
    names.

    Raises:
        TransferError: a dataset has more than one description.
    """
    if sheet != "dataset_description":
        return _table(sheet, records)
    if len(records) > 1:
        raise TransferError(f"The commons has {len(records)} descriptions of the dataset instead of one.")
    return _description(dict(records[0]) if records else {})


def write_sheet(path: Path, rows: Iterable[Cells]) -> int:
    """Write a workbook with one sheet, and return its size in bytes; it appears when it is complete.

    Whatever the cells look like, they are texts: a spreadsheet program calculates none of them.

    Raises:
        OSError: it cannot be written.
    """
    from openpyxl import Workbook

    complete = list(rows)  # a workbook that is given up leaves a file behind
    book = Workbook(write_only=True)
    sheet = book.create_sheet(path.stem)
    for row in complete:
        sheet.append([_cell(sheet, text) for text in row])
    with replacing(path) as (_, file):
        book.save(file)
        return file.seek(0, 2)


def _table(sheet: str, records: Sequence[Mapping[str, Any]]) -> Iterator[Cells]:
    headers = _headers(sheet, records)
    yield list(headers.values())
    for record in sorted(records, key=lambda record: str(record.get(KEYS[sheet]))):
        yield ["\n".join(_texts(record.get(name))) or None for name in headers]


def _description(record: Mapping[str, Any]) -> Iterator[Cells]:
    headers = _headers("dataset_description", [record])
    values = {name: _texts(record.get(name)) for name in headers}
    most = max(map(len, values.values()), default=1) or 1
    yield [*_BEFORE_VALUES, "Value", *(f"Value {number}" for number in range(2, most + 1))]
    sections = {before: title for title, before in SECTIONS.items()}
    for name, header in headers.items():
        if name in sections:
            yield [sections[name]]
        yield [header, None, None, *values[name]]


def _headers(sheet: str, records: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    known = dict(PROPERTIES[sheet])
    others = sorted({name for record in records for name, value in record.items() if value not in (None, "", [])})
    return known | {name: name for name in others if name not in known}


def _texts(value: Any) -> list[str]:
    """Return the values of a property as texts; one alone is one, none are none."""
    values = value if isinstance(value, list) else [value]
    return [_text(one) for one in values if one not in (None, "")]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).upper()  # as spreadsheets write it
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value)


def _cell(sheet: Any, text: str | None) -> Any:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    if not text:
        return None
    if len(text) > _LONGEST_TEXT:
        logger.warning(
            "A text of %d characters is cut, as no cell of %s takes it: %.40s…", len(text), sheet.title, text
        )
    # What XML has no place for, such as a half of a surrogate pair, would spoil the whole workbook.
    clean = ILLEGAL_CHARACTERS_RE.sub("\ufffd", text).encode("utf-8", "replace").decode()
    cell = WriteOnlyCell(sheet, clean[:_LONGEST_TEXT])
    cell.data_type = "s"  # else a text that begins with `=` would become a formula
    return cell
