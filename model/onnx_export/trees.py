"""Trees, forests and boosting as one TreeEnsemble node, which adds the same numbers in the same order.

scikit-learn's trees compare a number rounded to float32 with a float64 threshold; histogram-based gradient boosting
compares float64. Both are reproduced: thresholds and leaves stay float64, and a row beyond float32 has no answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from model.onnx_export.graph import ML, ColumnTensor, Graph

# The operator's numbers for the ways in which nodes compare.
Comparison = Literal["<=", "<"]
_MODES: Final[dict[Comparison, int]] = {"<=": 0, "<": 1}
_MEMBER: Final = 6
_SUM = 1


@dataclass(frozen=True)
class Tree:
    """A tree as arrays of shape (nodes,), the root first; `left` is -1 in leaves.

    A row goes left if its feature is not greater than the threshold (or less than it, if `sum_leaves` compares by "<"),
    or if the feature is missing and `missing_left` is set. A node in `members` has a set of whole numbers in place of a
    threshold: a row goes left there if its feature is in the set.
    """

    feature: NDArray[Any]
    threshold: NDArray[np.float64]
    left: NDArray[Any]
    right: NDArray[Any]
    missing_left: NDArray[Any]
    members: Mapping[int, Sequence[float]] = field(default_factory=dict)

    @property
    def leaves(self) -> NDArray[np.bool_]:
        """Which nodes are leaves, of shape (nodes,)."""
        found: NDArray[np.bool_] = self.left < 0
        return found


def sum_leaves(
    graph: Graph,
    x: str,
    trees: Sequence[Tree],
    values: Sequence[Any],
    targets: Sequence[Any],
    width: int = 1,
    *,
    start: Any = (),
    comparison: Comparison = "<=",
    dtype: Any = np.float64,
) -> str:
    """Return the sum of the leaves' values for each of `width` targets, of shape (n, width).

    `values` has a number for each node of each tree; `targets` has a target for each tree, or for each of its nodes.
    Rows, thresholds, leaves and sums are of the dtype. Each sum begins with its `start`, if there is one, as part of
    the leaves of its first tree: so numbers are added in this order.
    """
    leaves = [np.asarray(value, dtype=dtype) for value in values]
    for target, begin in enumerate(np.asarray(start, dtype=dtype)):
        first = targets.index(target)
        leaves[first] = begin + leaves[first]
    nodes = _join_trees(trees, leaves, targets)
    of_members, splits = nodes.pop("of_members"), nodes.pop("nodes_splits")
    sets = [member for tree in trees for node in sorted(tree.members) for member in (*tree.members[node], np.nan)]
    further: dict[str, Any] = {"membership_values": np.array(sets, dtype=dtype)} if sets else {}
    return graph.add(
        "TreeEnsemble",
        x,
        domain=ML,
        aggregate_function=_SUM,
        n_targets=width,
        nodes_modes=np.where(of_members, _MEMBER, _MODES[comparison]).astype(np.uint8),
        nodes_splits=splits.astype(dtype),
        leaf_weights=nodes.pop("leaf_weights").astype(dtype),
        **further,
        **{attribute: values.astype(int).tolist() for attribute, values in nodes.items()},
    )


def _join_trees(trees: Sequence[Tree], values: Sequence[NDArray[Any]], targets: Sequence[Any]) -> dict[str, Any]:
    """Join all trees' arrays, number their nodes and leaves consecutively, and add the index of each tree's root."""
    parts = [
        _tree_arrays(tree, value, np.broadcast_to(target, np.shape(value)))
        for tree, value, target in zip(trees, values, targets, strict=True)
    ]
    nodes = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    inner = np.cumsum([0, *(len(part["nodes_featureids"]) for part in parts)])
    leaf = np.cumsum([0, *(len(part["leaf_weights"]) for part in parts)])
    for side in ("true", "false"):
        starts = [np.where(part[f"nodes_{side}leafs"], leaf[each], inner[each]) for each, part in enumerate(parts)]
        nodes[f"nodes_{side}nodeids"] += np.concatenate(starts)
    return {**nodes, "tree_roots": inner[:-1]}


def _tree_arrays(tree: Tree, values: NDArray[Any], targets: NDArray[Any]) -> dict[str, Any]:
    """Return a tree's arrays by the operator's attributes, with inner nodes and leaves numbered separately from 0."""
    if tree.leaves[0]:  # TreeEnsemble needs an inner node: add one with two equal leaves
        zeros, left = np.zeros(3, dtype=int), np.array([1, -1, -1])
        tree = Tree(zeros, np.zeros(3), left, left + 1, zeros)
        values, targets = values[zeros], targets[zeros]
    leaves = tree.leaves
    number = np.where(leaves, np.cumsum(leaves), np.cumsum(~leaves)) - 1
    left, right = tree.left[~leaves], tree.right[~leaves]
    of_members = np.isin(np.flatnonzero(~leaves), list(tree.members))
    return {
        "nodes_featureids": tree.feature[~leaves],
        "nodes_splits": np.where(of_members, 0, tree.threshold[~leaves]).astype(np.float64),
        "of_members": of_members,
        "nodes_missing_value_tracks_true": tree.missing_left[~leaves],
        "nodes_truenodeids": number[left],
        "nodes_trueleafs": leaves[left],
        "nodes_falsenodeids": number[right],
        "nodes_falseleafs": leaves[right],
        "leaf_weights": values[leaves].astype(np.float64),
        "leaf_targetids": targets[leaves],
    }


def round_to_float32(graph: Graph, x: ColumnTensor, *, infinite: bool = False) -> str:
    """Round numbers to float32; rows beyond its range have no answer, or with `infinite`, infinite numbers."""
    narrow = graph.cast(graph.cast(x.name, "float"), "double")
    if not infinite:
        graph.refuse_infinite(narrow)
    return narrow


def average_leaf_rows(graph: Graph, x: str, trees: Sequence[Tree], values: Sequence[Any]) -> str:
    """Return the mean over the trees of the leaves' values, of shape (n, width).

    `values` has an array of shape (nodes, width) for each tree. A leaf of TreeEnsemble holds a single number; here it
    is the index of a row in a table of values.
    """
    first = np.cumsum([0, *(len(value) for value in values)])
    indices = [start + np.arange(len(value)) for start, value in zip(first, values, strict=False)]
    found = sum_leaves(graph, x, trees, indices, range(len(trees)), len(trees))
    table, rows = graph.constant(np.concatenate(values)), graph.cast(found, "int64")
    if len(trees) == 1:
        return graph.add("Gather", table, graph.squeeze(rows))
    total = graph.reduce("ReduceSum", graph.add("Gather", table, rows))
    return graph.add("Div", total, graph.constant(len(trees)))
