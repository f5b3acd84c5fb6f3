"""Predicts rows, and checks that all numbers of the answer are finite.

Imports: model, model.loading.
"""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.errors import NoFiniteAnswer, UnknownCategory, ValueRefused, describe, raised_in
from model.loading import Loaded, make_rows
from model.prediction import Prediction, Rows
from model.refused_cell import refused_cell

FEW: Final = 64  # up to this many numbers, checking each in Python is faster than numpy
_OF_ROWS: Final = (NoFiniteAnswer, UnknownCategory, ValueRefused)
# Errors that code may raise because of a value; raised in our own packages, they are our mistakes.
_OF_VALUES: Final = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError)
_OURS: Final = ("model", "service")


class Predictor:
    """A loaded model that answers finite numbers, or raises an error."""

    def __init__(self, loaded: Loaded) -> None:
        self._engine = loaded.engine
        self._manifest = loaded.manifest

    def predict(self, rows: Rows, further: Sequence[str] = ()) -> Prediction:
        """Predict n ≥ 1 rows of shape (n, features), in the form that the model takes.

        `further` are the methods of the outputs to compute beyond labels and probabilities. Raises NoFiniteAnswer,
        UnknownCategory and ValueRefused, with the refused cell if it can be found. If the model's own code raises an
        error, but still answers golden rows, the error becomes a ValueRefused.
        """
        try:
            return self._predict(rows, further)
        except _OF_ROWS as error:
            error.cell = self._refused_cell(rows, further)
            raise
        except _OF_VALUES as error:
            if raised_in(error).partition(".")[0] in _OURS or not self._still_predicts(len(rows), further):
                raise
            refused = ValueRefused(f"{describe(error)} (in {raised_in(error)})")
            refused.cell = self._refused_cell(rows, further)
            raise refused from error

    def _still_predicts(self, count: int, further: Sequence[str]) -> bool:
        """Return whether golden rows are answered: then the rows that failed are at fault, and not the model.

        At most `count` golden rows are predicted, as many as failed: a failure costs about as much as an answer.
        """
        golden = make_rows(self._manifest.golden.rows[:count], self._manifest.signature)
        return not self._refuses(golden, further)

    def _refused_cell(self, rows: Rows, further: Sequence[str]) -> tuple[int, str | None] | None:
        signature = self._manifest.signature
        refuses = partial(self._refuses, further=further)
        found = refused_cell(refuses, rows, make_rows(self._manifest.golden.rows[:1], signature))
        return found and (found[0], None if found[1] is None else signature.names[found[1]])

    def _refuses(self, rows: Rows, further: Sequence[str]) -> bool:
        try:
            self._predict(rows, further)
        except (*_OF_ROWS, *_OF_VALUES):
            return True
        return False

    def _predict(self, rows: Rows, further: Sequence[str]) -> Prediction:
        prediction = self._engine.predict(rows, further)
        for numbers in prediction.arrays():
            if numbers.dtype.kind == "f" and not _finite(numbers):
                wrong = np.flatnonzero(~np.isfinite(numbers.reshape(len(numbers), -1)).all(axis=1))
                raise NoFiniteAnswer(f"the model's answer to row {wrong[0]}, counted from 0, is not finite.")
        return prediction


def _finite(numbers: NDArray[Any]) -> bool:
    if numbers.size <= FEW:
        return all(map(math.isfinite, numbers.ravel().tolist()))
    return bool(np.isfinite(numbers).all())
