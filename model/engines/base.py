"""What all engines have in common."""

from collections.abc import Sequence
from typing import Protocol

from model.outputs import OutputSpec
from model.prediction import Prediction, Rows


class Engine(Protocol):
    """Turns n ≥ 1 rows, as the signature's layout has them, into a Prediction.

    `further` declares the outputs beyond labels and probabilities. A prediction has those that it is asked for.
    """

    name: str
    further: tuple[OutputSpec, ...]

    def predict(self, rows: Rows, further: Sequence[str] = ()) -> Prediction:
        """Predict, with further outputs by their methods; safe to call from several threads at once."""
        ...
