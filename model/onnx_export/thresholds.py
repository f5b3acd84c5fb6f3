"""Rows at the thresholds of trees, where different rounding would show."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.onnx_export.tree_ensembles import PREDICTORS
from model.sklearn_runtime.estimator_walk import walk

_CHUNK: Final = 10_000
_SIDES: Final = 6  # rows at a threshold: itself and what is next to it, in float64 and in float32


def tree_parts(estimator: Any) -> list[Any]:
    """Return the trees, forests and boosted trees inside an estimator, without the members of these."""
    found = [part for part, _ in walk(estimator) if type(part) in PREDICTORS and hasattr(part, "n_features_in_")]
    owned = {id(member) for part in found for member in np.ravel(getattr(part, "estimators_", []))}
    return [part for part in found if id(part) not in owned]


def count_trees(part: Any) -> int:
    """Return how many trees a component has."""
    return sum(1 for _ in _splits(part))


@dataclass(frozen=True)
class EdgeRows:
    """Rows at thresholds, and how many thresholds have none because there are too many."""

    rows: NDArray[np.float64]
    left_out: int

    def chunks(self) -> Iterator[NDArray[np.float64]]:
        """Yield the rows in batches."""
        for start in range(0, len(self.rows), _CHUNK):
            yield self.rows[start : start + _CHUNK]


def edge_rows(part: Any, most: int) -> EdgeRows:
    """Return rows of the component's own features, at every threshold and one unit in the last place to its sides.

    In float64, and in float32, to which scikit-learn's trees round. Each feature takes its own thresholds in random
    order, so that every feature of a row is at a threshold. If that were more than `most` rows, each feature takes as
    many of its thresholds as fit, drawn at random.
    """
    draw = np.random.default_rng(0)
    thresholds = _by_feature(part)
    fitting = max(1, most // _SIDES)
    chosen = [each if len(each) <= fitting else draw.choice(each, fitting, replace=False) for each in thresholds]
    columns = [_edges(each) for each in chosen]
    height = max(map(len, columns))
    rows = np.empty((height, len(columns)))
    for place, column in enumerate(columns):
        draw.shuffle(column)
        rows[:, place] = np.resize(column, height)
    return EdgeRows(rows, sum(map(len, thresholds)) - sum(map(len, chosen)))


def _edges(thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    narrow = thresholds.astype(np.float32)
    sides = [np.nextafter(each, each.dtype.type(side)) for each in (thresholds, narrow) for side in (-np.inf, np.inf)]
    found = np.unique(np.concatenate([thresholds, narrow, *sides]).astype(np.float64))
    return found if len(found) else np.zeros(1)


def _by_feature(part: Any) -> list[NDArray[np.float64]]:
    """Return for each feature the thresholds that trees compare it with."""
    features, thresholds = zip(*_splits(part), strict=True)
    feature, threshold = np.concatenate(features), np.concatenate(thresholds)
    order = np.argsort(feature, kind="stable")
    starts = np.searchsorted(feature[order], np.arange(1, part.n_features_in_))
    # Infinity separates missing values from all others.
    return [np.unique(each[np.isfinite(each)]) for each in np.split(threshold[order], starts)]


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
