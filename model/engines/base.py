"""What all engines have in common."""

from typing import Protocol

from model.outputs import OutputSpec
from model.prediction import Prediction, Rows


class Engine(Protocol):
    """Turns n ≥ 1 rows, as the signature's layout has them, into a Prediction.

    `further` declares the outputs beyond labels and probabilities. Every prediction has their values, and every
    protocol that has named outputs sends them.
    """

    name: str
    further: tuple[OutputSpec, ...]

    def predict(self, rows: Rows) -> Prediction:
        """Predict; safe to call from several threads at once."""
        ...
