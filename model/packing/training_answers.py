"""Statistics of an estimator's answers on its training rows, which a server compares its answers with."""

import time
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.bundle.manifest import Answers
from model.columns import Column
from model.engines.thresholds import choose_classes
from model.packing.bins import bins_of
from model.packing.golden import predict_in_memory, training_rows
from model.prediction import Prediction
from model.signature import Signature

MOST_ROWS: Final = 5000
_PIECES: Final = 10
# For each row, the index of its class or its number; and its score.
Answered = tuple[NDArray[Any], NDArray[np.float64] | None]
_SECONDS: Final = 2.0  # of processor time; after that, the remaining pieces are left out


def training_answers(
    estimator: Any, signature: Signature, columns: list[Column] | None, data: Any, thresholds: Sequence[float | None]
) -> Answers | None:
    """Return the shares of classes and the bins of scores, on at most MOST_ROWS evenly spaced rows.

    Returns None without data, for a model with several outputs, and if predicting a training row fails.
    """
    if columns is None or signature.outputs is not None:
        return None
    count = len(columns[0].cells)
    chosen = np.unique(np.linspace(0, count - 1, min(count, MOST_ROWS)).astype(int))
    found: list[Answered] = []
    until = time.process_time() + _SECONDS
    try:
        for first in range(min(_PIECES, len(chosen))):
            if found and time.process_time() > until:
                break
            rows = training_rows(estimator, data, chosen[first::_PIECES], framed=signature.layout == "frame")
            found.append(_answered(predict_in_memory(estimator, signature, rows), signature, thresholds))
    except Exception:  # noqa: BLE001  # own code may raise anything, and a model need not answer these rows
        return None
    return _summary(found, signature)


def _answered(prediction: Prediction, signature: Signature, thresholds: Sequence[float | None]) -> Answered:
    """Return the index of each row's class and its probability; for a regressor, its numbers twice."""
    labels, probabilities = prediction.labels, prediction.probabilities
    if not signature.classes:
        return labels, labels.astype(np.float64) if signature.task == "regressor" and labels.ndim == 1 else None
    classes = signature.classes[0]
    by_label = {label: index for index, label in enumerate(classes)}
    indices = np.array([by_label[label] for label in labels.tolist()])
    if not isinstance(probabilities, np.ndarray):
        return indices, None
    if thresholds:
        indices = np.asarray(choose_classes(probabilities, thresholds))
    return indices, probabilities[np.arange(len(indices)), indices]


def _summary(found: Sequence[Answered], signature: Signature) -> Answers:
    labels = np.concatenate([each for each, _ in found])
    scores = None if found[0][1] is None else np.concatenate([each for _, each in found if each is not None])
    if scores is not None and not np.isfinite(scores).all():
        scores = None
    shares = None
    if signature.classes:
        shares = (np.bincount(labels, minlength=len(signature.classes[0])) / len(labels)).tolist()
    return Answers(len(labels), shares, None if scores is None else bins_of(scores))
