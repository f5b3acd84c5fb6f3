"""Compares what was answered with what a bundle answers now, in bounded memory."""

import random
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.errors import ModelError
from service.errors import InvalidRows
from service.protocols.json_shapes import values_by_row
from service.replay.log_lines import INCOMPLETE, Logged
from service.serving.served_model import ServedModel

EDGES: Final = (0.0, 1e-12, 1e-9, 1e-6, 1e-3, 1e-2, 1e-1, 1.0)  # of the distribution of differences
_LARGEST: Final = 20  # rows that are shown
_POINTS: Final = 2000  # rows that are plotted
_MOST_NAMES: Final = 100  # models, reasons, and changes of labels that are counted by name
_LONGEST: Final = 200  # characters of a reason

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """A row that is answered differently now."""

    size: float
    request_id: str
    row: int
    before: str
    now: str
    score_before: float | None
    score_now: float | None


class Comparison:
    """Compares predictions line by line. Rows with the same label that differ by at most the tolerance are close."""

    def __init__(self, served: ServedModel, tolerance: float) -> None:
        self._served = served
        self._tolerance = tolerance
        self._numeric = served.contract.signature.classes is None
        self._random = random.Random(0)  # noqa: S311  # which rows are plotted
        self._weights: list[float] = []  # of `largest`, as negative numbers, so that they ascend
        self.largest: list[Difference] = []  # the rows that differ most, the most different first
        self.counts = Counter[str]()
        self.models = Counter[str]()
        self.skipped = Counter[str]()
        self.labels = Counter[tuple[str, str]]()
        self.sizes = np.zeros(len(EDGES) + 1, dtype=np.int64)
        self.points: list[tuple[float, float, bool]] = []

    def add(self, lines: Iterable[Logged | str]) -> Iterator[None]:
        """Replay lines, or count why they are skipped, and yield after each."""
        for line in lines:
            if isinstance(line, Logged):
                _count(self.models, line.model)
                self._replay(line)
            else:
                _count(self.skipped, line)
            yield

    def _replay(self, line: Logged) -> None:
        served = self._served
        try:
            rows = served.contract.rows.read(line.inputs, "/inputs")
            prediction = served.predictor.predict(rows)
        except InvalidRows as error:
            problem = error.problems[0]
            reason = f"this bundle refuses the rows: {problem.pointer}: expected {problem.expected}, got {problem.got}"
            _count(self.skipped, reason[:_LONGEST])
            return
        except ModelError as error:
            _count(self.skipped, f"this bundle refuses the rows: {error.code}: {error}"[:_LONGEST])
            return
        if line.rows > len(line.inputs):
            self.counts["truncated"] += line.rows - len(line.inputs)
        labels = prediction.labels.tolist()
        numbers = prediction.labels if self._numeric else prediction.probabilities
        logged = line.predictions if self._numeric else line.probabilities
        now = _matrix(None if numbers is None else values_by_row(numbers))
        try:
            before = _matrix(logged)
        except (ValueError, TypeError):
            _count(self.skipped, INCOMPLETE)
            return
        if before is not None and now is not None and before.shape != now.shape:
            _count(self.skipped, "this bundle has another number of classes or outputs")
            return
        self.counts["requests"] += 1
        self._compare(line, labels, before, now)

    def _compare(self, line: Logged, labels: list[Any], before: Array | None, now: Array | None) -> None:
        sizes = np.zeros(len(labels))
        scores: list[tuple[float, float] | tuple[None, None]] = [(None, None)] * len(labels)
        if before is not None and now is not None:
            sizes = np.abs(now - before).max(axis=1)
            scores = list(map(_scores, before, now))
        self.sizes += np.bincount(np.searchsorted(EDGES, sizes), minlength=len(self.sizes))
        rows = zip(line.predictions, labels, sizes.tolist(), scores, strict=True)
        for row, (old, new, size, (score_before, score_now)) in enumerate(rows):
            changed = not self._numeric and old != new
            different = changed or size > self._tolerance
            self.counts["different" if different else "close" if size else "identical"] += 1
            names = str(old)[:_LONGEST], str(new)[:_LONGEST]
            if changed:
                self.counts["changed labels"] += 1
                _count(self.labels, names, ("(other)", "(other)"))
            if score_before is not None and score_now is not None:
                self._plot((score_before, score_now, changed))
            if different:
                found = Difference(size, line.request_id[:_LONGEST], row, *names, score_before, score_now)
                self._keep(found, size + changed)

    def _keep(self, difference: Difference, weight: float) -> None:
        """Keep a difference if it is among the largest; a label that changed weighs more than any probability."""
        at = bisect_right(self._weights, -weight)
        self._weights.insert(at, -weight)
        self.largest.insert(at, difference)
        del self._weights[_LARGEST:], self.largest[_LARGEST:]

    def _plot(self, point: tuple[float, float, bool]) -> None:
        """Keep a random sample of the rows (algorithm R)."""
        seen = self.counts["identical"] + self.counts["close"] + self.counts["different"]
        if len(self.points) < _POINTS:
            self.points.append(point)
        elif (index := self._random.randrange(seen)) < _POINTS:
            self.points[index] = point


def _matrix(values: Any) -> Array | None:
    """Return numbers as a matrix with one line for each row; None if there are none."""
    if values is None:
        return None
    try:
        matrix = np.asarray(values, dtype=np.float64)
        return matrix.reshape(len(matrix), -1)
    except (ValueError, TypeError):  # outputs with different numbers of classes
        flat = [np.concatenate([np.ravel(part) for part in row]) for row in values]
        return np.asarray(flat, dtype=np.float64)


def _scores(before: Array, now: Array) -> tuple[float, float]:
    """Return the score of a row before and now: of two classes the second's, of more that of the likeliest before."""
    index = 1 if len(before) == 2 else int(before.argmax()) if len(before) > 1 else 0
    return float(before[index]), float(now[index])


def _count(counter: Counter[Any], name: Any, other: Any = "(other)") -> None:
    """Count by name, at most so many names: a log of unknown origin may have any number."""
    counter[name if name in counter or len(counter) < _MOST_NAMES else other] += 1
