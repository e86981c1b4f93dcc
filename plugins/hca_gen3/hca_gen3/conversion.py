"""What all records of a dataset have in common on their way to Gen3: names, links and the check by the dictionary."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from hca_core.errors import ArgumentError
from hca_gen3.cells import fit
from hca_gen3.dictionary import Dictionary, Node
from hca_gen3.mapping import DROPPED, NODES, normalise, property_names
from hca_gen3.rows import SheetError

__all__ = ["UNKNOWN", "Conversion", "Place", "Record", "make_experiment", "submitter_id"]

Record = dict[str, Any]

UNKNOWN = "NA"
"""What Gen3 is told where the dictionary wants a value and the sheet has none."""

_TO_HYPHENS = str.maketrans("'/, _", "-----")


class Place(NamedTuple):
    """A cell of a sheet, or a row if there is no column. `row` counts from 1, `column` from 0."""

    sheet: str
    row: int
    column: int | None = None
    header: str = ""

    def error(self, problem: str, hint: str | None = None) -> SheetError:
        """Return the error that says what is wrong here."""
        return SheetError(problem, sheet=self.sheet, row=self.row, column=self.column, header=self.header, hint=hint)

    def fit(self, value: object, schema: Mapping[str, Any]) -> Any:
        """Return the value of this cell as a property takes it, see `cells.fit`.

        Raises:
            SheetError: it has none that could be trusted.
        """
        try:
            return fit(value, schema)
        except ValueError as error:
            raise self.error(str(error)) from error


def submitter_id(experiment: str, sheet: str, key: str) -> str:
    """Return what Gen3 is to call the record of a row: blanks and `'/,_` become hyphens, a leading `./` vanishes."""
    return f"{experiment}-{sheet}-{key.removeprefix('./')}".translate(_TO_HYPHENS)


class Conversion:
    """One dataset on its way to Gen3.

    `left_out` tells people what in the sheets Gen3 has no property for; `rows` has the row of each submitter id.
    """

    def __init__(self, experiment: str, version: str, dictionary: Dictionary) -> None:
        self.experiment, self.version, self.dictionary = experiment, version, dictionary
        self.left_out: list[str] = []
        self.rows: dict[str, Place] = {}

    def node(self, sheet: str) -> Node:
        """Return the node of the dictionary that a sheet becomes."""
        return self.dictionary.node(NODES[sheet])

    def names(self, sheet: str) -> dict[str, str]:
        """Return the property of each normalised header of a sheet, also of those that only this dictionary has."""
        own = {normalise(name): name for name in self.node(sheet).properties}
        return own | property_names(sheet, self.version)

    def leave_out(self, sheet: str, header: str, place: str) -> None:
        """Note that a header has no property, unless that is as it should be."""
        if normalise(header) not in map(normalise, DROPPED[self.version][sheet]):
            self.left_out.append(f"{place}: {header!r} is not in version {self.version}")

    def begin(self, sheet: str, name: str) -> Record:
        """Return a record with a submitter id and its link to the experiment, and nothing else yet."""
        return {"type": NODES[sheet], "submitter_id": name, "experiments": [{"submitter_id": self.experiment}]}

    def check(self, sheet: str, record: Record, where: Callable[[str], Place | None], place: Place) -> None:
        """Refuse a record that the dictionary does not want; `where` knows the places of properties in the sheet.

        Raises:
            SheetError: with what is wrong.
        """
        node = self.node(sheet)
        problem = node.problem(record)
        if problem is None:
            return
        name, what = problem
        cell = where(name)
        if name in record and cell is None:
            what = f"there is no {name}, and {what}"
        raise (cell or place).error(what, hint=f"So says {node.file}.")


def make_experiment(conversion: Conversion, project: str) -> Record:
    """Return the record to which all others of a dataset are linked, itself linked to the project.

    Raises:
        ArgumentError: the dictionary does not want such a record.
    """
    record = {"type": "experiment", "submitter_id": conversion.experiment, "projects": [{"code": project}]}
    node = conversion.dictionary.find("experiment")
    problem = node.problem(record) if node else None
    if problem:
        raise ArgumentError(f"The record of the experiment is not as the dictionary wants it: {problem[1]}.")
    return record
