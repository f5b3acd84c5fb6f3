"""Asks an estimator which values it accepts, one column at a time."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from model.engines.base import Engine
from model.errors import ModelError
from model.prediction import Rows

MOST_ROWS: Final = 64  # in one call
_REFUSALS: Final = (ValueError, TypeError, AttributeError, IndexError, ModelError)
Probe = tuple[int, Any]  # a column's position, and the value to try there


class Prober:
    """Tries values in a row that the engine predicts."""

    def __init__(self, engine: Engine, row: Rows) -> None:
        self._engine = engine
        self._row = row

    def accepted(self, probes: Sequence[Probe]) -> set[int]:
        """Return the positions at which the engine predicts the row with the probe's value.

        The cost of one call grows with the number of columns, so probes share calls for as long as all of them pass.
        """
        found: set[int] = set()
        start, size = 0, 1
        while start < len(probes):
            batch = probes[start : start + size]
            if self._predicts(batch):
                found.update(position for position, _ in batch)
                start, size = start + size, min(2 * size, MOST_ROWS)
            elif size > 1:
                size = 1
            else:
                start += 1
        return found

    def accepting_any(self, candidates: Mapping[int, Sequence[Any]]) -> set[int]:
        """Return the positions at which the engine accepts at least one of the candidates."""
        found: set[int] = set()
        for number in range(max(map(len, candidates.values()), default=0)):
            found |= self.accepted(
                [
                    (position, values[number])
                    for position, values in candidates.items()
                    if position not in found and number < len(values)
                ]
            )
        return found

    def _predicts(self, probes: Sequence[Probe]) -> bool:
        rows = np.repeat(self._row, len(probes), axis=0)
        for row, (position, value) in zip(rows, probes, strict=True):
            row[position] = value
        try:
            self._engine.predict(rows)
        except _REFUSALS:
            return False
        return True
