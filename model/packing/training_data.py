"""Reads training data as columns, and selects rows: of a data frame of pandas or polars, a matrix, or a list."""

import datetime
import math
import re
import warnings
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.columns import Column, is_missing
from model.errors import GoldenMismatch, PackingWarning, UnsupportedEstimator
from model.signature import TEXT, Dtype

# float64 represents every integer up to _EXACT_INTEGERS, and none beyond _LARGEST.
_EXACT_INTEGERS: Final = 2**53
_INDEX: Final = re.compile(r"(Unnamed: 0|__index_level_\d+__|)")
_LARGEST: Final = int(np.finfo(np.float64).max)
# Kinds of numpy dtypes whose values a request may express; for objects, it depends on each one's type.
EXPRESSIBLE: Final = "biufUTOM"
INFINITE: Final = "infinity, which a request cannot express"
_TYPES: Final[tuple[tuple[Dtype, tuple[type, ...]], ...]] = (
    ("bool", (bool,)),
    ("float64", (int, float)),
    ("string", (str,)),
)


def read_columns(data: Any, names: Sequence[str] | None) -> list[Column]:
    """Return the named columns of the data, or all of them; raises UnsupportedEstimator.

    Other columns than the named ones, such as the target, are left out. A list, array or series of strings is one
    column. A column with anything but numbers, strings, booleans or datetimes has a fault.
    """
    columns = [_column(name, values) for name, values in _named(data, names)]
    if not columns or not columns[0].cells:
        raise UnsupportedEstimator("the data have no rows; give some rows that the estimator was fitted on.")
    return columns


def is_index(name: str) -> bool:
    """Return whether a name is one that a data frame's index gets in a file."""
    return _INDEX.fullmatch(name) is not None


def dtype_of(cells: Sequence[Any]) -> Dtype:
    """Return the dtype of cells, none of which is missing; "any" if they have several, or another."""
    return next((dtype for dtype, types in _TYPES if cells and all(isinstance(each, types) for each in cells)), "any")


def to_python(cell: Any) -> Any:
    """Return a numpy scalar as a Python object, and any other object as it is."""
    return cell.item() if isinstance(cell, np.generic) and cell.dtype.kind in "biufU" else cell


def utc_strings(cells: Sequence[Any]) -> list[str] | None:
    """Return dates and times as ISO 8601 strings; None if there are none, others, or only some have time zones.

    Times with a zone are converted to UTC.
    """
    if not cells or not all(isinstance(cell, datetime.date) for cell in cells):
        return None
    times = [cell for cell in cells if isinstance(cell, datetime.datetime)]
    if len({cell.utcoffset() is None for cell in times}) > 1:
        return None
    return [_utc_string(cell) for cell in cells]


def _utc_string(cell: Any) -> str:
    if not isinstance(cell, datetime.datetime):
        return str(cell.isoformat())
    if cell.utcoffset() is not None:
        cell = cell.astimezone(datetime.UTC).replace(tzinfo=None)
    return str(cell.isoformat(timespec="microseconds"))


def names_of_types(cells: Iterable[Any]) -> str:
    """Return the names of the cells' types."""
    return ", ".join(sorted({type(cell).__name__ for cell in cells}))


def unlike(kind: str) -> str:
    """Return the fault of a column of types that no request can express."""
    return f"{kind}; expected numbers, strings, booleans or datetimes: convert the column, and fit on that"


def inexact_integer(cells: Iterable[Any]) -> str | None:
    """Return the fault of the first integer that float64 cannot represent exactly, None if there is none."""
    for cell in cells:
        if isinstance(cell, int) and abs(cell) > _EXACT_INTEGERS and (abs(cell) > _LARGEST or cell != float(cell)):
            return f"{str(cell)[:40]}, which is not exactly representable as float64; convert the column to strings"
    return None


def select_rows(data: Any, selected: Any) -> Any:
    """Return the rows at these positions, in the same kind of container."""
    if hasattr(data, "iloc"):
        return data.iloc[selected]
    if hasattr(data, "columns"):  # polars
        return data[np.asarray(selected).tolist()]
    return [data[index] for index in selected] if isinstance(data, list) else np.asarray(data)[selected]


def evenly_spaced(count: int, most: int) -> NDArray[np.int_]:
    """Return the positions of at most so many of `count` rows, from the first to the last."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(int))


def without_infinite_rows(data: Any, names: Sequence[str] | None, among: Container[str]) -> Any:
    """Return the rows without infinity in these columns, and warn of the others; all rows if every row has one."""
    wrong = np.any([_infinite(np.asarray(each)) for name, each in _named(data, names) if name in among], axis=0)
    if wrong.all():
        return data
    warnings.warn(
        f"{int(wrong.sum())} of {len(wrong)} rows of the data contain {INFINITE}; they are left out.",
        PackingWarning,
        stacklevel=3,
    )
    return select_rows(data, np.flatnonzero(~wrong))


@contextmanager
def zones_explained(data: Any) -> Iterator[None]:
    """If golden rows are answered differently, name the columns of times with a zone, which may be the reason."""
    try:
        yield
    except GoldenMismatch as error:
        kinds = zip(getattr(data, "columns", ()), getattr(data, "dtypes", ()), strict=True)
        zoned = [str(name) for name, kind in kinds if getattr(kind, "tz", None) or getattr(kind, "time_zone", None)]
        if not zoned:
            raise
        raise UnsupportedEstimator(
            f"the model answers its golden rows differently when {', '.join(map(repr, zoned))[:200]} is in UTC and "
            "without a zone, as a served model is given it; convert it (.dt.tz_convert('UTC').dt.tz_localize(None)) "
            "and fit on that."
        ) from error


def _infinite(values: Any) -> Any:
    if values.dtype.kind == "f":
        return np.isinf(values)
    floats = values.tolist() if values.dtype.kind == "O" else ()
    return np.array([isinstance(cell, float) and math.isinf(cell) for cell in floats] or [False] * len(values))


def _named(data: Any, names: Sequence[str] | None) -> list[tuple[str, Any]]:
    if hasattr(data, "columns"):
        present = frozenset(data.columns)
        if twice := [
            str(name) for name, count in Counter(data.columns).items() if count > 1 and name in (names or present)
        ]:
            raise UnsupportedEstimator(f"the data have several columns of the name {twice[0]!r}; drop all but one.")
        missing = [name for name in names or () if name not in present]
        if missing:
            raise UnsupportedEstimator(f"the data lack the columns {', '.join(map(repr, missing))}.")
        return [(str(name), data[name]) for name in names or data.columns]
    try:
        matrix = np.asarray(data, dtype=_list_dtype(data) if isinstance(data, list) else None)
    except ValueError as error:  # rows of several lengths
        raise UnsupportedEstimator(f"the data are not a matrix ({error}).") from None
    if matrix.ndim == 1:
        return [(TEXT, matrix)]
    if matrix.ndim != 2:
        raise UnsupportedEstimator(
            f"the data are a {type(data).__name__}; expected a data frame, a dense matrix of shape (n, features), or a "
            "list of strings."
        )
    if names is not None and matrix.shape[1] != len(names):
        raise UnsupportedEstimator(f"the data have {matrix.shape[1]} columns; the estimator takes {len(names)}.")
    return list(zip(names or [f"x{position}" for position in range(matrix.shape[1])], matrix.T, strict=True))


def _list_dtype(data: list[Any]) -> Any:
    """Return object for lists of mixed cells: numpy would convert numbers beside strings to strings."""
    cells = (cell for row in data for cell in (row if isinstance(row, (list, tuple)) else [row]))
    return object if any(isinstance(cell, (str, bool)) or cell is None for cell in cells) else None


def _column(name: str, values: Any) -> Column:
    array = np.asarray(values)
    if array.dtype.kind == "M":
        array = np.datetime_as_string(array.astype("datetime64[us]"))
        return Column(name, "datetime", [None if cell == "NaT" else str(cell) for cell in array])
    if array.dtype.kind not in EXPRESSIBLE:
        return Column(name, "any", [None] * len(array), unlike(str(array.dtype)))
    found = array.tolist() if array.dtype.kind != "O" else map(to_python, array.tolist())
    cells = [None if is_missing(cell) else cell for cell in found]
    present = [cell for cell in cells if cell is not None]
    if dates := utc_strings(present):
        left = iter(dates)
        return Column(name, "datetime", [None if cell is None else next(left) for cell in cells])
    dtype: Dtype = "float64" if not present and array.dtype.kind in "fiu" else dtype_of(present)
    fault = _fault(dtype, present)
    if fault is None:
        return Column(name, dtype, cells)
    return Column(name, "any", [cell if isinstance(cell, str) or _is_finite(cell) else None for cell in cells], fault)


def _fault(dtype: Dtype, present: Sequence[Any]) -> str | None:
    """Return the fault of a column: what it contains that a model cannot take, or None."""
    if any(isinstance(cell, float) and math.isinf(cell) for cell in present):
        return INFINITE
    if dtype == "any" and present and all(isinstance(cell, datetime.datetime) for cell in present):
        return "times with and without a time zone; give all of them one, or none"
    if dtype == "any":
        return unlike(names_of_types(present) or "nothing but missing values")
    return inexact_integer(present)


def _is_finite(cell: Any) -> bool:
    return isinstance(cell, (int, float)) and abs(cell) <= _LARGEST
