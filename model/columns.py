"""Training data as plain columns, whatever container they come in: a data frame, a matrix, a list of texts."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.errors import UnsupportedEstimator
from model.prediction import Rows
from model.signature import TEXT, Cell, Dtype, Feature

# The extended format, of which a month alone is a date too; which figures are sound, `fromisoformat` knows.
_ISO_8601 = re.compile(r"[0-9]{4}-[0-9]{2}(?P<more>-[0-9]{2}([T ][0-9:.+Z-]+)?)?")
# Up to the first, float64 has each whole number; beyond the second, none.
_ALL_WHOLE, _MOST = 2**53, int(np.finfo(np.float64).max)
_KINDS: tuple[tuple[Dtype, tuple[type, ...]], ...] = (("bool", (bool,)), ("float64", (int, float)), ("string", (str,)))


@dataclass(frozen=True)
class Column:
    """One column of data: its name, its kind, its cells with None where one is missing, and what is wrong with it."""

    name: str
    dtype: Dtype
    cells: list[Cell]
    fault: str | None = None


def columns_of(data: Any, names: Sequence[str] | None) -> list[Column]:
    """Return the named columns of the data, or all; raises UnsupportedEstimator naming what does not fit.

    A list, array or series of texts is one column. Columns beyond the named ones (the target, say) are left out.
    What holds something else than numbers, texts, booleans or datetimes is a column with a fault.
    """
    columns = [_column(name, values) for name, values in _named(data, names)]
    if not columns or not columns[0].cells:
        raise UnsupportedEstimator("the data hold no rows; give some that the estimator was fitted on.")
    return columns


def _named(data: Any, names: Sequence[str] | None) -> list[tuple[str, Any]]:
    if hasattr(data, "columns"):
        present = frozenset(data.columns)
        missing = [name for name in names or () if name not in present]
        if missing:
            raise UnsupportedEstimator(f"the data lack the columns {', '.join(map(repr, missing))}.")
        return [(str(name), data[name]) for name in names or data.columns]
    try:
        matrix = np.asarray(data, dtype=_list_dtype(data) if isinstance(data, list) else None)
    except ValueError as error:  # rows of several lengths
        raise UnsupportedEstimator(f"the data are no matrix ({error}).") from None
    if matrix.ndim == 1:
        return [(TEXT, matrix)]
    if matrix.ndim != 2:
        raise UnsupportedEstimator(
            f"the data are a {type(data).__name__}; expected a data frame, a dense matrix of shape (n, features), or a "
            "list of texts."
        )
    if names is not None and matrix.shape[1] != len(names):
        raise UnsupportedEstimator(f"the data have {matrix.shape[1]} columns; the estimator takes {len(names)}.")
    names = names or [f"x{position}" for position in range(matrix.shape[1])]
    return list(zip(names, matrix.T, strict=True))


def cells_of(columns: Sequence[Column], features: Sequence[Feature], *, numeric: bool) -> Rows:
    """Return the columns side by side as rows: float64 where all are numbers, else objects."""
    height = len(columns[0].cells)
    if numeric:
        return np.array([column.cells for column in columns], dtype=np.float64).T.copy()
    rows = np.empty((height, len(columns)), dtype=object)
    for position, (column, feature) in enumerate(zip(columns, features, strict=True)):
        rows[:, position] = parse_cells(column.cells, feature.dtype)
    return rows


def parse_cells(cells: Sequence[Any], dtype: Dtype) -> NDArray[Any]:
    """Return the cells of one column as the model gets them; raises ValueError on what is no datetime."""
    if dtype == "float64":
        return np.array(cells, dtype=np.float64)
    column = np.empty(len(cells), dtype=object)
    column[:] = [None if cell is None else moment(cell) for cell in cells] if dtype == "datetime" else cells
    return column


def moment(text: str) -> np.datetime64:
    """Return a date or time of ISO 8601's extended format, in UTC if it has an offset from it; raises ValueError."""
    found = _ISO_8601.fullmatch(text)
    if found is None:
        raise ValueError("not a date or time of ISO 8601")
    read = datetime.fromisoformat(text if found["more"] else f"{text}-01")
    if (offset := read.utcoffset()) is None:
        return np.datetime64(read, "us")
    return np.datetime64(read.replace(tzinfo=None), "us") - np.timedelta64(offset, "us")


def _list_dtype(data: list[Any]) -> Any:
    """Return what keeps the cells of a list what they are: numpy would make texts of numbers beside texts."""
    cells = (cell for row in data for cell in (row if isinstance(row, (list, tuple)) else [row]))
    return object if any(isinstance(cell, (str, bool)) or cell is None for cell in cells) else None


def rounded(cells: Iterable[Any]) -> str | None:
    """Return what is wrong with the first whole number that float64 has not, if there is one."""
    for cell in cells:
        if isinstance(cell, int) and abs(cell) > _ALL_WHOLE and (abs(cell) > _MOST or cell != float(cell)):
            return f"{str(cell)[:40]}, which float64 has not: it would be taken for another number; fit on texts"
    return None


def _column(name: str, values: Any) -> Column:
    array = np.asarray(values)
    if array.dtype.kind == "M":
        array = np.datetime_as_string(array.astype("datetime64[us]"))
        return Column(name, "datetime", [None if cell == "NaT" else str(cell) for cell in array])
    found = array.tolist() if array.dtype.kind != "O" else map(_plain, array.tolist())
    cells = [None if is_missing(cell) else cell for cell in found]
    present = [cell for cell in cells if cell is not None]
    dtype: Dtype = "float64" if not present and array.dtype.kind in "fiu" else "any"
    for kind, types in _KINDS:
        if present and all(isinstance(cell, types) for cell in present):
            dtype = kind
            break
    fault = _fault(dtype, present)
    if fault is None:
        return Column(name, dtype, cells)
    return Column(name, "any", [cell if isinstance(cell, str) or _finite(cell) else None for cell in cells], fault)


def _fault(dtype: Dtype, present: Sequence[Any]) -> str | None:
    """Return what a column holds that keeps a model from taking it, if there is anything."""
    if any(isinstance(cell, float) and math.isinf(cell) for cell in present):
        return "infinity, which no request can"
    if dtype == "any":
        found = ", ".join(sorted({type(cell).__name__ for cell in present})) or "nothing but missing values"
        return f"{found}; it must be numbers, texts, booleans or datetimes"
    return rounded(present)


def _finite(cell: Any) -> bool:
    return isinstance(cell, (int, float)) and abs(cell) <= _MOST


def _plain(cell: Any) -> Any:
    """Return a numpy scalar among objects as Python's own."""
    return cell.item() if isinstance(cell, np.generic) and cell.dtype.kind in "biufU" else cell


def is_missing(cell: Any) -> bool:
    """Say whether a cell is None, NaN, or a data frame library's own missing value."""
    missing = cell is None or type(cell).__name__ in ("NAType", "NaTType")
    return missing or (isinstance(cell, float) and math.isnan(cell))
