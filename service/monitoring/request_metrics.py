"""The series of requests, looked up once: how many, with what outcome, how long they took, and what was refused."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.errors import OK, TABLE, status_class
from service.monitoring.batched_histograms import BatchedHistograms
from service.monitoring.catalogue import BYTES, OUTCOMES, PHASE_SECONDS, PHASES, ROWS

# The phases in the order in which a request enters them. It queues a second time, for room for its rows.
STEPS: Final = ("read", "queue", "parse", "queue", "predict", "encode")
_NONE: Final = (math.nan,) * len(STEPS)


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
