"""Compares the answers of two engines."""

import time
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.engines.base import Engine
from model.errors import NoFiniteAnswer
from model.loading import TOLERANCE
from model.onnx_export.graph import NotCompiled
from model.prediction import Prediction, Rows
from model.signature import NUMERIC, Task

TOO_FAR: Final = 1e40


class FurtherDiffers(NotCompiled):
    """Only the further outputs of the compiled form differ from scikit-learn's."""


class Comparison:
    """Compares the compiled model's answers with scikit-learn's.

    `rows` says how many rows were compared, and `largest` what the largest difference of two numbers was.
    """

    def __init__(self, sklearn: Engine, compiled: Engine, task: Task, further: Sequence[str] = ()) -> None:
        self.rows = 0
        self.largest = 0.0
        self._sklearn = sklearn
        self._compiled = compiled
        self._task = task
        self._further = further

    def compare(self, rows: Rows, alone: int = 0) -> float:
        """Compare the answers to the rows, and return scikit-learn's seconds; raises NotCompiled if they differ.

        The compiled model also predicts each of the first `alone` rows by itself, with its further outputs.
        scikit-learn only predicts batches: a call costs it much, and that it answers single rows as it answers batches
        is not tested here.
        """
        alone = min(alone, len(rows))
        with np.errstate(all="ignore"):
            start = time.perf_counter()
            expected = self._sklearn.predict(rows)
            seconds = time.perf_counter() - start
            self._same(expected, self._compiled.predict(rows))
            if alone and self._further:
                expected = self._sklearn.predict(rows[:alone], self._further)
            for index in range(alone):
                self._same(expected.of_rows([index]), self._compiled.predict(rows[index : index + 1], self._further))
        self.rows += len(rows) + alone
        return seconds

    def compare_far(self, rows: Rows) -> None:
        """Compare the answers to far rows; raises NotCompiled if they differ, or if only one engine has an answer.

        If a row has a number of TOO_FAR, distances to all training rows are equal after rounding. Then the comparison
        only covers whether both engines have an answer.
        """
        numbers = [[abs(cell) for cell in row if isinstance(cell, float)] for row in rows.tolist()]
        too_far = np.array([TOO_FAR in each for each in numbers], dtype=bool)
        for group, compared in ((rows[~too_far], True), (rows[too_far], False)):
            with np.errstate(all="ignore"):
                for index, expected in enumerate(self._answers(group)):
                    found = self._answer(self._compiled, group[index : index + 1])
                    if (expected is None) != (found is None):
                        raise NotCompiled("for a far row, only one of it and scikit-learn has an answer")
                    if expected and found and compared:
                        self._same(expected, found)
        self.rows += len(rows)

    def _answers(self, rows: Rows) -> list[Prediction | None]:
        """Return scikit-learn's answer to each row, or None; one call predicts all rows if all have answers."""
        if not len(rows):
            return []
        try:
            together = self._sklearn.predict(rows, self._further)
        except NoFiniteAnswer:
            return [self._answer(self._sklearn, rows[index : index + 1]) for index in range(len(rows))]
        return [_finite(together.of_rows([index])) for index in range(len(rows))]

    def _answer(self, engine: Engine, row: Rows) -> Prediction | None:
        try:
            return _finite(engine.predict(row, self._further))
        except NoFiniteAnswer:
            return None

    def _same(self, expected: Prediction, found: Prediction) -> None:
        if self._task in NUMERIC:
            self._numbers(expected.labels, found.labels, "an answer", relative=True)
        elif expected.labels.tolist() != found.labels.tolist():
            wrong = np.asarray(expected.labels.tolist()) != np.asarray(found.labels.tolist())
            raise NotCompiled(f"{int(wrong.sum())} labels of {len(wrong)} rows differ from scikit-learn's")
        for wanted, given in zip(expected.probability_arrays, found.probability_arrays, strict=True):
            self._numbers(wanted, given, "a probability", relative=False)
        for method, wanted in expected.further.items():
            try:
                self._numbers(wanted, found.further[method], f"its {method}", relative=True)
            except (NotCompiled, ValueError) as error:
                raise FurtherDiffers(str(error)) from error

    def _numbers(self, wanted: NDArray[Any], given: NDArray[Any], what: str, *, relative: bool) -> None:
        scale = np.maximum(1.0, np.abs(wanted)) if relative else 1.0
        same = (wanted == given) | (np.isnan(wanted) & np.isnan(given))
        difference = float(np.max(np.where(same, 0, np.abs(wanted - given) / scale)))
        if not difference <= TOLERANCE:
            raise NotCompiled(f"{what} differs from scikit-learn's by {difference:.1e}")
        self.largest = max(self.largest, difference)


def _finite(prediction: Prediction) -> Prediction | None:
    """Return a prediction, or None if it is not finite: either engine refuses to answer then."""
    finite = all(np.isfinite(each).all() for each in prediction.arrays() if each.dtype.kind == "f")
    return prediction if finite else None
