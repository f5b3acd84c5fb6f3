"""The ways to compute a prediction, behind one small protocol."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]


@dataclass(frozen=True)
class Prediction:
    """What a model answered on n rows.

    `labels` has shape (n,) and the dtype of the estimator's own labels; `probabilities` is float64 of shape
    (n, classes), columns in the order of the signature's classes, or None where the model gives none.
    """

    labels: NDArray[Any]
    probabilities: NDArray[np.float64] | None


class Engine(Protocol):
    """Something that turns a C-contiguous float64 matrix of shape (n, features) into a Prediction."""

    name: str

    def predict(self, rows: Rows) -> Prediction:
        """Predict n ≥ 1 rows; safe to call from several threads at once."""
        ...
