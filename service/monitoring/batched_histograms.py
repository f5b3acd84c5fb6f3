"""Histograms that several things are observed in at once, for each request: one append now, array operations later.

Writing each observation to a shared file would take 2 µs (docs/decisions/one-record.md).
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from struct import Struct
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.monitoring import metric_files

MOST: Final = 10_000  # observations that wait, where nobody flushes


class BatchedHistograms:
    """Some histograms, each with its upper bounds, that are observed together.

    `values_of` makes the values of each histogram, where NaN is no value, from the `columns` of what was observed. What
    was observed since the last flush is in this process alone: a process that is killed takes it along.
    """

    def __init__(
        self,
        histograms: Sequence[tuple[Any, Sequence[float]]],
        columns: int,
        values_of: Callable[[NDArray[np.float64]], Iterable[NDArray[np.float64]]],
    ) -> None:
        self._histograms, self._values_of = histograms, values_of
        # As bytes: so many objects that stay would have the garbage collector run, and memory go out of the caches.
        self._waiting = deque[bytes]()
        self._pack = Struct(f"{columns}d").pack
        self._flushing = threading.Lock()

    def observe(self, numbers: Iterable[float]) -> None:
        """Observe as many numbers as there are columns; NaN is no number."""
        self._waiting.append(self._pack(*numbers))
        if len(self._waiting) >= MOST:
            self.flush()

    def flush(self) -> None:
        """Write what has been observed so far."""
        with self._flushing:
            batch = [self._waiting.popleft() for _ in range(len(self._waiting))]
            if not batch:
                return
            columns = self._values_of(np.frombuffer(b"".join(batch), np.float64).reshape(len(batch), -1).T)
            for (histogram, bounds), column in zip(self._histograms, columns, strict=True):
                values = column[~np.isnan(column)]
                counts = np.bincount(np.searchsorted(bounds, values), minlength=len(bounds) + 1)
                metric_files.add_to_histogram(histogram, counts.tolist(), float(values.sum()))
