"""Trees, forests and boosting, as one TreeEnsemble node that adds the same numbers in the same order.

scikit-learn's trees compare a float32 of the row with a float64 threshold; gradient boosting over histograms compares
float64. Both are kept: thresholds and leaves stay float64, and a row that is too large for float32 has no answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.onnx_export.graph import ML, ColumnTensor, Graph

_LEQ = 0
_SUM = 1
_ATTRIBUTES = {
    "nodes_featureids": "features",
    "nodes_truenodeids": "true",
    "nodes_trueleafs": "true_leafs",
    "nodes_falsenodeids": "false",
    "nodes_falseleafs": "false_leafs",
    "nodes_missing_value_tracks_true": "missing",
    "leaf_targetids": "targets",
    "tree_roots": "roots",
}


@dataclass(frozen=True)
class Tree:
    """One tree by node, the root first: arrays of shape (nodes,); `left` is -1 in leaves.

    A row goes left where its feature is not greater than the threshold, or is missing and `missing_left` says so.
    """

    feature: NDArray[Any]
    threshold: NDArray[np.float64]
    left: NDArray[Any]
    right: NDArray[Any]
    missing_left: NDArray[Any]

    @property
    def leaves(self) -> NDArray[np.bool_]:
        """Which nodes are leaves, of shape (nodes,)."""
        found: NDArray[np.bool_] = self.left < 0
        return found

    @classmethod
    def of(cls, tree: Any, features: Any = None) -> "Tree":
        """Return one of `sklearn.tree`, in terms of the ensemble's features where it has a choice of them."""
        feature = tree.feature if features is None else np.asarray(features)[np.maximum(tree.feature, 0)]
        return cls(feature, tree.threshold, tree.children_left, tree.children_right, tree.missing_go_to_left)


def sum_leaves(
    graph: Graph, x: str, trees: Sequence[Tree], values: Sequence[Any], targets: Sequence[Any], width: int = 1
) -> str:
    """Return for each of `width` targets the sum of what the leaves hold that are for it, of shape (n, width).

    `values` has for each tree a number for each of its nodes, `targets` one place for all of them or one for each.
    """
    parts = [
        _tree_arrays(tree, np.asarray(value), np.broadcast_to(target, np.shape(value)))
        for tree, value, target in zip(trees, values, targets, strict=True)
    ]
    nodes = _join_trees(parts)
    return graph.add(
        "TreeEnsemble",
        x,
        domain=ML,
        aggregate_function=_SUM,
        n_targets=width,
        nodes_modes=np.full(len(nodes["splits"]), _LEQ, dtype=np.uint8),
        nodes_splits=nodes["splits"],
        leaf_weights=nodes["weights"],
        **{attribute: nodes[name].astype(int).tolist() for attribute, name in _ATTRIBUTES.items()},
    )


def _join_trees(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return all trees' arrays joined, their nodes and leaves numbered through, and where each tree begins."""
    nodes = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    inner = np.cumsum([0, *(len(part["features"]) for part in parts)])
    leaf = np.cumsum([0, *(len(part["weights"]) for part in parts)])
    for side in ("true", "false"):
        starts = [np.where(part[f"{side}_leafs"], leaf[each], inner[each]) for each, part in enumerate(parts)]
        nodes[side] = nodes[side] + np.concatenate(starts)
    return {**nodes, "roots": inner[:-1]}


def _tree_arrays(tree: Tree, values: NDArray[Any], targets: NDArray[Any]) -> dict[str, Any]:
    """Return a tree with its inner nodes and its leaves numbered apart, each from 0."""
    leaves = tree.leaves
    if leaves[0]:  # a node has to be there: one with the same leaf on both sides
        zero = np.zeros(1, dtype=int)
        sides = {"true": zero, "false": zero + 1, "true_leafs": zero + 1, "false_leafs": zero + 1}
        leaf = {"weights": np.repeat(values[:1].astype(np.float64), 2), "targets": np.repeat(targets[:1], 2)}
        return {**sides, **leaf, "features": zero, "missing": zero, "splits": np.zeros(1)}
    number = np.where(leaves, np.cumsum(leaves), np.cumsum(~leaves)) - 1
    left, right = tree.left[~leaves], tree.right[~leaves]
    return {
        "features": tree.feature[~leaves],
        "splits": tree.threshold[~leaves].astype(np.float64),
        "missing": tree.missing_left[~leaves].astype(int),
        "true": number[left],
        "true_leafs": leaves[left].astype(int),
        "false": number[right],
        "false_leafs": leaves[right].astype(int),
        "weights": values[leaves].astype(np.float64),
        "targets": targets[leaves],
    }


def round_to_float32(graph: Graph, x: ColumnTensor, *, infinite: bool = False) -> str:
    """Return the numbers as float32 has them, in float64; rows too large for it get no answer, or are `infinite`."""
    narrow = graph.cast(graph.cast(x.name, "float"), "double")
    if not infinite:
        graph.refuse_infinite(narrow)
    return narrow


def average_leaf_rows(graph: Graph, x: str, trees: Sequence[Tree], values: Sequence[Any]) -> str:
    """Return the mean of what the leaves that a row falls into hold, of shape (n, width).

    `values` has for each tree an array of shape (nodes, width). For leaves of several numbers: a leaf of TreeEnsemble
    has one, so here it is the row of a table.
    """
    first = np.cumsum([0, *(len(value) for value in values)])
    places = [start + np.arange(len(value)) for start, value in zip(first, values, strict=False)]
    found = sum_leaves(graph, x, trees, places, range(len(trees)), len(trees))
    table, rows = graph.constant(np.concatenate(values)), graph.cast(found, "int64")
    if len(trees) == 1:
        return graph.add("Gather", table, graph.squeeze(rows))
    total = graph.add("ReduceSum", graph.add("Gather", table, rows), graph.constant([1], np.int64), keepdims=0)
    return graph.add("Div", total, graph.constant(len(trees)))
