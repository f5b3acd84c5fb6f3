"""Chooses labels by thresholds of probabilities, in place of the classifier's own labels."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.engines.base import Engine
from model.prediction import Prediction, Rows


def choose_classes(probabilities: NDArray[np.float64], thresholds: Sequence[float | None]) -> NDArray[np.int64]:
    """Return the index of each row's class; `thresholds` has a number or None for each column.

    Among the classes whose probability is at least their threshold, the one with the largest ratio of probability to
    threshold is chosen. If there is none, it is the most probable class without a threshold; if all classes have
    thresholds, the one with the largest ratio.
    """
    named = np.array([index for index, each in enumerate(thresholds) if each is not None])
    others = np.array([index for index, each in enumerate(thresholds) if each is None], dtype=np.int64)
    ratios = probabilities[:, named] / np.array([each for each in thresholds if each is not None])
    chosen: NDArray[np.int64] = named[ratios.argmax(axis=1)]
    if len(others):
        chosen = np.where(ratios.max(axis=1) >= 1, chosen, others[probabilities[:, others].argmax(axis=1)])
    return chosen


class ThresholdEngine:
    """Predicts with another engine, and chooses the labels by thresholds."""

    def __init__(self, engine: Engine, classes: NDArray[Any], thresholds: Sequence[float | None]) -> None:
        self.name = engine.name
        self.further = engine.further
        self._engine = engine
        self._classes = classes
        self._thresholds = thresholds

    def predict(self, rows: Rows, further: Sequence[str] = ()) -> Prediction:
        """Predict n ≥ 1 rows of shape (n, features)."""
        found = self._engine.predict(rows, further)
        (probabilities,) = found.probability_arrays
        return replace(found, labels=self._classes[choose_classes(probabilities, self._thresholds)])
