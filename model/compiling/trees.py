"""Trees, forests and boosting, as one TreeEnsemble node that adds the same numbers in the same order.

scikit-learn's trees compare a float32 of the row with a float64 threshold; gradient boosting over histograms compares
float64. Both are kept: thresholds and leaves stay float64, and a row that is too large for float32 has no answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.compiling.graph import ML, Columns, Graph

_LEQ = 0
_SUM = 1


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


def sums(graph: Graph, x: str, trees: Sequence[Tree], values: Sequence[Any], targets: Sequence[int]) -> str:
    """Return for each target the sum of what its trees' leaves hold, of shape (n, targets).

    `values` has for each tree a number for each of its nodes.
    """
    parts = [_part(tree, np.asarray(value)) for tree, value in zip(trees, values, strict=True)]
    inner = np.cumsum([0, *(len(part["features"]) for part in parts)])
    leaf = np.cumsum([0, *(len(part["weights"]) for part in parts)])

    def joined(name: str, *, places: bool = False) -> Any:
        shifted = [
            part[name] + np.where(part[f"{name}_leafs"], leaf[each], inner[each]) if places else part[name]
            for each, part in enumerate(parts)
        ]
        return np.concatenate(shifted)

    nodes = {
        "nodes_featureids": joined("features"),
        "nodes_truenodeids": joined("true", places=True),
        "nodes_trueleafs": joined("true_leafs"),
        "nodes_falsenodeids": joined("false", places=True),
        "nodes_falseleafs": joined("false_leafs"),
        "nodes_missing_value_tracks_true": joined("missing"),
        "leaf_targetids": np.repeat(targets, np.diff(leaf)),
        "tree_roots": inner[:-1],
    }
    splits, weights = joined("splits"), joined("weights")
    return graph.add(
        "TreeEnsemble",
        x,
        domain=ML,
        aggregate_function=_SUM,
        n_targets=max(targets) + 1,
        nodes_modes=np.full(len(splits), _LEQ, dtype=np.uint8),
        nodes_splits=splits,
        leaf_weights=weights,
        **{name: numbers.astype(int).tolist() for name, numbers in nodes.items()},
    )


def _part(tree: Tree, values: NDArray[Any]) -> dict[str, Any]:
    """Return a tree with its inner nodes and its leaves numbered apart, each from 0."""
    leaves = tree.leaves
    if leaves[0]:  # a node has to be there: one with the same leaf on both sides
        zero = np.zeros(1, dtype=int)
        sides = {"true": zero, "false": zero + 1, "true_leafs": zero + 1, "false_leafs": zero + 1}
        weights = np.repeat(values[:1].astype(np.float64), 2)
        return {**sides, "features": zero, "missing": zero, "splits": np.zeros(1), "weights": weights}
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
    }


def as_float32(graph: Graph, x: Columns) -> str:
    """Return the numbers as float32 has them, in float64; rows too large for it get no answer."""
    narrow = graph.cast(graph.cast(x.name, "float"), "double")
    graph.refuse_infinite(narrow)
    return narrow


def leaf_rows(graph: Graph, x: str, trees: Sequence[Tree], values: Sequence[Any]) -> str:
    """Return what the leaves that a row falls into hold, of shape (n, trees, width).

    `values` has for each tree an array of shape (nodes, width). For leaves of several numbers: a leaf of TreeEnsemble
    has one, so here it is the row of a table.
    """
    first = np.cumsum([0, *(len(value) for value in values)])
    places = [start + np.arange(len(value)) for start, value in zip(first, values, strict=False)]
    found = sums(graph, x, trees, places, range(len(trees)))
    return graph.add("Gather", graph.constant(np.concatenate(values)), graph.cast(found, "int64"))
