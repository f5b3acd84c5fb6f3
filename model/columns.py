"""Training data as plain columns, whatever container they come in: a data frame, a matrix, a list of texts."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.engines import Rows
from model.errors import UnsupportedEstimator
from model.signature import TEXT, Cell, Dtype, Feature

_ISO_8601 = re.compile(
    r"(?P<local>\d{4}-\d\d(-\d\d([T ]\d\d(:\d\d(:\d\d(\.\d{1,12})?)?)?)?)?)"
    r"(Z|(?P<sign>[+-])(?P<hours>\d\d)(:?(?P<minutes>\d\d))?)?"
)
# Up to the first, float64 has each whole number; beyond the second, none.
_ALL_WHOLE, _MOST = 2**53, int(np.finfo(np.float64).max)


@dataclass(frozen=True)
class Column:
    """One column of data: its name, its kind, and its cells with None where one is missing."""

    name: str
    dtype: Dtype
    cells: list[Cell]


def columns_of(data: Any, names: Sequence[str] | None) -> list[Column]:
    """Return the named columns of the data, or all; raises UnsupportedEstimator naming what does not fit.

    A list, array or series of texts is one column. Columns beyond the named ones (the target, say) are left out.
    """
    if hasattr(data, "columns"):
        missing = [name for name in names or () if name not in list(data.columns)]
        if missing:
            raise UnsupportedEstimator(f"the data lack the columns {', '.join(map(repr, missing))}.")
        return [_column(str(name), data[name]) for name in names or data.columns]
    matrix = np.asarray(data) if not isinstance(data, list) else np.asarray(data, dtype=_list_dtype(data))
    if matrix.ndim == 1:
        return [_column(TEXT, matrix)]
    if names is not None and matrix.ndim == 2 and matrix.shape[1] != len(names):
        raise UnsupportedEstimator(f"the data have {matrix.shape[1]} columns; the estimator takes {len(names)}.")
    names = names or [f"x{position}" for position in range(matrix.shape[1])]
    return [_column(name, column) for name, column in zip(names, matrix.T, strict=True)]


def cells_of(columns: Sequence[Column], features: Sequence[Feature], *, numeric: bool) -> Rows:
    """Return the columns side by side as rows: float64 where all are numbers, else objects."""
    height = len(columns[0].cells)
    if numeric:
        return np.array([column.cells for column in columns], dtype=np.float64).T.copy()
    rows = np.empty((height, len(columns)), dtype=object)
    for position, (column, feature) in enumerate(zip(columns, features, strict=True)):
        rows[:, position] = parsed(column.cells, feature.dtype)
    return rows


def parsed(cells: Sequence[Any], dtype: Dtype) -> NDArray[Any]:
    """Return the cells of one column as the model gets them; raises ValueError on what is no datetime."""
    if dtype == "float64":
        return np.array(cells, dtype=np.float64)
    column = np.empty(len(cells), dtype=object)
    column[:] = [None if cell is None else moment(cell) for cell in cells] if dtype == "datetime" else cells
    return column


def moment(text: str) -> np.datetime64:
    """Return a date or time of ISO 8601's extended format, of an offset from UTC in UTC; raises ValueError.

    numpy alone takes "now" and "" too, and reads "20240101" as a number of something.
    """
    found = _ISO_8601.fullmatch(text)
    if found is None:
        raise ValueError("no date or time of ISO 8601")
    local = np.datetime64(found["local"], "us")
    if not found["hours"]:
        return local
    offset = np.timedelta64(int(found["hours"]) * 60 + int(found["minutes"] or 0), "m")
    return local + offset if found["sign"] == "-" else local - offset


def _list_dtype(data: list[Any]) -> Any:
    """Return what keeps the cells of a list what they are: numpy would make texts of numbers beside texts."""
    cells = (cell for row in data for cell in (row if isinstance(row, (list, tuple)) else [row]))
    return object if any(isinstance(cell, (str, bool)) or cell is None for cell in cells) else None


def check_whole(name: str, cells: Iterable[Any]) -> None:
    """Raise UnsupportedEstimator for whole numbers that float64 has not: two of them would become one."""
    for cell in cells:
        if isinstance(cell, int) and abs(cell) > _ALL_WHOLE and (abs(cell) > _MOST or cell != float(cell)):
            raise UnsupportedEstimator(
                f"the column {name!r} holds {str(cell)[:40]}, which float64 has not: it would be taken for another "
                "number; fit on texts."
            )


def _column(name: str, values: Any) -> Column:
    array = np.asarray(values)
    if array.dtype.kind == "M":
        array = np.datetime_as_string(array.astype("datetime64[us]"))
        return Column(name, "datetime", [None if cell == "NaT" else str(cell) for cell in array])
    cells = [None if is_missing(cell) else cell for cell in array.tolist()]
    present = [cell for cell in cells if cell is not None]
    if any(isinstance(cell, float) and math.isinf(cell) for cell in present):
        raise UnsupportedEstimator(f"the column {name!r} holds infinity, which no request can.")
    check_whole(name, present)
    kinds: tuple[tuple[Dtype, tuple[type, ...]], ...] = (
        ("bool", (bool,)),
        ("float64", (int, float)),
        ("string", (str,)),
    )
    for dtype, types in kinds:
        if present and all(isinstance(cell, types) for cell in present):
            return Column(name, dtype, cells)
    if not present and array.dtype.kind in "fiu":
        return Column(name, "float64", cells)
    found = ", ".join(sorted({type(cell).__name__ for cell in present})) or "nothing but missing values"
    raise UnsupportedEstimator(f"the column {name!r} holds {found}; it must be numbers, texts, booleans or datetimes.")


def is_missing(cell: Any) -> bool:
    """Say whether a cell is None, NaN, or a data frame library's own missing value."""
    missing = cell is None or type(cell).__name__ in ("NAType", "NaTType")
    return missing or (isinstance(cell, float) and math.isnan(cell))
