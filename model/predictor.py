"""Rows in, a checked Prediction out."""

import numpy as np

from model.engines import Prediction, Rows
from model.errors import NoFiniteAnswer
from model.loading import Loaded


class Predictor:
    """A loaded model whose every answer can be sent: whatever is not finite is an error, never a number."""

    def __init__(self, loaded: Loaded) -> None:
        self._engine = loaded.engine

    def predict(self, rows: Rows) -> Prediction:
        """Predict n ≥ 1 rows of shape (n, features), as the model's layout has them; raises NoFiniteAnswer."""
        prediction = self._engine.predict(rows)
        found = prediction.probabilities
        for numbers in (prediction.labels, *(found if isinstance(found, tuple) else (found,))):
            if numbers is not None and numbers.dtype.kind == "f" and not np.isfinite(numbers).all():
                raise NoFiniteAnswer("the model's answer holds a number that is not finite.")
        return prediction
