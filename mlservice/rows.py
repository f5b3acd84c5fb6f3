"""Rows as a notebook has them, data frames, arrays, lists and dicts, as the JSON values of a request."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

_CELLS: Final = 200_000  # of one request


def as_rows(given: Any) -> list[Any]:
    """Return the rows: objects if the columns have names, else lists or, of a model of strings, strings."""
    if hasattr(given, "toarray"):  # a sparse matrix
        given = given.toarray()
    if hasattr(given, "columns"):
        return _of_frame(given)
    if isinstance(given, Mapping):
        return [_plain(given)]
    if hasattr(given, "to_list"):  # a series, whose own tolist may leave what JSON does not have
        given = given.to_list()
    elif hasattr(given, "tolist"):
        given = given.tolist()
    return [_plain(row) for row in given]


def batches(rows: list[Any], most: int) -> Iterator[list[Any]]:
    """Yield the rows in lists of at most so many, and of few enough cells."""
    width = len(rows[0]) if rows and isinstance(rows[0], (list, dict)) else 1
    size = max(1, min(most, _CELLS // max(1, width)))
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def as_cells(column: Any) -> list[Any]:
    """Return the cells of a column: a series of pandas, or an array of NumPy or pyarrow."""
    if hasattr(column, "to_pylist"):
        values = column.to_pylist()
    elif hasattr(column, "to_list"):
        values = column.to_list()
    else:  # nanoseconds would become numbers
        values = (column.astype("datetime64[us]") if column.dtype.kind == "M" else column).tolist()
    return [_plain(each) for each in values]


def _of_frame(frame: Any) -> list[Any]:
    names = list(frame.columns)
    if hasattr(frame, "rows"):  # polars
        rows = frame.rows()
    else:  # pandas
        rows = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    cells = ([_plain(cell) for cell in row] for row in rows)
    if all(isinstance(name, str) for name in names):
        return [dict(zip(names, row, strict=True)) for row in cells]
    return list(cells)


def _plain(value: Any) -> Any:
    """Return a value that JSON has."""
    match value:
        case float():
            return None if math.isnan(value) else float(value)
        case str() | bool() | int() | None:
            return value
        case Mapping():
            return {str(name): _plain(each) for name, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
    return _object(value)


def _object(value: Any) -> Any:
    """Return what stands for an object: null for pandas' missing values, an ISO 8601 string for a date."""
    if type(value).__name__ in ("NaTType", "NAType"):  # pandas need not be here to be asked
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return _plain(value.tolist()) if hasattr(value, "tolist") else str(value)  # numpy's scalars and arrays
