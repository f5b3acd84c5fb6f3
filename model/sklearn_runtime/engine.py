"""The engine for any estimator: scikit-learn itself, without what it does on each call for people at a keyboard."""

import re
from typing import Any

import numpy as np

from model.errors import NoFiniteAnswer, UnknownCategory, ValueRefused
from model.outputs import OutputSpec
from model.prediction import Prediction, Rows
from model.signature import Signature
from model.sklearn_runtime.estimator_walk import walk
from model.sklearn_runtime.frame import FrameMaker
from model.sklearn_runtime.table import TableMaker

# What scikit-learn says of values that do not fit a tree's float32, or that an earlier step made infinite; and of a
# category that an encoder was not fitted on.
_OVERFLOW = re.compile(r"too large for dtype|contains (NaN|infinity)|cannot convert float (NaN|infinity)")
_UNKNOWN = re.compile(r"Found unknown categor")
_OWN = ("sklearn.", "scipy.")


class SklearnEngine:
    """Predicts with an estimator that nobody else holds; prepares it in place, once."""

    name = "scikit-learn"
    further: tuple[OutputSpec, ...] = ()

    def __init__(self, estimator: Any, signature: Signature) -> None:
        framed = signature.layout == "frame"
        for part, _ in walk(estimator):
            _prepare(part, framed=framed)
        self._estimator = estimator
        self._signature = signature
        self._tables = FrameMaker(signature) if framed else TableMaker(signature)

    def predict(self, rows: Rows) -> Prediction:
        """Predict n ≥ 1 rows of shape (n, features).

        Raises NoFiniteAnswer where a step's own check finds overflow, UnknownCategory, and ValueRefused for whatever
        else scikit-learn's own code finds wrong with a value.
        """
        try:
            with np.errstate(all="ignore"):  # what overflows is found by the caller, without a warning for each request
                return self._predict(rows)
        except ValueError as error:
            if _OVERFLOW.search(str(error)):
                raise NoFiniteAnswer(str(error)) from error
            if _UNKNOWN.search(str(error)):
                raise UnknownCategory(str(error)) from error
            if _raised_in(error).startswith(_OWN):
                raise ValueRefused(str(error)) from error
            raise

    def _shaped(self, rows: Rows) -> Any:
        """Return the rows as the estimator takes them, in memory of their own: `copy=False` lets it write there."""
        own = rows.copy()
        match self._signature.layout:
            case "text":
                return own[:, 0]
            case "table" | "frame":
                return self._tables.make(own)
            case _:
                return own

    def _predict(self, rows: Rows) -> Prediction:
        labels = np.asarray(self._estimator.predict(self._shaped(rows)))
        if not self._signature.probabilities:
            return Prediction(labels, None)
        probabilities = self._estimator.predict_proba(self._shaped(rows))
        if isinstance(probabilities, list):
            return Prediction(labels, tuple(map(_contiguous, probabilities)))
        return Prediction(labels, _contiguous(probabilities))


def _raised_in(error: BaseException) -> str:
    """Return the name of the module whose code raised an error."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return str(trace.tb_frame.f_globals.get("__name__", "")) if trace else ""


def _contiguous(numbers: Any) -> Any:
    return np.asarray(numbers, dtype=np.float64, order="C")


def _prepare(part: Any, *, framed: bool) -> None:
    """Make one component quick and quiet.

    Names are checked by the caller, so scikit-learn's `feature_names_in_` goes: with it each call on an array warns;
    and ColumnTransformers choose by position, which they do for arrays; one that was chosen by itself stays so.
    `n_jobs` goes too, and the threads that clustering noted when it was fitted: a pool for each request costs more than
    it saves, and the server has its own processes. With frames, names stay what they were.
    """
    own = vars(part) if hasattr(part, "__dict__") else {}
    if "n_jobs" in own:
        own["n_jobs"] = None
    if "_n_threads" in own:
        own["_n_threads"] = 1
    if framed:
        return
    if "_transformer_to_input_indices" in own:
        positions = own["_transformer_to_input_indices"]
        own["transformers_"] = [
            (name, transformer, positions[name][0] if isinstance(columns, (str, int, np.integer)) else positions[name])
            for name, transformer, columns in own["transformers_"]
        ]
    if type(part).__module__.startswith("sklearn."):  # the caller's own code may need its names
        own.pop("feature_names_in_", None)
    own.pop("_sklearn_output_config", None)  # frames between the steps are for people too
