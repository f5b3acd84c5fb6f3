"""Statistics of training rows, and of the estimator's answers to them, which a server compares its own with."""

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.bundle.manifest import Answers, Baseline, Bins
from model.columns import Column
from model.engines.thresholds import choose_classes
from model.packing.golden import predict_in_memory, training_rows
from model.packing.training_data import evenly_spaced
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
    finite = scores is not None and np.isfinite(scores).all()
    return Answers(len(labels), shares, bins_of(scores) if finite else None)
