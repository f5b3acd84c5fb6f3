"""Rows that were answered and are not counted yet. They are kept as references, which costs a request next to nothing.

If there are many, only every second row is taken, or every fourth, and so on, evenly over all requests.
"""

from collections import deque
from collections.abc import Iterator
from itertools import cycle
from typing import Any, Final

import numpy as np

from model.prediction import Prediction, Rows

TURN_ROWS: Final = 1000  # that one turn is meant to count
MOST_ROWS: Final = 4 * TURN_ROWS  # that may wait for a turn, before the next ones are thinned out further
MOST_ROW_BYTES: Final = 2**16  # of a request, for each of its rows; larger rows are not compared
Taken = tuple[Rows, Prediction]


class Pending:
    """Collects rows between two turns; several threads may add some.

    Nearly all requests have one row. So `add` does little more than append it: during a request, this object is not in
    the processor's caches, and each attribute that it wrote would cost a tenth of a microsecond.
    """

    def __init__(self, turn_rows: int = TURN_ROWS) -> None:
        self._turn_rows = turn_rows
        self._single = deque[Taken](maxlen=MOST_ROWS)  # of requests of one row
        self._several = deque[Taken]()  # of other requests
        self._take_every(1)
        self._begin()

    def _take_every(self, stride: int) -> None:
        """Take one row out of so many from here on."""
        self._stride = stride
        self._is_taken = cycle([True, *[False] * (stride - 1)])  # whether to take the next single row

    def _begin(self) -> None:
        # Rows of requests of several: to be skipped before the next one is taken, seen, and taken.
        self._skipping = self._seen = self._held = 0

    def add(self, rows: Rows, prediction: Prediction) -> None:
        """Take rows, or some of them; the caller no longer changes them."""
        if len(rows) == 1:
            if next(self._is_taken):
                self._single.append((rows, prediction))
        else:
            self._add_some(rows, prediction, len(rows))

    def _add_some(self, rows: Rows, prediction: Prediction, count: int) -> None:
        while count > MOST_ROWS * self._stride:
            self._take_every(2 * self._stride)
        chosen = range(max(0, self._skipping), count, self._stride)
        self._skipping += len(chosen) * self._stride - count
        self._seen += count
        self._held += len(chosen)
        if 0 < len(chosen) < count:  # copied, so that the others do not stay in memory
            some = list(chosen)
            rows, prediction = rows[some], Prediction(prediction.labels[some], _some(prediction.probabilities, some))
        if chosen:
            self._several.append((rows, prediction))
        if self._held >= MOST_ROWS:
            self._held //= 2
            self._take_every(2 * self._stride)

    def take(self) -> Iterator[Taken]:
        """Yield the rows that wait, and begin the next turn."""
        seen = self._seen + len(self._single) * self._stride
        self._begin()
        self._take_every(max(1, -(-seen // self._turn_rows)))
        for waiting in (self._single, self._several):
            for _ in range(len(waiting)):
                yield waiting.popleft()


def _some(probabilities: Any, chosen: list[int]) -> Any:
    return probabilities[chosen] if isinstance(probabilities, np.ndarray) else None
