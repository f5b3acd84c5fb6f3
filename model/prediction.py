"""The ways to compute a prediction, behind one small protocol."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

# float64 of shape (n, features), C-contiguous, for the matrix layout and for frames of nothing but numbers; for the
# others an object array of that shape whose cells are float, bool, str, np.datetime64 or, for a missing one of no
# number, None.
Rows = NDArray[Any]
Probabilities = NDArray[np.float64] | tuple[NDArray[np.float64], ...]


@dataclass(frozen=True)
class Prediction:
    """What a model answered on n rows.

    `labels` has shape (n,), or (n, outputs), and the dtype of the estimator's own labels. `probabilities` is float64 of
    shape (n, classes), columns in the order of the signature's classes; for several outputs one such array for each, or
    one of shape (n, outputs) with the probability of each label where labels are yes or no. None where there are none.
    """

    labels: NDArray[Any]
    probabilities: Probabilities | None


class Engine(Protocol):
    """Something that turns n ≥ 1 rows, as the signature's layout has them, into a Prediction."""

    name: str

    def predict(self, rows: Rows) -> Prediction:
        """Predict; safe to call from several threads at once."""
        ...
