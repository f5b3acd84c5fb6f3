"""From columns or a matrix, as binary and columnar formats have them, to what the model's layout takes.

Numbers never become Python objects here; what is wrong is found by RowReader's own rules, column by column.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.prediction import Rows
from model.signature import Signature
from service.errors import InvalidRows, Problem
from service.validation.cells import CellReader, shown
from service.validation.csv_numbers import LineReader
from service.validation.json_rows import nearest

Column = Sequence[Any] | NDArray[Any]
# Where in the body a cell stands, for a reader: from the column's name and the row's number.
Place = Callable[[str, int], str]
_NUMBERS: Final = "fiu"


def by_row(name: str, row: int) -> str:
    """Say where a cell stands in a format of rows and named columns."""
    return f"/{row}/{name[:100]}"


class TableReader:
    """Reads whole columns for one model."""

    def __init__(self, signature: Signature, max_rows: int) -> None:
        self.features, self.names = signature.features, signature.names
        self._cells = {feature.name: CellReader(feature) for feature in signature.features}
        self._nullable = np.array([feature.nullable for feature in signature.features])
        self._plain = all(each.dtype == "float64" and each.categories is None for each in signature.features)
        self._dtype = np.float64 if signature.layout == "matrix" else object
        self._lines = LineReader(len(signature.names), max_rows)
        self.max_rows = max_rows

    def numbers(self, lines: bytes) -> NDArray[np.float64] | None:
        """Return the matrix of lines that are nothing but one number for each feature between commas; None if not."""
        return self._lines.read(lines) if self._plain else None

    def read_matrix(self, matrix: NDArray[Any], place: Place = by_row) -> Rows:
        """Return rows of shape (n, features) from an array of that shape, columns in order; raises InvalidRows."""
        if matrix.ndim != 2 or matrix.shape[1] != len(self._cells):
            raise self.wrong_shape(matrix.shape)
        self.check_height(len(matrix))
        if self._plain and matrix.dtype.kind in _NUMBERS:
            rows = _as_float64(matrix)
            finite = np.isfinite(rows)
            if finite.all() or (finite | (np.isnan(rows) & self._nullable)).all():
                return rows
        return self.read({name: matrix[:, position] for position, name in enumerate(self._cells)}, place)

    def wrong_shape(self, shape: tuple[int, ...], pointer: str = "") -> InvalidRows:
        """Return the error of an array that has not one column for each feature."""
        expected = f"shape [rows, {len(self._cells)}]"
        return InvalidRows((Problem("wrong_feature_count", pointer, expected, f"shape {list(shape)}"),))

    def read(self, columns: Mapping[str, Column], place: Place = by_row) -> Rows:
        """Return rows of shape (n, features) from one column for each feature by name; raises InvalidRows."""
        self.check_names(columns)
        heights = {name: len(column) for name, column in columns.items()}
        height = heights[next(iter(self._cells))]
        for name, each in heights.items():
            if each != height:
                raise InvalidRows((Problem("invalid_row", place(name, 0), f"{height} values", f"{each}"),))
        self.check_height(height)
        rows = np.empty((height, len(self._cells)), dtype=self._dtype)
        wrong = []
        for position, (name, cell) in enumerate(self._cells.items()):
            values = _read(cell, columns[name])
            if values is None:
                wrong.append(name)
            else:
                rows[:, position] = values.astype(self._dtype)
        if wrong:
            problems = (found for name in wrong for found in self._problems(name, columns[name], place))
            raise InvalidRows(tuple(islice(problems, InvalidRows.MOST)))
        return rows

    def check_height(self, height: int, pointer: str = "") -> None:
        """Raise InvalidRows unless there are as many rows as one request may have."""
        if not 0 < height <= self.max_rows:
            code = "too_many_rows" if height else "no_rows"
            raise InvalidRows((Problem(code, pointer, f"1 to {self.max_rows} rows", f"{height} rows"),))

    def check_names(self, columns: Iterable[str]) -> None:
        """Raise InvalidRows unless there is a column for each feature and no other."""
        given = dict.fromkeys(columns)
        unknown = [name for name in given if name not in self._cells]
        names = list(self._cells)
        found = [
            Problem("unknown_feature", f"/{name[:100]}", nearest(name, names), "no such feature")
            for name in unknown[:3]
        ]
        lacking = (name for name in self._cells if name not in given)
        found += [
            Problem("missing_feature", f"/{name[:100]}", "a column of this feature", "none")
            for name in islice(lacking, InvalidRows.MOST - len(found))
        ]
        if found:
            raise InvalidRows(tuple(found))

    def _problems(self, name: str, column: Column, place: Place) -> Iterator[Problem]:
        cell = self._cells[name]
        for row, value in enumerate(_as_json(column)):
            if not cell.takes(value) or _is_no_number(value):
                yield Problem("invalid_value", place(name, row), cell.expected, shown(value))


def _as_float64(numbers: Column) -> NDArray[np.float64]:
    """Return an array as contiguous float64, copied only if it is not; a signalling NaN becomes a quiet one."""
    with np.errstate(invalid="ignore"):  # casting a signalling NaN of float32 warns
        return np.require(numbers, np.float64, ("C", "A"))


def _read(cell: CellReader, column: Column) -> NDArray[Any] | None:
    """Return a column as the model gets it, or None if any of it is wrong."""
    feature = cell.feature
    numeric = isinstance(column, np.ndarray) and column.dtype.kind in _NUMBERS
    if numeric and feature.dtype == "float64" and feature.categories is None:
        values = _as_float64(column)
        fine = np.isfinite(values) | np.isnan(values) if feature.nullable else np.isfinite(values)
        return values if fine.all() else None
    cells = _as_json(column)
    return cell.read(cells) if _finite(cells) else None


def _as_json(column: Column) -> list[Any]:
    """Return a column's cells as JSON would have them, with null for an array's NaN."""
    if not isinstance(column, np.ndarray):
        return list(column)
    cells: list[Any] = column.tolist()
    return [None if cell != cell else cell for cell in cells] if column.dtype.kind == "f" else cells  # noqa: PLR0124


def _finite(cells: list[Any]) -> bool:
    """Say whether no cell is NaN or infinite."""
    kinds = set(map(type, cells))
    if float not in kinds:
        return True
    return all(map(math.isfinite, cells if kinds <= {int, float} else [each for each in cells if type(each) is float]))


def _is_no_number(value: Any) -> bool:
    """Say whether a cell is NaN or infinite, which JSON has no word for."""
    return type(value) is float and not math.isfinite(value)
