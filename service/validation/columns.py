"""Reads the columns, or the matrix, of a binary or columnar format into the form that the model takes.

Valid numbers never become Python objects. Cells are valid or invalid by the rules of `cells`, as in JSON rows.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from itertools import islice
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.prediction import Rows
from model.signature import Signature
from service.errors import InvalidRows, Problem
from service.validation.cells import CellReader, only_numbers
from service.validation.column_policy import MOST_EXTRA, RequestColumns
from service.validation.json_rows import nearest
from service.validation.plain_numbers import MatrixReader
from service.validation.requests import check_row_count, shown

Column = Sequence[Any] | NDArray[Any]
# Returns the pointer to a cell in the body, given the column's name and the row's number.
PointerTo = Callable[[str, int], str]
_NUMBERS: Final = "fiu"
_MOST_UNKNOWN: Final = 3  # unknown names that are reported: each is compared with all features


def by_row(name: str, row: int) -> str:
    """Return the pointer to a cell in a format of rows and named columns."""
    return f"/{row}/{name[:100]}"


class TableReader:
    """Reads whole columns for one model."""

    def __init__(self, signature: Signature, max_rows: int) -> None:
        self.features, self.names = signature.features, signature.names
        self.max_rows = max_rows
        self._cells = {feature.name: CellReader(feature) for feature in signature.features}
        self._nullable = np.array([feature.nullable for feature in signature.features])
        self._only_numbers = only_numbers(signature.features)
        self._dtype = np.float64 if signature.layout == "matrix" else object
        self._matrices = MatrixReader(len(signature.names))
        self.beside: RequestColumns | None = None  # columns of one request beside the model's, if there is a policy

    def of_request(self, beside: RequestColumns) -> "TableReader":
        """Return a reader for one request, which may have columns beside the model's."""
        reader = copy(self)
        reader.beside = beside
        return reader

    @property
    def most_columns(self) -> int:
        """The largest number of columns that a table may have."""
        return len(self.names) + (0 if self.beside is None else MOST_EXTRA + 1)

    def wanted(self, given: Iterable[str]) -> Sequence[str]:
        """Return the names of the columns to read from a table whose names have been checked, the model's first."""
        return self.names if self.beside is None else self.beside.wanted(given)

    def read_lines(self, lines: bytes) -> Rows | None:
        """Return the rows of CSV lines that hold nothing but numbers; None for any other lines. Raises InvalidRows."""
        matrix = self._matrices.from_csv(lines, self.max_rows) if self._only_numbers else None
        return None if matrix is None else self.read_matrix(matrix)

    def read_matrix(self, matrix: NDArray[Any], pointer_to: PointerTo = by_row) -> Rows:
        """Return rows of shape (n, features) from an array of that shape, columns in order; raises InvalidRows."""
        if matrix.ndim != 2 or matrix.shape[1] != len(self._cells):
            raise self.wrong_shape(matrix.shape)
        self.check_row_count(len(matrix))
        if self._only_numbers and matrix.dtype.kind in _NUMBERS:
            rows = _as_float64(matrix)
            finite = np.isfinite(rows)
            if finite.all() or (finite | (np.isnan(rows) & self._nullable)).all():
                return rows
        return self.read({name: matrix[:, position] for position, name in enumerate(self._cells)}, pointer_to)

    def wrong_shape(self, shape: tuple[int, ...], pointer: str = "") -> InvalidRows:
        """Return the error of an array that does not have one column for each feature."""
        expected = f"shape [rows, {len(self._cells)}]"
        return InvalidRows((Problem("wrong_feature_count", pointer, expected, f"shape {list(shape)}"),))

    def read(self, columns: Mapping[str, Column], pointer_to: PointerTo = by_row) -> Rows:
        """Return rows of shape (n, features) from one column for each feature by name; raises InvalidRows."""
        if self.beside is not None:
            columns = self._admit(columns, self.beside, pointer_to)
        self.check_names(columns)
        height = len(columns[self.names[0]])
        _check_heights(columns, height, pointer_to)
        self.check_row_count(height)
        rows = np.empty((height, len(self._cells)), dtype=self._dtype)
        invalid = []
        for position, (name, cell) in enumerate(self._cells.items()):
            values = _read(cell, columns[name])
            if values is None:
                invalid.append(name)
            else:
                rows[:, position] = values.astype(self._dtype)
        if invalid:
            problems = (problem for name in invalid for problem in self._problems(name, columns[name], pointer_to))
            raise InvalidRows(tuple(islice(problems, InvalidRows.MOST)))
        return rows

    def _admit(
        self, columns: Mapping[str, Column], beside: RequestColumns, pointer_to: PointerTo
    ) -> Mapping[str, Column]:
        """Apply the policy; the row count is checked first, as each column that is left out gets so many cells."""
        height = len(next(iter(columns.values()), ()))
        self.check_row_count(height)
        _check_heights(columns, height, pointer_to)
        return beside.columns(columns, height)

    def check_row_count(self, count: int, pointer: str = "") -> None:
        """Raise InvalidRows unless there are as many rows as one request may have."""
        check_row_count(count, self.max_rows, pointer)

    def check_names(self, columns: Iterable[str]) -> None:
        """Raise InvalidRows unless there is a column for each feature and no other."""
        given = dict.fromkeys(columns) if self.beside is None else self.beside.names(columns)
        unknown = [name for name in given if name not in self._cells]
        problems = [
            Problem("unknown_feature", f"/{name[:100]}", nearest(name, list(self._cells)), "no such feature")
            for name in unknown[:_MOST_UNKNOWN]
        ]
        missing = (name for name in self._cells if name not in given)
        problems += [
            Problem("missing_feature", f"/{name[:100]}", "a column of this feature", "none", name)
            for name in islice(missing, InvalidRows.MOST - len(problems))
        ]
        if problems:
            raise InvalidRows(tuple(problems))

    def _problems(self, name: str, column: Column, pointer_to: PointerTo) -> Iterator[Problem]:
        cell = self._cells[name]
        for row, value in enumerate(_as_json(column)):
            if not cell.accepts(value) or not _finite([value]):
                yield Problem("invalid_value", pointer_to(name, row), cell.expected, shown(value), name)


def _check_heights(columns: Mapping[str, Column], height: int, pointer_to: PointerTo) -> None:
    """Raise InvalidRows unless every column has `height` cells."""
    for name, column in columns.items():
        if len(column) != height:
            raise InvalidRows((Problem("invalid_row", pointer_to(name, 0), f"{height} values", f"{len(column)}"),))


def _as_float64(numbers: Column) -> NDArray[np.float64]:
    """Return an array as contiguous float64, copied only if necessary; a signalling NaN becomes a quiet one."""
    with np.errstate(invalid="ignore"):  # casting a signalling NaN of float32 warns
        return np.require(numbers, np.float64, ("C", "A"))


def _read(cell: CellReader, column: Column) -> NDArray[Any] | None:
    """Return a column in the form that the model takes, or None if any cell is invalid."""
    numeric = isinstance(column, np.ndarray) and column.dtype.kind in _NUMBERS
    if numeric and only_numbers([cell.feature]):
        values = _as_float64(column)
        valid = np.isfinite(values) | np.isnan(values) if cell.feature.nullable else np.isfinite(values)
        return values if valid.all() else None
    cells = _as_json(column)
    return cell.read(cells) if _finite(cells) else None


def _as_json(column: Column) -> list[Any]:
    """Return a column's cells as JSON has them; NaN in an array is null."""
    if not isinstance(column, np.ndarray):
        return list(column)
    cells: list[Any] = column.tolist()
    return [None if cell != cell else cell for cell in cells] if column.dtype.kind == "f" else cells  # noqa: PLR0124


def _finite(cells: list[Any]) -> bool:
    """Return whether no cell is NaN or infinite, which JSON cannot express."""
    types = set(map(type, cells))
    if float not in types:
        return True
    return all(map(math.isfinite, cells if types <= {int, float} else [each for each in cells if type(each) is float]))
