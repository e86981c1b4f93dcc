"""Makes SPARC datasets for tests: folders with metadata sheets, as workbooks or text."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from hca_core.errors import HcaError
from hca_gen3.convertor import Gen3Convertor
from hca_gen3.mapping import PROPERTIES, SECTIONS

__all__ = [
    "DESCRIPTION",
    "convert",
    "description_rows",
    "make_dataset",
    "manifest_row",
    "refused",
    "sample_row",
    "subject_row",
    "table_rows",
    "write_csv",
    "write_table",
    "write_workbook",
]

Rows = Iterable[Sequence[Any]]

DESCRIPTION: dict[str, list[Any]] = {name: [f"the {name}"] for name in PROPERTIES["dataset_description"]} | {
    "metadata_version": ["2.0.0"],
    "dataset_type": ["experimental"],
    "title": ["Lungs of two mice, 肺"],
    "keywords": ["lung", "mouse"],
    "contributor_name": ["Doe, Jane", "Müller, Jörg"],
    "contributor_orcid": ["https://orcid.org/0000-0001-2345-6789", "https://orcid.org/0000-0002-2345-6789"],
    "contributor_affiliation": ["Auckland", "Köln"],
    "contributor_role": ["PrincipalInvestigator", "DataCollector"],
    "number_of_subjects": [2],
    "number_of_samples": [0],
}
"""Values of each element of a dataset description."""


def description_rows(values: Mapping[str, Sequence[Any]] = DESCRIPTION, *, indented: bool = True) -> list[list[Any]]:
    """Return a dataset description of version 2.0.0; `indented` as in the official template, otherwise plain."""
    before = {name: title for title, name in SECTIONS.items()}
    rows: list[list[Any]] = [["Metadata element", "Description", "Example", "Value", "Value 2"]]
    for name, header in PROPERTIES["dataset_description"].items():
        if indented and name in before:
            rows.append([before[name]])
        is_inside = indented and name not in ("metadata_version", "dataset_type")
        rows.append([("    " if is_inside else "") + header, "what it is", "an example", *values.get(name, [])])
    return rows


def subject_row(subject_id: Any, **values: Any) -> dict[str, Any]:
    """Return the properties of a subject, with something in all that are required."""
    required = list(PROPERTIES["subjects"])[:11]
    return {name: f"some {name}" for name in required} | {"subject_id": subject_id} | values


def sample_row(sample_id: Any, subject_id: Any, **values: Any) -> dict[str, Any]:
    """Return the properties of a sample, with something in all that are required."""
    required = list(PROPERTIES["samples"])[:9]
    return {name: f"some {name}" for name in required} | {"sample_id": sample_id, "subject_id": subject_id} | values


def manifest_row(filename: Any, **values: Any) -> dict[str, Any]:
    """Return the properties of a file."""
    return {"filename": filename, "timestamp": "2023-07-01", "description": "a file", "file_type": ".dcm"} | values


def table_rows(sheet: str, records: Iterable[Mapping[str, Any]]) -> list[list[Any]]:
    """Return a header and rows with the columns of a sheet of version 2.0.0."""
    columns = PROPERTIES[sheet]
    return [list(columns.values()), *([record.get(name) for name in columns] for record in records)]


def write_workbook(path: Path, rows: Rows) -> Path:
    """Write rows to the first sheet of a workbook."""
    path.parent.mkdir(parents=True, exist_ok=True)
    book = Workbook()
    sheet = book.worksheets[0]
    for row in rows:
        sheet.append(list(row))
    book.create_sheet("notes").append(["not this one"])
    book.save(path)
    return path


def write_csv(path: Path, rows: Rows, *, separator: str = ",", encoding: str = "utf-8") -> Path:
    """Write rows as text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=separator).writerows(rows)
    return path


def write_table(path: Path, sheet: str, records: Iterable[Mapping[str, Any]]) -> Path:
    """Write records as the workbook of a sheet."""
    return write_workbook(path, table_rows(sheet, records))


def make_dataset(
    root: Path,
    *,
    subjects: Iterable[Mapping[str, Any]] = (subject_row("sub-1"), subject_row("sub-2")),
    manifests: Mapping[str, Iterable[Mapping[str, Any]]] | None = None,
    description: Mapping[str, Sequence[Any]] = DESCRIPTION,
    indented: bool = True,
) -> Path:
    """Write a dataset of version 2.0.0; `manifests` has the files that are listed in each folder."""
    write_workbook(root / "dataset_description.xlsx", description_rows(description, indented=indented))
    write_table(root / "subjects.xlsx", "subjects", subjects)
    if manifests is None:
        manifests = {"primary": [manifest_row("sub-1/sam-1/1.dcm"), manifest_row("sub-2/sam-1/1.dcm")]}
    for folder, files in manifests.items():
        write_table(root / folder / "manifest.xlsx", "manifest", files)
    return root


def convert(
    source: Path,
    dest: Path | None = None,
    *,
    version: str = "2.0.0",
    schema: Path | None = None,
    samples: bool = False,
) -> Any:
    """Convert a dataset and return the content of each file; `gen3` beside it, unless `dest` says otherwise."""
    dest = dest or source.parent / "gen3"
    convertor = Gen3Convertor("12L", "demo_ds", version)
    if schema:
        convertor.set_schema_dir(schema)
    if samples:
        convertor.convert(source, dest, samples=True)
    else:
        convertor.execute(source, dest)
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in dest.iterdir()}


def refused(source: Path) -> str:
    """Return what is said about a dataset that cannot be converted, and see that nothing was written."""
    dest = source.parent / "gen3"
    with pytest.raises(HcaError) as caught:
        Gen3Convertor("12L", "demo_ds").execute(source, dest)
    assert not dest.exists()
    return caught.value.message
