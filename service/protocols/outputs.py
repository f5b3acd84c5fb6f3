"""A prediction as named arrays, for formats that have more than labels in one answer."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.prediction import Prediction

PREDICT, PREDICT_PROBA = "predict", "predict_proba"


def named_outputs(prediction: Prediction) -> dict[str, NDArray[Any]]:
    """Return `predict`, and `predict_proba` where there is one; numbered where there is one for each output.

    Labels are int64, float64, bool or, whatever else they are, objects that are all texts.
    """
    found = {PREDICT: _plain(prediction.labels)}
    if isinstance(prediction.probabilities, tuple):
        return found | {f"{PREDICT_PROBA}_{place}": each for place, each in enumerate(prediction.probabilities)}
    if prediction.probabilities is not None:
        found[PREDICT_PROBA] = prediction.probabilities
    return found


def _plain(labels: NDArray[Any]) -> NDArray[Any]:
    kind = labels.dtype.kind
    if kind in "iuf":
        return labels.astype(np.float64 if kind == "f" else np.int64, copy=False)
    if kind == "b":
        return labels
    texts = np.empty(labels.shape, dtype=object)
    texts[...] = np.vectorize(str, otypes=[object])(labels)
    return texts
