"""Columns of cells: parsing them, and joining them to the rows that an engine takes."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.prediction import Rows
from model.signature import Cell, Dtype, Signature

# The extended format; a month alone is a date too. `fromisoformat` checks the digits; 24:00 is a time for Python 3.14.
_ISO_8601 = re.compile(r"[0-9]{4}-[0-9]{2}(?P<more>-[0-9]{2}([T ](?!24)[0-9:.+Z-]+)?)?")


@dataclass(frozen=True)
class Column:
    """One column of data: its name, dtype and cells (None where missing); `fault` says why a model cannot take it."""

    name: str
    dtype: Dtype
    cells: list[Cell]
    fault: str | None = None


def join_columns(columns: Sequence[Sequence[Cell]], signature: Signature) -> Rows:
    """Return each feature's cells side by side as rows: float64 if the model takes a matrix, else objects."""
    if signature.layout == "matrix":
        return np.array(columns, dtype=np.float64).T.copy()
    rows = np.empty((len(columns[0]), len(columns)), dtype=object)
    for position, (cells, feature) in enumerate(zip(columns, signature.features, strict=True)):
        rows[:, position] = parse_cells(cells, feature.dtype)
    return rows


def parse_cells(cells: Sequence[Any], dtype: Dtype) -> NDArray[Any]:
    """Return one column's cells as the model gets them; raises ValueError for an invalid datetime."""
    if dtype == "float64":
        return np.array(cells, dtype=np.float64)
    column = np.empty(len(cells), dtype=object)
    column[:] = [None if cell is None else parse_datetime(cell) for cell in cells] if dtype == "datetime" else cells
    return column


def parse_datetime(string: str) -> np.datetime64:
    """Parse a date or time in ISO 8601's extended format, converted to UTC if it has an offset; raises ValueError."""
    found = _ISO_8601.fullmatch(string)
    if found is None:
        raise ValueError("not a date or time in ISO 8601")
    parsed = datetime.fromisoformat(string if found["more"] else f"{string}-01")
    if (offset := parsed.utcoffset()) is None:
        return np.datetime64(parsed, "us")
    return np.datetime64(parsed.replace(tzinfo=None), "us") - np.timedelta64(offset, "us")


def is_missing(cell: Any) -> bool:
    """Return whether a cell is None, NaN, or a data frame library's own missing value."""
    missing = cell is None or type(cell).__name__ in ("NAType", "NaTType")
    return missing or (isinstance(cell, float) and math.isnan(cell))
