"""The importances of features, as far as an estimator's public attributes state them."""

import copy
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.columns import Column
from model.packing.golden import training_rows
from model.packing.training_data import evenly_spaced, select_rows

_ROWS: Final = 500  # of which the standard deviations of columns are computed
_MOST_CELLS: Final = 10_000_000
_MOST_PARTS: Final = 20  # of a computed column's name


def importances_of(estimator: Any, names: Sequence[str], columns: list[Column] | None, data: Any) -> list[float] | None:
    """Return a number for each feature, with the sum 1; None if the estimator does not state them for these features.

    They are the last step's `feature_importances_`, or the absolute values of its `coef_` times the columns' standard
    deviations. A column that earlier steps computed counts for the feature whose name is part of the column's name.
    """
    try:
        found = _found(estimator, names, columns, data)
    except Exception:  # noqa: BLE001  # importances are optional, and libraries and own code may raise anything
        return None
    if found is None or not np.isfinite(found).all() or found.sum() <= 0:
        return None
    return (found / found.sum()).tolist()  # type: ignore[no-any-return]  # of an array whose shape is not known


def _found(estimator: Any, names: Sequence[str], columns: list[Column] | None, data: Any) -> NDArray[np.float64] | None:
    steps = getattr(estimator, "steps", None)
    last, before = (steps[-1][1], estimator[:-1] if len(steps) > 1 else None) if steps else (estimator, None)
    weights = _weights(last)
    if weights is None:
        return None
    if not hasattr(last, "feature_importances_"):
        if columns is None:
            return None
        weights = weights * _spread(estimator, before, columns, data)
    if before is None:
        return weights if len(weights) == len(names) else None
    named = hasattr(estimator, "feature_names_in_")
    computed = before.get_feature_names_out() if named else before.get_feature_names_out(list(names))
    return _by_feature(weights, list(map(str, computed)), names)


def _weights(last: Any) -> NDArray[np.float64] | None:
    importances = getattr(last, "feature_importances_", None)
    if importances is not None:
        return np.abs(np.asarray(importances, dtype=np.float64)).ravel()
    coefficients = getattr(last, "coef_", None)
    if coefficients is None:
        return None
    dense = coefficients.toarray() if hasattr(coefficients, "toarray") else np.asarray(coefficients, dtype=np.float64)
    absolute: NDArray[np.float64] = np.abs(np.atleast_2d(dense)).mean(axis=0)
    return absolute


def _spread(estimator: Any, before: Any, columns: list[Column], data: Any) -> NDArray[np.float64]:
    """Return the standard deviation of each column that the last step gets."""
    chosen = evenly_spaced(len(columns[0].cells), _ROWS)
    rows = copy.deepcopy(training_rows(estimator, data, chosen, framed=False))  # a step with `copy=False` changes them
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        given = rows if before is None else before.transform(rows)
    if given.shape[0] * given.shape[1] > _MOST_CELLS:
        given = select_rows(given, slice(0, max(2, _MOST_CELLS // given.shape[1])))
    dense = given.toarray() if hasattr(given, "toarray") else given
    spread: NDArray[np.float64] = np.nanstd(np.asarray(dense, dtype=np.float64), axis=0)
    return spread


def _by_feature(weights: NDArray[np.float64], computed: list[str], names: Sequence[str]) -> NDArray[np.float64] | None:
    """Return for each feature the sum of the weights of columns that, by their names, were computed from it."""
    if len(weights) != len(computed):
        return None
    indices = {name: index for index, name in enumerate(names)}
    found = np.zeros(len(names))
    for name, weight in zip(computed, weights.tolist(), strict=True):
        feature = next((each for each in _possible(name) if each in indices), None)
        if feature is not None:
            found[indices[feature]] += weight
    return found


def _possible(name: str) -> Iterator[str]:
    """Yield possible names of the feature that a column was computed from, such as color for `onehot__color_red`."""
    parts = name.split("__")[:_MOST_PARTS]
    for first in range(len(parts)):
        own = "__".join(parts[first:])
        yield own
        for _ in range(_MOST_PARTS):
            own, underscore, _category = own.rpartition("_")
            if not underscore:
                break
            yield own
