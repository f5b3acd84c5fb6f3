"""The engine for any estimator: scikit-learn itself, without what it does on each call for people at a keyboard."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from model.engines import Prediction, Rows
from model.errors import NoFiniteAnswer
from model.signature import Signature

# What sklearn.utils.validation says of values that do not fit a tree's float32, or that an earlier step made infinite.
_OVERFLOW = re.compile(r"too large for dtype|contains (NaN|infinity)")


class SklearnEngine:
    """Predicts with an estimator that nobody else holds; prepares it in place, once.

    Names are checked by the caller, so `feature_names_in_` goes: with it each call on an array warns. `n_jobs` goes
    too: a thread pool for each request costs more than it saves, and the server has its own processes.
    """

    name = "scikit-learn"

    def __init__(self, estimator: Any, signature: Signature) -> None:
        for part in _components(estimator, set()):
            vars(part).pop("feature_names_in_", None)
            if "n_jobs" in vars(part):
                vars(part)["n_jobs"] = None
        self._estimator = estimator
        self._probabilities = signature.probabilities

    def predict(self, rows: Rows) -> Prediction:
        """Predict n ≥ 1 rows of shape (n, features); raises NoFiniteAnswer where a step's own check finds overflow."""
        try:
            labels = np.asarray(self._estimator.predict(rows))
            if not self._probabilities:
                return Prediction(labels, None)
            return Prediction(labels, np.asarray(self._estimator.predict_proba(rows), dtype=np.float64, order="C"))
        except ValueError as error:
            if _OVERFLOW.search(str(error)):
                raise NoFiniteAnswer(str(error)) from error
            raise


def _components(value: Any, seen: set[int]) -> Iterator[BaseEstimator]:
    """Yield every estimator reachable from the value through attributes and containers, each once."""
    if id(value) in seen:
        return
    if isinstance(value, BaseEstimator):
        seen.add(id(value))
        yield value
        children = list(vars(value).values())
    elif isinstance(value, dict):
        children = list(value.values())
    elif isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.dtype == object):
        children = list(np.ravel(value)) if isinstance(value, np.ndarray) else list(value)
    else:
        return
    for child in children:
        yield from _components(child, seen)
