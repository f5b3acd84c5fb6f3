"""Compares the rows that a model has answered with its training data, off the path of requests."""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from model.prediction import Prediction
from service.config.settings import SettingError, Settings
from service.drift.counting import RowCounter, size_of
from service.drift.figures import report_of
from service.drift.pending import TURN_ROWS, Pending, Taken
from service.drift.reference import MOST_NAMED, Reference
from service.drift.report import Report, Window
from service.drift.ring import Ring, Slices, Span, in_memory, open_slot, read_slots, sum_window
from service.serving.served_model import ModelSlot, ServedModel

logger = logging.getLogger(__name__)
TURN_SECONDS: Final = 0.5
PIECE_ROWS: Final = 256  # that are counted at once; more would keep other threads waiting
_NANOSECONDS: Final = 60 * 10**9  # in a minute


@dataclass(frozen=True)
class _Comparison:
    """What is needed to compare the rows of one model."""

    served: ServedModel
    reference: Reference
    counter: RowCounter
    slices: Slices
    ring: Ring


class DriftMonitor:
    """Compares the rows of a sliding window with the training data of the model that is served.

    `directory` is where workers share their counts; without one, this process counts for itself.
    """

    def __init__(self, settings: Settings, slot: ModelSlot, directory: Path | None = None) -> None:
        if len(settings.drift_features) > MOST_NAMED:
            raise SettingError(f"DRIFT_FEATURES: expected at most {MOST_NAMED} names.")
        if settings.drift_least_rows > settings.drift_rows:
            raise SettingError(f"DRIFT_LEAST_ROWS: expected at most DRIFT_ROWS={settings.drift_rows}.")
        self._settings, self._model, self._directory = settings, slot, directory
        self._span = Span(settings.drift_rows, int(settings.drift_minutes * _NANOSECONDS))
        self._pending = Pending(min(TURN_ROWS, 2 * settings.drift_rows))
        self._worker: str | None = None
        self._comparison: _Comparison | None = None
        self._counting = threading.Lock()
        self._failed = False
        self.add = self._pending.add

    def start(self, slot: str) -> None:
        """Start the thread that counts, in the worker of this slot; raises RuntimeError if it cannot be started."""
        self._worker, self._comparison = slot, None  # one made before the fork has no file of this slot
        threading.Thread(target=self._run, name="drift", daemon=True).start()

    def count_pending(self) -> None:
        """Count the pending rows; if that fails, they are lost, and the first failure is logged."""
        with self._counting:
            comparison = self._current()
            try:
                for rows, prediction in _pieces(self._pending.take(), min(PIECE_ROWS, self._span.piece_rows)):
                    counts = comparison.counter.count(rows, prediction)
                    comparison.ring.add(len(rows), counts, time.monotonic_ns())
            except Exception:
                if not self._failed:
                    logger.exception("rows could not be compared with the training data")
                self._failed = True

    def report(self) -> Report:
        """Return the report of the current window, over the rows of all workers."""
        self.count_pending()
        with self._counting:
            comparison = self._current()
        settings, model = self._settings, comparison.served.contract.identity
        rings = [comparison.slices]
        if self._directory is not None:
            size = size_of(comparison.reference)
            rings = read_slots(self._directory, model.digest, size) or [in_memory(size)]
        content = sum_window(rings, self._span, time.monotonic_ns())
        window = Window(
            rows=content.rows,
            minutes=settings.drift_minutes,
            most_rows=settings.drift_rows,
            least_rows=settings.drift_least_rows,
            enough=content.rows >= settings.drift_least_rows,
            oldest_seconds=None if content.oldest is None else round(content.oldest / 1e9, 3),
        )
        return report_of(model, window, comparison.reference, content.counts)

    def _run(self) -> None:
        while True:
            time.sleep(TURN_SECONDS)
            self.count_pending()

    def _current(self) -> _Comparison:
        """Return the comparison for the model that is served now; outside tests, a worker serves only one."""
        served = self._model.current
        if self._comparison is None or self._comparison.served is not served:
            settings = self._settings
            reference = Reference.of(served.loaded.manifest, settings.drift_features, settings.log_redact)
            slices = self._slices(served.loaded.digest, size_of(reference))
            ring = Ring(slices, self._span)
            self._comparison = _Comparison(served, reference, RowCounter(reference), slices, ring)
        return self._comparison

    def _slices(self, digest: str, size: int) -> Slices:
        if self._directory is not None and self._worker is not None:
            try:
                return open_slot(self._directory, self._worker, digest, size)
            except OSError as error:
                logger.error("no room for what a worker finds out about drift: %s", error)  # noqa: TRY400  # one line
        return in_memory(size)


def _pieces(taken: Iterator[Taken], most: int) -> Iterator[Taken]:
    """Yield rows in pieces of at most so many, with those of small requests joined."""
    waiting: list[Taken] = []
    rows = 0
    for each in taken:
        if rows + len(each[0]) > most:
            yield from _in_few_sizes(waiting, most)
            waiting, rows = [], 0
        waiting.append(each)
        rows += len(each[0])
    yield from _in_few_sizes(waiting, most)


def _in_few_sizes(waiting: Sequence[Taken], most: int) -> Iterator[Taken]:
    """Join the rows of 1, 2, 4, … requests, so that arrays have few sizes: numpy keeps blocks of each small size."""
    while waiting:
        count = 1 << (len(waiting).bit_length() - 1)
        yield from _joined(waiting[:count], most)
        waiting = waiting[count:]


def _joined(waiting: Sequence[Taken], most: int) -> Iterator[Taken]:
    rows = _concatenated([rows for rows, _ in waiting])
    labels = _concatenated([prediction.labels for _, prediction in waiting])
    parts = [prediction.probabilities for _, prediction in waiting]
    probabilities = _concatenated(parts) if all(isinstance(part, np.ndarray) for part in parts) else None
    for start in range(0, len(rows), most):
        piece = slice(start, start + most)
        yield rows[piece], Prediction(labels[piece], None if probabilities is None else probabilities[piece])


def _concatenated(arrays: Sequence[Any]) -> Any:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
