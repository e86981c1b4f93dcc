"""Turns the metadata sheets of a SPARC dataset into JSON that can be submitted to Gen3."""

from __future__ import annotations

import errno
import json
import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING

from hca_core.errors import ArgumentError
from hca_core.transfer.durable import flush
from hca_core.transfer.private import replacing
from hca_gen3.conversion import Conversion, Record, make_experiment
from hca_gen3.description import make_description
from hca_gen3.dictionary import Dictionary
from hca_gen3.entities import make_records
from hca_gen3.mapping import VERSIONS
from hca_gen3.sheets import Sheet, find_sheet, find_sheets

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Converted", "Gen3Convertor"]

_LOG = logging.getLogger(__name__)
_HINT = "A SPARC dataset has these sheets in the folder that holds it, and a manifest in each folder with files."


@dataclass(frozen=True)
class Converted:
    """What was written: the number of records in each file, in the order in which Gen3 must get them.

    `left_out` tells what in the sheets Gen3 has no property for.
    """

    records: dict[Path, int]
    left_out: list[str]


class Gen3Convertor:
    """Converts the metadata of SPARC datasets of one experiment, which is in one project of Gen3.

    `version` is that of the SPARC dataset structure that the sheets follow, 1.2.3 or 2.0.0; the records have the
    names of 2.0.0 in either case.

    Raises:
        ArgumentError: the version is another one, or a name is empty.
    """

    def __init__(self, project: str, experiment: str, version: str = "2.0.0") -> None:
        if version not in VERSIONS:
            raise ArgumentError(
                f"Version {version!r} of the SPARC dataset structure is not supported.",
                hint=f"Choose one of {' and '.join(VERSIONS)}.",
            )
        for what, name in (("project", project), ("experiment", experiment)):
            if not name.strip():
                raise ArgumentError(f"The {what} needs a name.")
        self._project, self._experiment, self._version = project, experiment, version
        self._dictionary = Dictionary()

    def set_schema_dir(self, path: str | os.PathLike[str]) -> None:
        """Use the data dictionary of a commons instead of the one that comes with hca.

        `path` is a folder with its YAML files: dataset_description.yaml, case.yaml, manifest.yaml and those that they
        refer to; experiment.yaml if there is one, sample.yaml if samples are wanted.

        Raises:
            ArgumentError: one of them is missing or cannot be understood.
        """
        dictionary = Dictionary(Path(path))
        for name in ("dataset_description", "case", "manifest"):
            dictionary.node(name)
        self._dictionary = dictionary

    @staticmethod
    def read_excel(path: str | os.PathLike[str], sheet_name: str | None = None) -> DataFrame:
        """Return a sheet of a workbook, the first one unless it is named, as a pandas dataframe.

        Raises:
            ArgumentError: the workbook cannot be read, or has no such sheet.
        """
        from hca_gen3.dataframe import read_dataframe

        return read_dataframe(Path(path), sheet_name)

    def execute(self, source_dir: str | os.PathLike[str], dest_dir: str | os.PathLike[str]) -> None:
        """Convert the dataset in a folder into files in another, see `convert`; what is left out goes to the log."""
        for line in self.convert(source_dir, dest_dir).left_out:
            _LOG.warning("%s", line)

    def convert(
        self, source_dir: str | os.PathLike[str], dest_dir: str | os.PathLike[str], *, samples: bool = False
    ) -> Converted:
        """Convert the dataset in a folder into files in another, and return what was written.

        The files are experiment.json, dataset_description.json, subjects.json, manifest.json and, if `samples` are
        wanted, too, samples.json. Gen3 must get them in this order. They appear when all are complete; none does if
        one cannot be made.

        Raises:
            SheetError: a sheet is malformed, or the dictionary does not want what is in it.
            ArgumentError: a sheet is missing; a folder or the dictionary cannot be used.
        """
        conversion = Conversion(self._experiment, self._version, self._dictionary)
        files = _files(conversion, self._project, Path(source_dir), samples)
        dest = Path(dest_dir)
        try:
            with _all_or_none([dest / f"{name}.json" for name in files]) as new:
                counts = [_write(path, content) for path, content in zip(new, files.values(), strict=True)]
        except OSError as error:
            raise ArgumentError(f"{dest} cannot be written to: {error.strerror or error}.") from error
        return Converted(
            {dest / f"{name}.json": count for name, count in zip(files, counts, strict=True)}, conversion.left_out
        )


def _files(conversion: Conversion, project: str, source: Path, samples: bool) -> dict[str, Record | Iterator[Record]]:
    """Return what goes into which file; rows are read when they are asked for."""
    description, subjects = _sheet(source, "dataset_description"), _sheet(source, "subjects")
    manifests = find_sheets(source, "manifest")
    if not manifests:
        raise ArgumentError(f"No folder of {source} has a manifest (manifest.xlsx, .csv or .tsv).", hint=_HINT)
    files: dict[str, Record | Iterator[Record]] = {
        "experiment": make_experiment(conversion, project),
        "dataset_description": make_description(conversion, description),
        "subjects": make_records(conversion, "subjects", subjects),
        "manifest": chain.from_iterable(make_records(conversion, "manifest", sheet) for sheet in manifests),
    }
    if samples:
        files["samples"] = make_records(conversion, "samples", _sheet(source, "samples"))
    return files


def _sheet(source: Path, name: str) -> Sheet:
    sheet = find_sheet(source, name)
    if sheet is None:
        raise ArgumentError(f"{source} has no {name}.xlsx, nor .csv or .tsv.", hint=_HINT)
    return sheet


@contextmanager
def _all_or_none(targets: list[Path]) -> Iterator[list[Path]]:
    """Give the paths of new files that become `targets`, the first one first, if the block ends well; or vanish."""
    for target in targets:
        if target.is_dir():  # which would be noticed when others have their names already
            raise IsADirectoryError(errno.EISDIR, f"{target.name} is a folder")
    folder = targets[0].parent
    is_new = not folder.exists()
    try:
        with ExitStack() as stack:
            # They get their names in the order opposite to that in which they were made.
            new = [stack.enter_context(replacing(target))[0] for target in reversed(targets)][::-1]
            yield new
            for error in flush(new).values():
                raise error
    except BaseException:
        if is_new:
            with suppress(OSError):
                folder.rmdir()
        raise


def _write(path: Path, content: Record | Iterator[Record]) -> int:
    """Write an object, or a list of them one by one; return how many there were."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        if isinstance(content, dict):
            file.write(_json(content))
            return 1
        count = 0
        for count, record in enumerate(content, 1):
            file.write(("[\n" if count == 1 else ",\n") + indent(_json(record), "    "))
        file.write("\n]" if count else "[]")
        return count


def _json(record: Record) -> str:
    return json.dumps(record, indent=4)
