"""Thresholds of probabilities that are given when a model is packed."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from model.bundle.manifest import Golden
from model.engines.thresholds import choose_classes
from model.errors import UnsupportedEstimator
from model.signature import Signature


def label_by_thresholds(
    golden: Golden, signature: Signature, given: Mapping[Any, float] | None
) -> tuple[Golden, tuple[float | None, ...]]:
    """Return golden rows with labels chosen by the thresholds, and a threshold, or None, for each class.

    `given` has thresholds by class; a class may be given as a string. Raises UnsupportedEstimator.
    """
    if not given:
        return golden, ()
    if golden.probabilities is None or signature.outputs is not None or not signature.classes:
        raise UnsupportedEstimator("thresholds need a classifier with one label for each row, and probabilities.")
    classes = signature.classes[0]
    indices = {str(each): index for index, each in enumerate(classes)}
    found: list[float | None] = [None] * len(classes)
    for name, threshold in given.items():
        if str(name) not in indices:
            raise UnsupportedEstimator(f"{str(name)[:100]!r} is not one of the classes {', '.join(indices)[:200]}.")
        if not 0 < threshold <= 1:
            raise UnsupportedEstimator(f"the threshold of {str(name)[:100]!r} is {threshold}; expected 0 < t ≤ 1.")
        found[indices[str(name)]] = float(threshold)
    chosen = choose_classes(np.asarray(golden.probabilities, dtype=np.float64), found)
    return replace(golden, labels=[classes[index] for index in chosen]), tuple(found)
