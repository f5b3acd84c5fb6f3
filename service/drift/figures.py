"""Computes the drift report from counts."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.drift.counting import FIRST_BIN, MISSING, OUTSIDE, UNSEEN, Counts, Totals
from service.drift.reference import BINS, OTHER, FeatureReference, Numbers, Reference
from service.drift.report import LIMITS, Bin, FeatureDrift, Over, PredictionDrift, Report, ScoreDrift, Window
from service.protocols.base import ModelIdentity

Shares = NDArray[np.float64] | None
LEAST_SHARE: Final = 0.0001  # of a bin in training; smaller ones count as this
SMOOTHING: Final = 0.5  # rows that are added to each bin, so that none is empty by chance
MISSING_ERRORS: Final = 3  # standard errors of the missing share in the window, by which it may exceed its limit


def report_of(model: ModelIdentity, window: Window, reference: Reference, vector: Counts) -> Report:
    """Return the report of the rows in a window."""
    totals = Totals.of(vector, reference)
    judge = _Judge(window)
    features = tuple(map(judge.feature, reference.features, totals.features))
    prediction, score = judge.prediction(reference, totals.classes), judge.score(reference, totals.scores)
    over = tuple(_over(window.rows, features, prediction, score))
    return Report(model, window, LIMITS, over, features, prediction, score)


class _Judge:
    """Computes figures; they are None with fewer rows than the least."""

    def __init__(self, window: Window) -> None:
        self._rows, self._least = window.rows, window.least_rows

    def feature(self, reference: FeatureReference, counts: Counts) -> FeatureDrift:
        """Return the figures of one feature."""
        numbers, categories = reference.numbers, reference.categories
        in_bins = counts[FIRST_BIN:]
        bins: tuple[Bin, ...] = ()
        training: Shares = None
        outside = numbers is not None and np.isfinite(numbers.high) and reference.kind == "number"
        if numbers is not None:
            in_bins, training = in_bins[:BINS], numbers.shares
            bins = self._number_bins(numbers, in_bins)
        if reference.kind == "boolean":
            bins = tuple(
                Bin(value, None, None, bins[index].training, bins[index].window)
                for value, index in (("false", 0), ("true", -1))
            )
        if categories is not None:
            in_bins, training = in_bins[: len(categories.bins) + 1], categories.shares
            bins = self._named_bins((*categories.bins, OTHER), training, in_bins)
        shown = not reference.hidden
        return FeatureDrift(
            name=reference.name,
            kind=reference.kind,
            psi=self._index(in_bins, training),
            missing_ratio=self._ratio(counts[MISSING]),
            training_missing_ratio=reference.missing,
            unseen_ratio=self._ratio(counts[UNSEEN]) if categories is not None and categories.known else None,
            out_of_range_ratio=self._ratio(counts[OUTSIDE]) if outside else None,
            training_range=(numbers.low, numbers.high) if numbers is not None and outside and shown else None,
            bins=bins if shown else (),
        )

    def prediction(self, reference: Reference, counts: Counts) -> PredictionDrift:
        """Return the figures of the predicted classes."""
        shares = reference.class_shares
        bins = self._named_bins(reference.classes, shares, counts)
        return PredictionDrift(self._index(counts, shares), bins)

    def score(self, reference: Reference, counts: Counts) -> ScoreDrift:
        """Return the figures of the scores."""
        if reference.scores is None or reference.scores.shares is None:
            return ScoreDrift(reference.score, None, ())
        index = self._index(counts, reference.scores.shares)
        return ScoreDrift(reference.score, index, self._number_bins(reference.scores, counts))

    def _index(self, counts: Counts, training: Shares) -> float | None:
        return _stability_index(counts, training) if counts.sum() >= self._least else None

    def _ratio(self, count: int) -> float | None:
        return float(count / self._rows) if self._rows >= self._least else None

    def _shares(self, counts: Counts) -> list[float | None]:
        total = int(counts.sum())
        return (counts / total).tolist() if total >= self._least else [None] * len(counts)

    def _named_bins(self, names: Sequence[str], training: Shares, counts: Counts) -> tuple[Bin, ...]:
        known = [None] * len(names) if training is None else training.tolist()
        shares = zip(names, known, self._shares(counts), strict=True)
        return tuple(Bin(name, None, None, before, now) for name, before, now in shares)

    def _number_bins(self, numbers: Numbers, counts: Counts) -> tuple[Bin, ...]:
        if numbers.shares is None:
            return ()
        ends = pairwise([None, *numbers.edges.tolist(), None])
        shares = zip(ends, numbers.shares.tolist(), self._shares(counts), strict=True)
        return tuple(Bin(None, low, high, before, now) for (low, high), before, now in shares)


def _stability_index(counts: NDArray[np.int64], training: Shares) -> float | None:
    """Return the PSI of counted rows against shares in training, None if there are no rows or no shares.

    The population stability index is the sum of (share - training) * ln(share / training) over the bins that have rows
    in either.
    """
    rows = int(counts.sum())
    if rows == 0 or training is None:
        return None
    used = (counts > 0) | (training > 0)
    share = (counts[used] + SMOOTHING) / (rows + SMOOTHING * np.count_nonzero(used))
    expected = np.maximum(training[used], LEAST_SHARE)
    return float(np.sum((share - expected) * np.log(share / expected)))


def _over(
    rows: int, features: Sequence[FeatureDrift], prediction: PredictionDrift, score: ScoreDrift
) -> Iterator[Over]:
    """Yield the figures that are over their limits."""
    figures: list[tuple[str | None, str, float | None, float]] = []
    for each in features:
        most_missing = _missing_limit(each.training_missing_ratio or 0.0, max(1, rows))
        figures += [
            (each.name, "psi", each.psi, LIMITS.psi),
            (each.name, "missing_ratio", each.missing_ratio, most_missing),
            (each.name, "unseen_ratio", each.unseen_ratio, LIMITS.unseen_ratio),
            (each.name, "out_of_range_ratio", each.out_of_range_ratio, LIMITS.out_of_range_ratio),
        ]
    figures += [(None, "prediction_psi", prediction.psi, LIMITS.psi), (None, "score_psi", score.psi, LIMITS.psi)]
    for feature, figure, value, limit in figures:
        if value is not None and value > limit:
            yield Over(feature, figure, value, limit)


def _missing_limit(training: float, rows: int) -> float:
    """Return the limit of the share of missing values in a window of so many rows, given that in training."""
    error = math.sqrt(training * (1 - training) / rows)
    return training + LIMITS.missing_ratio_above_training + MISSING_ERRORS * error
