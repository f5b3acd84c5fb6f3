"""From the rows of a JSON document to a finite float64 matrix in one step, or to a list of what is wrong with them."""

import difflib
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from operator import itemgetter
from typing import Any

import numpy as np

from model.engines import Rows
from model.signature import Feature, Signature
from service.errors import InvalidRows, Problem


class RowReader:
    """Reads rows for one model: each a list in the order of the features, or an object by their names."""

    def __init__(self, signature: Signature, max_rows: int) -> None:
        names = signature.names
        self._features = signature.features
        self._by_name = {feature.name: feature for feature in signature.features}
        self._nullable = np.array([feature.nullable for feature in signature.features])
        self._cell_types = {int, float, type(None)} if self._nullable.any() else {int, float}
        self._pick = itemgetter(*names) if len(names) > 1 else lambda row: (row[names[0]],)
        self._max_rows = max_rows

    def read(self, rows: list[Any], pointer: str, *, single: bool = False) -> Rows:
        """Return shape (n, features); raises InvalidRows with JSON pointers below `pointer`."""
        if not 0 < len(rows) <= self._max_rows:
            code = "too_many_rows" if rows else "no_rows"
            raise InvalidRows((Problem(code, pointer, f"1 to {self._max_rows} rows", f"{len(rows)} rows"),))
        matrix = self._convert(rows)
        if matrix is None:
            pointers = [pointer] if single else [f"{pointer}/{position}" for position in range(len(rows))]
            problems = chain.from_iterable(map(self._row_problems, rows, pointers))
            raise InvalidRows(tuple(islice(problems, InvalidRows.MOST)))
        return matrix

    def _convert(self, rows: list[Any]) -> Rows | None:
        """Return the matrix if every row and cell is right, else None; no Python code runs per cell."""
        width = len(self._features)
        if dict in set(map(type, rows)):
            try:
                rows = [self._pick(row) if type(row) is dict and len(row) == width else row for row in rows]
            except KeyError:
                return None
        if not all(type(row) in (list, tuple) and len(row) == width for row in rows):
            return None
        if not set(map(type, chain.from_iterable(rows))) <= self._cell_types:
            return None
        matrix = np.array(rows, dtype=np.float64)
        finite = np.isfinite(matrix)
        # JSON has no NaN, so whatever is not finite was null; it may be where the model takes a missing value.
        return matrix if finite.all() or (finite | self._nullable).all() else None

    def _row_problems(self, row: Any, pointer: str) -> Iterator[Problem]:
        width = len(self._features)
        if isinstance(row, dict):
            yield from self._named_problems(row, pointer)
        elif not isinstance(row, (list, tuple)):
            yield Problem("invalid_row", pointer, f"a list of {width} values, or an object by name", shown(row))
        elif len(row) != width:
            yield Problem("wrong_feature_count", pointer, f"{width} features", f"{len(row)}")
        else:
            for position, (feature, cell) in enumerate(zip(self._features, row, strict=True)):
                yield from _cell_problems(feature, cell, f"{pointer}/{position}")

    def _named_problems(self, row: dict[str, Any], pointer: str) -> Iterator[Problem]:
        for name, cell in row.items():
            where = f"{pointer}/{escaped(name)}"
            if name in self._by_name:
                yield from _cell_problems(self._by_name[name], cell, where)
            else:
                yield Problem("unknown_feature", where, _nearest(name, list(self._by_name)), "no such feature")
        for name in (name for name in self._by_name if name not in row):
            yield Problem("missing_feature", f"{pointer}/{escaped(name)}", "a value of this feature", "none")


def _cell_problems(feature: Feature, cell: Any, pointer: str) -> Iterator[Problem]:
    right = type(cell) in (int, float) or (cell is None and feature.nullable)
    if not right:
        expected = "a number or null" if feature.nullable else "a number"
        yield Problem("invalid_value", pointer, f"{expected} for {feature.name!r}", shown(cell))


def _nearest(name: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(name[:100], names, n=1)
    return f"{near[0]!r}" if near else f"one of {', '.join(map(repr, names[:20]))}"


def escaped(name: str) -> str:
    """Return a name as one step of a JSON pointer (RFC 6901), cut so that an answer stays short."""
    return name[:100].replace("~", "~0").replace("/", "~1")


def shown(value: Any) -> str:
    """Say what a JSON value is, in a few words that are safe to send back."""
    if value is None or isinstance(value, bool):
        return str(value).lower().replace("none", "null")
    if isinstance(value, str):
        return f"the string {value[:40]!r}" + ("…" if len(value) > 40 else "")
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}"
    return "an object" if isinstance(value, dict) else f"the number {value!r}"
