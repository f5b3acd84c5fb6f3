"""Histograms that several things are observed in at once, for each request: one append now, array operations later.

Writing each observation to a shared file would take 2 µs (docs/decisions/one-record.md).
"""

import threading
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from service.monitoring import metric_files

MOST: Final = 10_000  # observations that wait, where nobody flushes


class BatchedHistograms:
    """Some histograms, each with its upper bounds, that are observed together.

    What was observed since the last flush is in this process alone: a process that is killed takes it along.
    """

    def __init__(self, histograms: Sequence[tuple[Any, Sequence[float]]]) -> None:
        self._histograms = histograms
        self._waiting = deque[tuple[float | None, ...]]()
        self._flushing = threading.Lock()

    def observe(self, values: tuple[float | None, ...]) -> None:
        """Observe a value in each histogram, in their order; None is no value."""
        self._waiting.append(values)
        if len(self._waiting) >= MOST:
            self.flush()

    def flush(self) -> None:
        """Write what has been observed so far."""
        with self._flushing:
            batch = [self._waiting.popleft() for _ in range(len(self._waiting))]
            if not batch:
                return
            columns = np.array(batch, dtype=np.float64).T
            for (histogram, bounds), column in zip(self._histograms, columns, strict=True):
                values = column[~np.isnan(column)]
                counts = np.bincount(np.searchsorted(bounds, values), minlength=len(bounds) + 1)
                metric_files.add_to_histogram(histogram, counts.tolist(), float(values.sum()))
