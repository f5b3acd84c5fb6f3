"""Counts rows and their predictions, in one vector of integers for any number of rows; vectors can be added up."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.columns import is_missing
from model.prediction import Prediction, Rows
from service.drift.reference import BINS, CATEGORIES, LONGEST, FeatureReference, Reference

Counts = NDArray[np.int64]
MISSING, UNSEEN, OUTSIDE, FIRST_BIN = range(4)
WIDTH: Final = FIRST_BIN + CATEGORIES + 1  # of one feature


@dataclass(frozen=True)
class Totals:
    """The parts of a vector of counts, of shapes (features, WIDTH), (classes,) and (BINS,)."""

    features: Counts
    classes: Counts
    scores: Counts

    @classmethod
    def of(cls, vector: Counts, reference: Reference) -> "Totals":
        """Return the parts of a vector, which share its memory."""
        size = WIDTH * len(reference.features)
        return cls(vector[:size].reshape(-1, WIDTH), vector[size:-BINS], vector[-BINS:])


def size_of(reference: Reference) -> int:
    """Return the length of a vector."""
    return WIDTH * len(reference.features) + len(reference.classes) + BINS


class RowCounter:
    """Counts rows against a reference."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        features = reference.features
        self._of_numbers = [index for index, each in enumerate(features) if each.numbers is not None]
        self._others = [(index, each) for index, each in enumerate(features) if each.numbers is None]
        numbers = [each.numbers for each in features if each.numbers is not None]
        self._columns = [features[index].column for index in self._of_numbers]
        self._edges = np.array([each.edges for each in numbers]).reshape(len(numbers), BINS - 1)
        self._low = np.array([each.low - each.rounding for each in numbers])
        self._high = np.array([each.high + each.rounding for each in numbers])
        scores = reference.scores
        self._score_edges = np.full((1, BINS - 1), np.nan) if scores is None else scores.edges[np.newaxis]

    def count(self, rows: Rows, prediction: Prediction) -> Counts:
        """Return the counts of rows with their predictions."""
        vector = np.zeros(size_of(self._reference), dtype=np.int64)
        totals = Totals.of(vector, self._reference)
        if self._columns:
            self._count_numbers(totals.features, rows[:, self._columns])
        for index, feature in self._others:
            self._count_cells(totals.features[index], rows[:, feature.column], feature)
        if self._reference.positions:
            self._count_classes(totals, prediction)
        elif self._reference.score:
            _add_bins(totals.scores[np.newaxis], prediction.labels[:, np.newaxis], self._score_edges)
        return vector

    def _count_numbers(self, counts: Counts, cells: NDArray[Any]) -> None:
        numbers = cells.astype(np.float64)  # None becomes NaN
        bins = np.zeros((len(self._columns), BINS), dtype=np.int64)
        present = _add_bins(bins, numbers, self._edges)
        counts[self._of_numbers, MISSING] = len(numbers) - present
        counts[self._of_numbers, OUTSIDE] = ((numbers < self._low) | (numbers > self._high)).sum(axis=0)
        counts[self._of_numbers, FIRST_BIN : FIRST_BIN + BINS] = bins

    def _count_cells(self, counts: Counts, cells: NDArray[Any], feature: FeatureReference) -> None:
        categories = feature.categories
        if categories is None:
            counts[MISSING] = (
                np.isnan(cells).sum() if cells.dtype.kind == "f" else sum(map(_is_missing, cells.tolist()))
            )
            return
        for cell, count in Counter(cells.tolist()).items():
            if _is_missing(cell):
                counts[MISSING] += count
                continue
            name = str(cell)[:LONGEST]
            counts[FIRST_BIN + categories.bins.get(name, len(categories.bins))] += count
            if categories.known is not None and name not in categories.known:
                counts[UNSEEN] += count

    def _count_classes(self, totals: Totals, prediction: Prediction) -> None:
        reference, labels = self._reference, prediction.labels
        positions = np.array([reference.positions.get(label, -1) for label in labels.tolist()])
        known = np.flatnonzero(positions >= 0)
        shown = np.minimum(positions[known], len(reference.classes) - 1)
        totals.classes[:] = np.bincount(shown, minlength=len(reference.classes))
        if reference.score and isinstance(prediction.probabilities, np.ndarray):
            scores = prediction.probabilities[known, positions[known]]
            _add_bins(totals.scores[np.newaxis], scores[:, np.newaxis], self._score_edges)


def _add_bins(bins: Counts, numbers: NDArray[np.float64], edges: NDArray[np.float64]) -> Counts:
    """Count the numbers of each column by bin; return how many numbers each column has.

    A number that equals an edge is in the bin below it. NaN is not counted, and no number is above an edge of NaN.
    """
    present: Counts = len(numbers) - np.isnan(numbers).sum(axis=0)
    above = (numbers[:, :, np.newaxis] > edges).sum(axis=0)
    bins += -np.diff(above, axis=1, prepend=present[:, np.newaxis], append=0)
    return present


def _is_missing(cell: Any) -> bool:
    return is_missing(cell) or (isinstance(cell, np.datetime64) and bool(np.isnat(cell)))
