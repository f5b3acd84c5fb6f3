"""Rows at the thresholds of trees, where different rounding would show."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.onnx_export.tree_ensembles import PREDICTORS
from model.sklearn_runtime.estimator_walk import walk

_CHUNK = 10_000


def tree_parts(estimator: Any) -> list[Any]:
    """Return the trees, forests and boosted trees inside an estimator, without the members of these."""
    found = [part for part, _ in walk(estimator) if type(part) in PREDICTORS and hasattr(part, "n_features_in_")]
    owned = {id(member) for part in found for member in np.ravel(getattr(part, "estimators_", []))}
    return [part for part in found if id(part) not in owned]


def edge_rows(part: Any) -> Iterator[NDArray[np.float64]]:
    """Yield rows of the component's own features, at every threshold and one unit in the last place to its sides.

    In float64, and in float32, to which scikit-learn's trees round. Each feature takes its own thresholds in random
    order, so that every feature of a row is at a threshold.
    """
    draw = np.random.default_rng(0)
    columns = [_edges(thresholds) for thresholds in _by_feature(part)]
    height = max(map(len, columns))
    for column in columns:
        draw.shuffle(column)
    rows = np.stack([np.resize(column, height) for column in columns], axis=1)
    for start in range(0, height, _CHUNK):
        yield np.ascontiguousarray(rows[start : start + _CHUNK])


def _edges(thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    thresholds = thresholds[np.isfinite(thresholds)]  # infinity separates missing values from all others
    narrow = thresholds.astype(np.float32)
    sides = [np.nextafter(each, each.dtype.type(side)) for each in (thresholds, narrow) for side in (-np.inf, np.inf)]
    found = np.unique(np.concatenate([thresholds, narrow, *sides]).astype(np.float64))
    return found if len(found) else np.zeros(1)


def _by_feature(part: Any) -> list[NDArray[np.float64]]:
    """Return for each feature the thresholds that trees compare it with."""
    features, thresholds = zip(*_splits(part), strict=True)
    feature, threshold = np.concatenate(features), np.concatenate(thresholds)
    return [np.unique(threshold[feature == place]) for place in range(part.n_features_in_)]


def _splits(part: Any) -> Iterator[tuple[Any, Any]]:
    if hasattr(part, "_predictors"):
        for nodes in (member.nodes for stage in part._predictors for member in stage):
            inner = nodes["is_leaf"] == 0
            yield nodes["feature_idx"][inner], nodes["num_threshold"][inner]
        return
    members = list(np.ravel(part.estimators_)) if hasattr(part, "estimators_") else [part]
    own = getattr(part, "estimators_features_", [np.arange(part.n_features_in_)] * len(members))
    for member, features in zip(members, own, strict=True):
        tree = member.tree_
        inner = tree.children_left >= 0
        yield np.asarray(features)[tree.feature[inner]], tree.threshold[inner]
