"""What packing tells of training rows: statistics, those of the estimator's answers, and how much each feature counts.

A server compares its own rows and answers with these.
"""

import copy
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.bundle.manifest import Answers, Baseline, Bins
from model.columns import Column
from model.engines.thresholds import choose_classes
from model.labels import dense
from model.packing.golden import predict_in_memory, training_rows
from model.packing.training_data import evenly_spaced, select_rows
from model.prediction import Prediction
from model.signature import Signature

MOST_ROWS: Final = 5000  # of which answers are computed
_PIECES: Final = 10
_SECONDS: Final = 2.0  # of processor time; after that, the remaining pieces are left out
_BINS: Final = 10
_BEYOND: Final = 1e-6  # how far, relative to the largest number, an edge lies above it
_MOST_SHARES: Final = 20
_MOST_CATEGORIES: Final = 1000
_LONGEST: Final = 100  # characters of a category
_SPREAD_ROWS: Final = 500  # of which the standard deviations of columns are computed
_MOST_CELLS: Final = 10_000_000
_MOST_PARTS: Final = 20  # of a computed column's name


def baselines(columns: list[Column] | None) -> dict[str, Baseline] | None:
    """Return the baseline of each column of the training data."""
    return None if columns is None else {column.name: _baseline(column) for column in columns}


def _baseline(column: Column) -> Baseline:
    present = [cell for cell in column.cells if cell is not None]
    missing = 1 - len(present) / len(column.cells)
    if column.dtype == "float64":
        numbers = np.array(present, dtype=float)
        deciles = np.quantile(numbers, np.linspace(0, 1, 11)).tolist() if present else []
        return Baseline(missing, deciles, {}, bins_of(numbers))
    counts = Counter(str(cell)[:_LONGEST] for cell in present)
    shares = {value: count / len(column.cells) for value, count in counts.most_common(_MOST_SHARES)}
    known = sorted(counts) if len(counts) <= _MOST_CATEGORIES and column.dtype in ("string", "bool") else None
    return Baseline(missing, [], shares, categories=known)


def bins_of(numbers: NDArray[Any]) -> Bins | None:
    """Return ten bins that divide finite numbers into about equal parts; None if there are no numbers."""
    if not len(numbers):
        return None
    ordered = np.sort(numbers.astype(np.float64))
    ranks = -(-np.arange(1, _BINS) * len(ordered) // _BINS) - 1
    below = ordered[ranks]
    following = np.searchsorted(ordered, below, side="right")  # the index of the next larger number, if there is one
    largest = float(ordered[-1])
    last = largest + _BEYOND * max(1e-300, abs(largest))
    above = np.append(ordered, last if np.isfinite(last) else largest)[following]
    edges = np.where(following < len(ordered), below / 2 + above / 2, above)
    edges = np.maximum(edges, below)  # halving subnormal numbers may give zero
    counts = np.diff(np.searchsorted(ordered, edges, side="right"), prepend=0, append=len(ordered))
    return Bins(edges.tolist(), (counts / len(ordered)).tolist())


def training_answers(
    estimator: Any, signature: Signature, columns: list[Column] | None, data: Any, thresholds: Sequence[float | None]
) -> Answers | None:
    """Return the shares of classes and the bins of scores, on at most MOST_ROWS evenly spaced rows.

    Returns None without data, for a model with several outputs, and if predicting a training row fails.
    """
    if columns is None or signature.outputs is not None:
        return None
    chosen = evenly_spaced(len(columns[0].cells), MOST_ROWS)
    found: list[Prediction] = []
    until = time.process_time() + _SECONDS
    try:
        for first in range(min(_PIECES, len(chosen))):
            if found and time.process_time() > until:
                break
            rows = training_rows(estimator, data, chosen[first::_PIECES], framed=signature.layout == "frame")
            found.append(predict_in_memory(estimator, signature, rows))
        return _answers(found, signature, thresholds)
    except Exception:  # noqa: BLE001  # own code may raise anything, and a model need not answer these rows
        return None


def _answers(found: Sequence[Prediction], signature: Signature, thresholds: Sequence[float | None]) -> Answers:
    labels = np.concatenate([each.labels for each in found])
    shares, scores = None, None
    if signature.classes:
        classes = signature.classes[0]
        by_label = {label: index for index, label in enumerate(classes)}
        indices = np.array([by_label[label] for label in labels.tolist()])
        if signature.probabilities:
            probabilities = np.concatenate([each.probability_arrays[0] for each in found])
            if thresholds:
                indices = choose_classes(probabilities, thresholds)
            scores = probabilities[np.arange(len(indices)), indices]
        shares = (np.bincount(indices, minlength=len(classes)) / len(labels)).tolist()
    elif signature.task == "regressor" and labels.ndim == 1:
        scores = labels.astype(np.float64)
    bins = bins_of(scores) if scores is not None and np.isfinite(scores).all() else None
    return Answers(len(labels), shares, bins)


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
    absolute: NDArray[np.float64] = np.abs(np.atleast_2d(dense(coefficients))).mean(axis=0)
    return absolute


def _spread(estimator: Any, before: Any, columns: list[Column], data: Any) -> NDArray[np.float64]:
    """Return the standard deviation of each column that the last step gets."""
    chosen = evenly_spaced(len(columns[0].cells), _SPREAD_ROWS)
    rows = copy.deepcopy(training_rows(estimator, data, chosen, framed=False))  # a step with `copy=False` changes them
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        given = rows if before is None else before.transform(rows)
    if given.shape[0] * given.shape[1] > _MOST_CELLS:
        given = select_rows(given, slice(0, max(2, _MOST_CELLS // given.shape[1])))
    spread: NDArray[np.float64] = np.nanstd(dense(given), axis=0)
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
