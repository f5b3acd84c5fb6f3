"""Rows in, a checked Prediction out.

Imports: model, model.loading.
"""

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.errors import NoFiniteAnswer
from model.loading import Loaded
from model.prediction import Prediction, Rows

FEW: Final = 64  # so few numbers are checked faster one by one than by numpy


class Predictor:
    """A loaded model whose answers are all finite: a number that is not raises an error."""

    def __init__(self, loaded: Loaded) -> None:
        self._engine = loaded.engine

    def predict(self, rows: Rows) -> Prediction:
        """Predict n ≥ 1 rows of shape (n, features), in the form that the model takes; raises NoFiniteAnswer."""
        prediction = self._engine.predict(rows)
        for numbers in prediction.arrays():
            if numbers.dtype.kind == "f" and not _finite(numbers):
                wrong = np.flatnonzero(~np.isfinite(numbers.reshape(len(numbers), -1)).all(axis=1))
                raise NoFiniteAnswer(f"the model's answer to row {wrong[0]}, counted from 0, is not finite.")
        return prediction


def _finite(numbers: NDArray[Any]) -> bool:
    if numbers.size <= FEW:
        return all(map(math.isfinite, numbers.ravel().tolist()))
    return bool(np.isfinite(numbers).all())
