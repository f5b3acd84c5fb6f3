"""The outputs of scikit-learn's estimators beyond labels and probabilities, by the names in requests.

A new output is one entry in the table at the end: how to see whether an estimator has it, and how to compute it.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.labels import dense
from model.outputs import OutputSpec
from model.signature import Task

QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
# The most numbers for a row that an output may have.
MOST_COLUMNS: Final = 10_000


@dataclass(frozen=True)
class FurtherOutput:
    """One output: whether an estimator has it, its values for rows, and the names of its columns, if any."""

    exists: Callable[[Any], bool]
    compute: Callable[[Any, Any], Any]
    names: Callable[[Any], Any]


def method_of(task: Task) -> str:
    """Return the method that computes an estimator's labels."""
    return "transform" if task == "transformer" else "predict"


def methods_of(estimator: Any) -> tuple[str, ...]:
    """Return the names of the outputs that an estimator seems to have."""
    return tuple(name for name, each in FURTHER.items() if each.exists(estimator))


def compute(method: str, estimator: Any, rows: Any) -> NDArray[np.float64]:
    """Return an output's values, of shape (n,) or (n, columns)."""
    return dense(FURTHER[method].compute(estimator, rows))


def spec_of(method: str, estimator: Any, values: NDArray[np.float64]) -> OutputSpec | None:
    """Return the declaration of an output, given its values for some rows; None if it cannot be sent."""
    if values.ndim not in (1, 2) or not np.isfinite(values).all():
        return None
    if values.ndim == 1:
        return OutputSpec.of_method(method, "float64")
    if not 0 < values.shape[1] <= MOST_COLUMNS:
        return None
    try:
        names = list(map(str, FURTHER[method].names(estimator)))
    except Exception:  # noqa: BLE001  # names are optional: own code, and some of scikit-learn's, has none
        names = []
    if len(set(names)) != values.shape[1]:
        names = list(map(str, range(values.shape[1])))
    return OutputSpec.of_method(method, "float64", [f"{method}_{name}" for name in names])


def quantile_of(name: Any) -> float | None:
    """Return a name as a quantile, None unless it is a number between 0 and 1."""
    try:
        number = float(name)
    except (TypeError, ValueError):
        return None
    return number if 0 < number < 1 else None


def _quantiles_of_members(estimator: Any) -> list[str]:
    """Return the names of the members of a voting regressor, if all of them are quantiles."""
    named = getattr(estimator, "estimators", ()) if type(estimator).__name__ == "VotingRegressor" else ()
    names = [str(name) for name, _ in named]
    return names if all(map(quantile_of, names)) else []


def _takes(parameter: str) -> Callable[[Any], bool]:
    """Return whether the last step's `predict` has a parameter; pipelines pass parameters on."""

    def exists(estimator: Any) -> bool:
        last = estimator
        while getattr(last, "steps", None):
            last = last.steps[-1][1]
        return hasattr(last, "predict") and parameter in inspect.signature(last.predict).parameters

    return exists


FURTHER: Final = {
    "decision_function": FurtherOutput(
        lambda estimator: hasattr(estimator, "decision_function"),
        lambda estimator, rows: estimator.decision_function(rows),
        lambda estimator: estimator.classes_,
    ),
    "transform": FurtherOutput(
        lambda estimator: hasattr(estimator, "transform") and hasattr(estimator, "predict"),
        lambda estimator, rows: estimator.transform(rows),
        lambda estimator: estimator.get_feature_names_out(),
    ),
    "predict_std": FurtherOutput(
        _takes("return_std"), lambda estimator, rows: estimator.predict(rows, return_std=True)[1], lambda _: ()
    ),
    "predict_quantiles": FurtherOutput(
        lambda estimator: bool(_quantiles_of_members(estimator)) or _takes("quantiles")(estimator),
        lambda estimator, rows: (
            estimator.transform(rows)
            if _quantiles_of_members(estimator)
            else estimator.predict(rows, quantiles=list(QUANTILES))
        ),
        lambda estimator: _quantiles_of_members(estimator) or QUANTILES,
    ),
}
