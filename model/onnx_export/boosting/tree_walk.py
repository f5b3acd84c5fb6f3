"""Predicts with the trees of a library's document by numpy, as the library does, for comparison with the graph.

Where the BoostedTrees that the graph is made of are converted from others (XGBoost, LightGBM), these are walked.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.onnx_export.boosting.ensemble import BoostedTrees
from model.onnx_export.boosting.lightgbm_text import LightGBMModel, LightGBMTree
from model.onnx_export.boosting.xgboost_document import kept_trees
from model.onnx_export.trees import Tree

_ZERO = float(np.float32(1e-35))  # LightGBM treats numbers up to this as 0
# Returns whether each row goes left, given the node that it has reached, and its value of the node's column.
_Decide = Callable[[NDArray[np.int64], NDArray[Any]], NDArray[np.bool_]]


def xgboost_sums(document: Mapping[str, Any], start: Any, rows: NDArray[Any]) -> NDArray[np.float32]:
    """Return XGBoost's margins of float32 rows, of shape (n, sums)."""
    booster = document["learner"]["gradient_booster"]
    dart = booster["name"] == "dart"
    model = booster["gbtree"]["model"] if dart else booster["model"]
    sums = np.repeat(np.asarray(start, dtype=np.float32)[np.newaxis], len(rows), axis=0)
    for index, tree in enumerate(model["trees"][: kept_trees(document["learner"], model, len(start))]):
        weight = np.float32(booster["weight_drop"][index] if dart else 1)
        left, right = (np.asarray(tree[f"{side}_children"], dtype=np.int64) for side in ("left", "right"))
        leaf = _descend(left, right, np.asarray(tree["split_indices"]), _xgboost(tree), rows, inner=left >= 0)
        width = int(tree["tree_param"]["size_leaf_vector"])
        if width > 1:
            sums += np.asarray(tree["leaf_weights"], dtype=np.float32).reshape(-1, width)[right[leaf]] * weight
        else:
            sums[:, int(model["tree_info"][index])] += (
                np.asarray(tree["split_conditions"], dtype=np.float32)[leaf] * weight
            )
    return sums


def _xgboost(tree: Mapping[str, Any]) -> _Decide:
    threshold = np.asarray(tree["split_conditions"], dtype=np.float32)
    missing_left = np.asarray(tree["default_left"]).astype(bool)
    found = np.asarray(tree.get("categories", ()), dtype=np.int64)
    nodes, starts, sizes = (tree.get(f"categories_{name}", ()) for name in ("nodes", "segments", "sizes"))
    sets = {
        int(node): found[int(at) : int(at) + int(size)] for node, at, size in zip(nodes, starts, sizes, strict=True)
    }

    def decide(at: NDArray[np.int64], values: NDArray[Any]) -> NDArray[np.bool_]:
        left: NDArray[np.bool_] = values < threshold[at]
        for node in sets.keys() & set(at.tolist()):
            here = at == node
            left[here] = ~np.isin(np.trunc(values[here]), sets[node])
        return np.where(np.isnan(values), missing_left[at], left)

    return decide


def lightgbm_sums(model: LightGBMModel, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sums of LightGBM's leaves, or their means if the model is averaged, of shape (n, outputs)."""
    sums = np.zeros((len(rows), model.outputs))
    for index, tree in enumerate(model.trees):
        leaf = _descend(tree.left, tree.right, tree.feature, _lightgbm(tree), rows)
        sums[:, index % model.outputs] += tree.values[-1 - leaf]
    return sums / (len(model.trees) // model.outputs) if model.averaged else sums


def _lightgbm(tree: LightGBMTree) -> _Decide:
    def decide(at: NDArray[np.int64], values: NDArray[Any]) -> NDArray[np.bool_]:
        kind, empty = tree.missing[at], np.isnan(values)
        numbers = np.where(empty & (kind != 2), 0.0, values)
        zero = np.abs(numbers) <= _ZERO
        left: NDArray[np.bool_] = np.where(zero, 0.0, numbers) <= tree.threshold[at]
        left = np.where(((kind == 2) & empty) | ((kind == 1) & zero), tree.default_left[at], left)
        for node in set(at[tree.categorical[at]].tolist()):
            here = at == node
            left[here] = np.isin(np.trunc(values[here]), tree.members[int(tree.threshold[node])]) & (values[here] > -1)
        return left

    return decide


def catboost_sums(model: BoostedTrees, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return CatBoost's scores of float32 rows, of shape (n, outputs)."""
    outputs = len(model.start)
    sums = np.zeros((len(rows), outputs))
    for index, tree in enumerate(model.trees[::outputs]):  # each is there once for each output
        leaf = _descend(tree.left, tree.right, tree.feature, _catboost(tree), rows, inner=~tree.leaves)
        for output in range(outputs):
            sums[:, output] += model.leaves[index * outputs + output][leaf]
    scores: NDArray[np.float64] = sums * model.scale + model.bias
    return scores


def _catboost(tree: Tree) -> _Decide:
    def decide(at: NDArray[np.int64], values: NDArray[Any]) -> NDArray[np.bool_]:
        return np.where(np.isnan(values), tree.missing_left[at], ~(values > tree.threshold[at]))

    return decide


def softmax(scores: NDArray[Any]) -> NDArray[Any]:
    """Return the probabilities of scores of shape (n, classes)."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: NDArray[Any] = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _descend(
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    feature: NDArray[Any],
    decide: _Decide,
    rows: NDArray[Any],
    inner: NDArray[np.bool_] | None = None,
) -> NDArray[np.int64]:
    """Return the end of each row's path: a child below 0, or a node that is not `inner`."""
    at = np.zeros(len(rows), dtype=np.int64) if len(left) else np.full(len(rows), -1)
    waiting = np.arange(len(rows)) if len(left) and (inner is None or inner[0]) else np.arange(0)
    while len(waiting):
        nodes = at[waiting]
        goes_left = decide(nodes, rows[waiting, feature[nodes]])
        at[waiting] = np.where(goes_left, left[nodes], right[nodes])
        reached = at[waiting]
        waiting = waiting[(reached >= 0) & (True if inner is None else inner[np.maximum(reached, 0)])]
    return at
