"""The interface of all engines."""

from collections.abc import Sequence
from typing import Protocol

from model.outputs import OutputSpec
from model.prediction import Prediction, Rows


class Engine(Protocol):
    """Predicts n ≥ 1 rows, which are in the signature's layout.

    `further` declares the outputs beyond labels and probabilities. A prediction has only those that are asked for.
    """

    name: str
    further: tuple[OutputSpec, ...]

    def predict(self, rows: Rows, further: Sequence[str] = ()) -> Prediction:
        """Predict, with further outputs by their methods; safe to call from several threads at once."""
        ...
