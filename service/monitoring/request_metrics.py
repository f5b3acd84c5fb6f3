"""The series of requests, looked up once: how many, with what outcome, how long they took, and what was refused.

A request appends its measurements, and they are written later, by array operations: writing each one to a shared file
would take 2 µs (docs/decisions/one-record.md).
"""

import math
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from struct import Struct
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.errors import OK, TABLE, status_class
from service.monitoring import metric_files
from service.monitoring.catalogue import BYTES, OUTCOMES, PHASE_SECONDS, PHASES, ROWS

# The phases in the order in which a request enters them. It queues a second time, for room for its rows.
STEPS: Final = ("read", "queue", "parse", "queue", "predict", "encode")
_NONE: Final = (math.nan,) * len(STEPS)
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


def _phases(columns: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """Yield the seconds in each of the PHASES, then the rows and the sizes of answers.

    `columns` are when each of the STEPS began and the last one ended, the rows, and the sizes.
    """
    *moments, rows, sizes = columns
    read, queue, parse, again, predict, encode = np.diff(moments, axis=0)
    yield from (read, queue + np.nan_to_num(again), parse, predict, encode, rows, sizes)


class RequestMetrics:
    """Counts requests; `made` are the metrics of the catalogue, by their names."""

    def __init__(self, made: Mapping[str, Any], protocols: Iterable[str]) -> None:
        counts, durations, refused = (
            made[name] for name in ("requests_total", "request_duration_seconds", "refused_requests_total")
        )
        statuses = {code: status_class(code) for code in (OK, *TABLE)}
        self._by_code: dict[tuple[str, str], tuple[Any, Any]] = {}
        for protocol in protocols:
            by_status = {status: durations.labels(protocol, outcome) for status, outcome in OUTCOMES.items()}
            for code, status in statuses.items():
                self._by_code[protocol, code] = counts.labels(protocol, code, status), by_status[status]
        self._refused = {code: refused.labels(code, statuses[code]) for code in TABLE}
        self._shed = made["shed_requests_total"]
        phases = made["phase_duration_seconds"]
        batched = BatchedHistograms(
            (
                *((phases.labels(phase), PHASE_SECONDS) for phase in PHASES),
                (made["request_rows"], ROWS),
                (made["response_size_bytes"], BYTES),
            ),
            len(STEPS) + 3,
            _phases,
        )
        self._measured, self.flush = batched.observe, batched.flush

    def answered(self, protocol: str, code: str, seconds: float) -> None:
        """Count one request by its outcome."""
        count, duration = self._by_code[protocol, code]
        count.inc()
        duration.observe(seconds)

    def measured(self, moments: Sequence[float], rows: float = math.nan, size: float = math.nan) -> None:
        """Note when each of the STEPS began and the last one ended, in seconds; a failed request has only some steps.

        An answer also has its rows, and the size of its body in bytes.
        """
        self._measured((*moments, *_NONE[len(moments) - 1 :], rows, size))

    def shed(self, reason: str) -> None:
        """Count one prediction request that was shed."""
        self._shed.labels(reason).inc()

    def refused(self, code: str) -> None:
        """Count one request that was refused and is no prediction request."""
        self._refused[code].inc()
