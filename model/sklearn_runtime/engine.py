"""The engine for any estimator: scikit-learn itself, without the checks that only interactive users need."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from model.errors import NoFiniteAnswer, UnknownCategory, ValueRefused, raised_in
from model.labels import answered, dense
from model.outputs import OutputSpec
from model.prediction import Prediction, Rows
from model.signature import Signature
from model.sklearn_runtime.estimator_walk import walk
from model.sklearn_runtime.further_outputs import compute, method_of
from model.sklearn_runtime.table import FrameMaker, TableMaker

# scikit-learn's messages for values that overflow a tree's float32, or that an earlier step made infinite; and for a
# category that an encoder was not fitted on.
_OVERFLOW = re.compile(r"too large for dtype|contains (NaN|infinity)|cannot convert float (NaN|infinity)")
_UNKNOWN = re.compile(r"Found unknown categor")
_OWN = ("sklearn.", "scipy.")


class SklearnEngine:
    """Predicts with an estimator, which must not be used elsewhere: it is modified in place, once."""

    name = "scikit-learn"

    def __init__(self, estimator: Any, signature: Signature, further: tuple[OutputSpec, ...] = ()) -> None:
        framed = signature.layout == "frame"
        for part, _ in walk(estimator):
            _prepare(part, framed=framed)
        self.further = further
        self._estimator = estimator
        self._signature = signature
        self._tables = FrameMaker(signature) if framed else TableMaker(signature)

    def predict(self, rows: Rows, further: Sequence[str] = ()) -> Prediction:
        """Predict n ≥ 1 rows of shape (n, features).

        Raises NoFiniteAnswer if a step's own check finds overflow, UnknownCategory, and ValueRefused for any other
        ValueError from scikit-learn's or scipy's code.
        """
        try:
            with np.errstate(all="ignore"):  # the caller checks for overflow; no warnings for each request
                found = predict_with(self._estimator, self._signature, lambda: self._shaped(rows))
                more = {method: compute(method, self._estimator, self._shaped(rows)) for method in further}
                return replace(found, further=more) if more else found
        except ValueError as error:
            if _OVERFLOW.search(str(error)):
                raise NoFiniteAnswer(str(error)) from error
            if _UNKNOWN.search(str(error)):
                raise UnknownCategory(str(error)) from error
            if raised_in(error).startswith(_OWN):
                raise ValueRefused(str(error)) from error
            raise

    def _shaped(self, rows: Rows) -> Any:
        """Return a copy of the rows in the estimator's form; an estimator with `copy=False` writes into it."""
        own = rows.copy()
        match self._signature.layout:
            case "text":
                return own[:, 0]
            case "table" | "frame":
                return self._tables.make(own)
            case _:
                return own


def predict_with(estimator: Any, signature: Signature, rows: Callable[[], Any]) -> Prediction:
    """Return an estimator's labels and probabilities; `rows` makes a copy of the rows for each of its methods."""
    labels = answered(getattr(estimator, method_of(signature.task))(rows()), signature)
    if not signature.probabilities:
        return Prediction(labels, None)
    probabilities = estimator.predict_proba(rows())
    several = isinstance(probabilities, list)
    return Prediction(labels, tuple(map(dense, probabilities)) if several else dense(probabilities))


def _prepare(part: Any, *, framed: bool) -> None:
    """Make one component fast and quiet.

    The caller has checked the names, so scikit-learn's `feature_names_in_` is removed: with it, each call on an array
    would warn. ColumnTransformers then select by position; a column that was selected alone stays one-dimensional.
    `n_jobs` is reset, as is the number of threads that clustering stored when it was fitted: a pool for each request
    costs more than it saves, and the server has its own processes. If the model takes data frames, names stay.
    """
    own = vars(part) if hasattr(part, "__dict__") else {}
    if "n_jobs" in own:
        own["n_jobs"] = None if type(part).__module__.startswith("sklearn.") else 1  # LightGBM takes None for all cores
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
    if type(part).__module__.startswith("sklearn."):  # custom estimators may need their names
        own.pop("feature_names_in_", None)
    if "_fitted_with_feature_names" in own:  # LightGBM's reason to warn
        own["_fitted_with_feature_names"] = False
    own.pop("_sklearn_output_config", None)  # arrays between the steps are faster than frames
