"""Reads the rows of a JSON document into the form that the model takes, or finds what is wrong with them."""

import difflib
import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice, repeat
from operator import itemgetter
from typing import Any, Final

import numpy as np

from model.prediction import Rows
from model.signature import Signature
from service.errors import InvalidRows, Problem
from service.validation.cells import CellReader, only_numbers
from service.validation.plain_numbers import MatrixReader
from service.validation.requests import check_row_count, escaped, shown

_INDEX: Final = re.compile(r"(Unnamed: \d+|__index_level_\d+__)?")  # the names that pandas and Arrow give an index
_MOST_PROPOSALS: Final = 3
_MOST_COMPARED: Final = 500
_LONGEST: Final = 100  # characters of a name
_NEAR: Final = 0.7  # difflib's ratio; "target" and "age" have 0.67
_LISTS: Final = frozenset({list, tuple})


class RowReader:
    """Reads rows for one model: each a list in the order of the features, or an object by their names.

    For a model of text a row may also be the bare string.
    """

    def __init__(self, signature: Signature, max_rows: int) -> None:
        names = signature.names
        self._layout = signature.layout
        self._cells = [CellReader(feature) for feature in signature.features]
        self._names = list(names)
        self._by_name = {cell.feature.name: cell for cell in self._cells}
        self._nullable = np.array([feature.nullable for feature in signature.features])
        self._pick = itemgetter(*names) if len(names) > 1 else lambda row: (row[names[0]],)
        self._max_rows = max_rows
        self._matrices = MatrixReader(len(names))
        # Where all features are numbers, the common case, rows are read in one step and not column by column.
        only = only_numbers(signature.features)
        self._types = frozenset().union(*(cell.types for cell in self._cells)) if only else None

    def read_body(self, body: bytes, member: str) -> Rows | None:
        """Return the rows of a body that is `{member: rows}`, all lists of numbers; None for any other body.

        `read` takes the array, and checks the number of rows.
        """
        return self._matrices.from_json(body, member) if self._types is not None else None

    def read(self, rows: list[Any] | Rows, pointer: str, *, single: bool = False) -> Rows:
        """Return shape (n, features), from rows as JSON has them or as `read_body` returns them.

        Raises InvalidRows with JSON pointers below `pointer`.
        """
        check_row_count(len(rows), self._max_rows, pointer)
        if isinstance(rows, np.ndarray):
            return rows
        converted = self._convert(rows)
        if converted is None:
            positions, proposals = self._invalid(rows), iter(range(_MOST_PROPOSALS))
            pointers = [pointer] if single else [f"{pointer}/{position}" for position in positions]
            problems = map(self._row_problems, map(rows.__getitem__, positions), pointers, repeat(proposals))
            raise InvalidRows(tuple(islice(chain.from_iterable(problems), InvalidRows.MOST)))
        return converted

    def _convert(self, rows: list[Any]) -> Rows | None:
        """Return the rows if every cell is valid, else None; no Python code runs for each cell."""
        width, types = len(self._cells), set(map(type, rows))
        if str in types and self._layout == "text":
            rows = [(row,) if type(row) is str else row for row in rows]
        if dict in types:
            try:
                rows = [self._pick(row) if type(row) is dict and len(row) == width else row for row in rows]
            except KeyError:
                return None
        if not set(map(type, rows)) <= _LISTS or set(map(len, rows)) != {width}:
            return None
        return self._matrix(rows) if self._types is not None else self._columns(rows)

    def _matrix(self, rows: list[Any]) -> Rows | None:
        types = set(map(type, chain.from_iterable(rows)))
        if not self._types or not types <= self._types:
            return None
        if type(None) not in types:  # JSON has no number that is not finite
            flat = np.fromiter(chain.from_iterable(rows), np.float64, len(rows) * len(self._cells))
            return flat.reshape(len(rows), -1)
        matrix = np.array(rows, dtype=np.float64)
        finite = np.isfinite(matrix)
        # JSON has no NaN, so a cell that is not finite was null: valid if the feature accepts a missing value.
        return matrix if finite.all() or (finite | self._nullable).all() else None

    def _columns(self, rows: list[Any]) -> Rows | None:
        columns = zip(*rows, strict=True)
        out = np.empty((len(rows), len(self._cells)), dtype=np.float64 if self._layout == "matrix" else object)
        for position, (cell, column) in enumerate(zip(self._cells, columns, strict=True)):
            values = cell.read(column)
            if values is None:
                return None
            out[:, position] = values.astype(out.dtype)  # in a matrix, true is 1 and null is NaN
        return out

    def _invalid(self, rows: list[Any]) -> list[int]:
        """Return the positions of the first invalid rows, as many as can be reported, found column by column."""
        ordered = [self._in_order(row) for row in rows]
        misshapen = list(islice((position for position, row in enumerate(ordered) if row is None), InvalidRows.MOST))
        end = misshapen[-1] if len(misshapen) == InvalidRows.MOST else len(rows)
        shaped = [position for position in range(end) if ordered[position] is not None]
        invalid = set(misshapen)
        columns = zip(*(ordered[position] for position in shaped), strict=True)
        for cell, column in zip(self._cells, columns, strict=False):
            invalid.update(shaped[position] for position in islice(cell.invalid(column), InvalidRows.MOST))
        return sorted(invalid)[: InvalidRows.MOST]

    def _in_order(self, row: Any) -> Sequence[Any] | None:
        """Return a row's cells in the order of the features, or None if it does not have one for each."""
        if isinstance(row, str) and self._layout == "text":
            return (row,)
        if not isinstance(row, (dict, list, tuple)) or len(row) != len(self._cells):
            return None
        if not isinstance(row, dict):
            return row
        cells: Sequence[Any] | None = self._pick(row) if row.keys() == self._by_name.keys() else None
        return cells

    def _row_problems(self, row: Any, pointer: str, proposals: Iterator[int]) -> Iterator[Problem]:
        width = len(self._cells)
        if isinstance(row, dict):
            yield from self._named_problems(row, pointer, proposals)
        elif isinstance(row, str) and self._layout == "text":
            yield from ()
        elif not isinstance(row, (list, tuple)):
            yield Problem("invalid_row", pointer, f"a list of {width} values, or an object by name", shown(row))
        elif len(row) != width:
            yield Problem("wrong_feature_count", pointer, f"{width} features", f"{len(row)}")
        else:
            for position, (cell, value) in enumerate(zip(self._cells, row, strict=True)):
                yield from _cell_problems(cell, value, f"{pointer}/{position}")

    def _named_problems(self, row: dict[str, Any], pointer: str, proposals: Iterator[int]) -> Iterator[Problem]:
        for name, value in row.items():
            where = f"{pointer}/{escaped(name)}"
            if name in self._by_name:
                yield from _cell_problems(self._by_name[name], value, where)
            else:  # comparing names is slow: only the first few get a proposal
                expected = nearest(name, self._names, compare=next(proposals, None) is not None)
                yield Problem("unknown_feature", where, expected, "no such feature")
        for name in (name for name in self._by_name if name not in row):
            yield Problem("missing_feature", f"{pointer}/{escaped(name)}", "a value of this feature", "none", name)


def nearest(name: str, names: list[str], *, compare: bool = True) -> str:
    """Say what was expected in place of an unknown name: a feature with a similar name, or no index of a data frame."""
    if _INDEX.fullmatch(name):
        return "no column for the index of a data frame (write it with index=False)"
    compared = names[:_MOST_COMPARED]
    short, proposed = name[:_LONGEST], list[str]()
    if compare:
        same = [each for each in compared if each.casefold() == short.casefold()]  # to difflib, "AGE" is not like "age"
        proposed = same or difflib.get_close_matches(short, compared, n=1, cutoff=_NEAR)
    return f"a feature, perhaps {proposed[0]!r}" if proposed else f"one of {', '.join(map(repr, names[:20]))}"


def _cell_problems(cell: CellReader, value: Any, pointer: str) -> Iterator[Problem]:
    if not cell.accepts(value):
        yield Problem("invalid_value", pointer, cell.expected, shown(value), cell.feature.name)
