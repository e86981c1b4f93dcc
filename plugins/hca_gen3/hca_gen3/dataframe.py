"""Gives a sheet of a workbook as a pandas dataframe."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from hca_gen3.rows import SheetError
from hca_gen3.workbook import check_workbook

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["read_dataframe"]


def read_dataframe(path: Path, sheet_name: str | None) -> DataFrame:
    """Return a sheet as pandas reads it; the first one if `sheet_name` is None.

    Raises:
        SheetError: the workbook cannot be read, or has no such sheet.
    """
    import pandas

    try:
        check_workbook(path, str(path))
        # pandas takes the first sheet for 0, and all of them for None.
        with warnings.catch_warnings(), pandas.ExcelFile(path, engine="openpyxl") as book:
            warnings.simplefilter("ignore")
            if sheet_name is not None and sheet_name not in book.sheet_names:
                names = ", ".join(map(str, book.sheet_names))
                raise SheetError(f"there is no sheet {sheet_name!r}", sheet=str(path), hint=f"It has: {names}.")
            frame: DataFrame = book.parse(0 if sheet_name is None else sheet_name)
            return frame
    except OSError as error:
        raise SheetError(f"it cannot be read: {error.strerror or error}", sheet=str(path)) from error
    except SheetError:
        raise
    except Exception as error:
        raise SheetError("it is no workbook (.xlsx), or damaged", sheet=str(path)) from error
