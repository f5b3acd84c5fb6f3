"""Rows that were answered and are not counted yet, as references: what is appended by a request costs next to nothing.

If there are many, only every second one is taken, or every fourth, and so on, evenly over all requests.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from model.prediction import Prediction, Rows

TURN_ROWS: Final = 1000  # that are to be counted in a turn
MOST_ROWS: Final = 4 * TURN_ROWS  # that wait for the turn, until the next ones are thinned out further


@dataclass(frozen=True)
class Taken:
    """Rows that were taken, with their predictions."""

    rows: Rows
    prediction: Prediction


class Pending:
    """Collects rows between two turns; several threads may add some."""

    def __init__(self, turn_rows: int = TURN_ROWS) -> None:
        self._turn_rows = turn_rows
        self._taken: deque[Taken] = deque()
        self._seen = 0  # rows in this turn
        self._held = 0  # rows that were taken of them
        self._stride = 1

    def add(self, rows: Rows, prediction: Prediction) -> None:
        """Take rows, or some of them; nobody changes them any more."""
        count = len(rows)
        while count > MOST_ROWS * self._stride:
            self._stride *= 2
        stride = self._stride
        first = -self._seen % stride
        self._seen += count
        if first >= count:
            return
        if stride > 1 and count > 1:  # copied, so that the others do not stay in memory
            chosen = np.arange(first, count, stride)
            labels, probabilities = _some(prediction.labels, chosen), _some(prediction.probabilities, chosen)
            rows, prediction = rows[chosen], Prediction(labels, probabilities)
        self._taken.append(Taken(rows, prediction))
        self._held += len(rows)
        if self._held >= MOST_ROWS:
            self._stride, self._held = 2 * stride, self._held // 2

    def take(self) -> Iterator[Taken]:
        """Yield what is there, in the order in which it came, and begin the next turn."""
        self._stride = max(1, -(-self._seen // self._turn_rows))
        self._seen = self._held = 0
        for _ in range(len(self._taken)):
            yield self._taken.popleft()


def _some(values: Any, chosen: Any) -> Any:
    return values[chosen] if isinstance(values, np.ndarray) else None
