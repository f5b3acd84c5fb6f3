"""Checks the cells of one feature, and says in words what the feature accepts and what a request has instead."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from model.columns import parse_cells
from model.signature import Dtype, Feature

_TYPES: Final[dict[Dtype, frozenset[type]]] = {
    "float64": frozenset({int, float}),
    "bool": frozenset({bool}),
    "string": frozenset({str}),
    "datetime": frozenset({str}),
    "any": frozenset({int, float, bool, str}),
}
_WORDS: Final[dict[Dtype, str]] = {
    "float64": "a number",
    "bool": "true or false",
    "string": "a string",
    "datetime": "an ISO 8601 date or time as a string",
    "any": "any value",
}
_MOST_NAMED: Final = 10


@dataclass(frozen=True)
class CellReader:
    """Reads the cells of one feature, which are JSON values."""

    feature: Feature

    @cached_property
    def types(self) -> frozenset[type]:
        """The Python types of the JSON values that the feature accepts."""
        return _TYPES[self.feature.dtype] | ({type(None)} if self.feature.nullable else frozenset())

    @cached_property
    def allowed(self) -> frozenset[Any] | None:
        """The only values that the feature accepts; None if it accepts every value of its types."""
        categories = self.feature.categories
        return None if categories is None else frozenset(categories) | {None}

    @cached_property
    def expected(self) -> str:
        """What the feature accepts, in words."""
        feature = self.feature
        words = _WORDS[feature.dtype]
        if feature.categories is not None:
            named = ", ".join(repr(value)[:40] for value in feature.categories[:_MOST_NAMED])
            more = len(feature.categories) - _MOST_NAMED
            words = f"one of {named}" + (f" and {more} more" if more > 0 else "")
        return f"{words}{' or null' if feature.nullable else ''} for {feature.name!r}"

    def accepts(self, cell: Any) -> bool:
        """Return whether one cell is valid."""
        if type(cell) not in self.types or not (self.allowed is None or cell in self.allowed):
            return False
        return self.feature.dtype != "datetime" or self.read([cell]) is not None

    def invalid(self, cells: Sequence[Any]) -> Iterator[int]:
        """Yield the positions of the invalid cells."""
        if self.read(cells) is not None:
            return iter(())
        return (position for position, cell in enumerate(cells) if not self.accepts(cell))

    def read(self, cells: Sequence[Any]) -> np.ndarray[Any, Any] | None:
        """Return a column in the form that the model takes, or None if any cell is invalid.

        No Python code runs for each cell, except for dates.
        """
        if not set(map(type, cells)) <= self.types:
            return None
        if self.allowed is not None and not self.allowed.issuperset(cells):
            return None
        try:
            return parse_cells(cells, self.feature.dtype)
        except ValueError:  # a string that is not a date
            return None


def only_numbers(features: Sequence[Feature]) -> bool:
    """Return whether every feature accepts every number."""
    return all(each.dtype == "float64" and each.categories is None for each in features)
