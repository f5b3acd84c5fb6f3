"""Histograms that are observed together, once for each request: one append now, array operations later.

Writing each observation to a shared file would take 2 µs (docs/decisions/one-record.md).
"""

import math
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from struct import Struct
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.monitoring import metric_files

MOST: Final = 10_000  # observations that may wait; `observe` flushes so many
# Observations are written in pieces of 64, 128, 256 or 512, padded with NaN. numpy keeps up to seven blocks of each
# size that a small array ever had, so arrays of any length would make a worker's memory grow for a long time.
SHORTEST: Final = 64
LONGEST: Final = 512


class BatchedHistograms:
    """Histograms, each with its upper bounds, that are observed together.

    An observation is `columns` numbers. `values_of` turns an array of them, of shape (columns, observations), into the
    values of each histogram; NaN is not counted. What was observed since the last flush is in this process alone, and
    is lost if the process is killed.
    """

    def __init__(
        self,
        histograms: Sequence[tuple[Any, Sequence[float]]],
        columns: int,
        values_of: Callable[[NDArray[np.float64]], Iterable[NDArray[np.float64]]],
    ) -> None:
        self._histograms, self._values_of = histograms, values_of
        # As bytes: so many long-lived objects would make the garbage collector run, and evict the processor's caches.
        self._waiting = deque[bytes]()
        self._pack = Struct(f"{columns}d").pack
        self._nothing = self._pack(*[math.nan] * columns)
        self._flushing = threading.Lock()

    def observe(self, numbers: Iterable[float]) -> None:
        """Observe as many numbers as there are columns; NaN stands for a missing one."""
        self._waiting.append(self._pack(*numbers))
        if len(self._waiting) >= MOST:
            self.flush()

    def flush(self) -> None:
        """Write what has been observed so far."""
        with self._flushing:
            batch = [self._waiting.popleft() for _ in range(len(self._waiting))]
            for start in range(0, len(batch), LONGEST):
                self._write(batch[start : start + LONGEST])

    def _write(self, piece: list[bytes]) -> None:
        length = max(SHORTEST, 1 << (len(piece) - 1).bit_length())
        piece += [self._nothing] * (length - len(piece))
        columns = self._values_of(np.frombuffer(b"".join(piece), np.float64).reshape(length, -1).T)
        for (histogram, bounds), column in zip(self._histograms, columns, strict=True):
            present = ~np.isnan(column)
            counts = np.bincount(np.searchsorted(bounds, column), present, len(bounds) + 1)
            metric_files.add_to_histogram(histogram, counts.tolist(), float(column.sum(where=present)))
