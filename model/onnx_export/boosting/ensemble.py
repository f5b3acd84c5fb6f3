"""Boosted trees in a form that suits all libraries, and their conversion to a graph."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.engines.onnx_audit import MOST_LEVELS
from model.onnx_export.encoders import encode_value
from model.onnx_export.graph import ColumnTensor, Graph, NotCompiled
from model.onnx_export.trees import Comparison, Tree, round_to_float32, sum_leaves
from model.signature import Label

_MOST_CODE = 2**24  # float32 has every whole number up to this one


@dataclass(frozen=True)
class BoostedTrees:
    """Boosted trees, read from a library's document; `trees`, `leaves` and `targets` have an entry for each tree.

    `leaves` has an array of shape (nodes,) for each tree, in which only the values at leaves count; `targets` has the
    index of the sum that the tree adds to. Each sum begins with its `start`. The score is `scale` * sum + `bias` (one
    number, or one for each sum). With `single`, thresholds, leaves and sums are float32; with `narrow`, rows are
    rounded to float32.

    `categories` maps columns to their categories: the `members` of splits are then indices of these. For other columns,
    members are numbers as rows contain them; columns in `whole` are compared without fractions. The number `missing`
    means a missing value, as NaN does. `names` are the columns' names, if the model was fitted on named columns.
    `objective` is XGBoost's.
    """

    trees: tuple[Tree, ...]
    leaves: tuple[NDArray[Any], ...]
    targets: tuple[int, ...]
    start: NDArray[Any]
    width: int
    comparison: Comparison = "<="
    narrow: bool = False
    single: bool = False
    scale: float = 1.0
    bias: Any = 0.0
    categories: Mapping[int, tuple[Label, ...]] = field(default_factory=dict)
    whole: tuple[int, ...] = ()
    missing: float | None = None
    names: tuple[str, ...] | None = None
    objective: str = ""

    @property
    def dtype(self) -> Any:
        """The type of thresholds, leaves and sums."""
        return np.float32 if self.single else np.float64


def check_trees(trees: Sequence[Tree], columns: int) -> None:
    """Raise ValueError unless all paths of the trees end at leaves that servers can reach, and all columns exist."""
    for tree in trees:
        count, inner = len(tree.left), ~tree.leaves
        children = np.concatenate([tree.left[inner], tree.right[inner]])
        if not count or {len(each) for each in (tree.feature, tree.threshold, tree.right, tree.missing_left)} != {
            count
        }:
            raise ValueError("a tree has no nodes, or lists of several lengths")
        if len(children) and not (children.min() > 0 and children.max() < count):
            raise ValueError("a tree has a child that is not there")
        if len(np.unique(children)) != len(children) or _reached(tree) != 1 + len(children):
            raise ValueError("a tree has a node with two parents, or a circle")
        used = tree.feature[inner]
        if len(used) and not (used.min() >= 0 and used.max() < columns):
            raise ValueError("a tree compares a column that is not there")


def _reached(tree: Tree) -> int:
    """Return how many nodes can be reached from the root, given that no node has two parents.

    Raises ValueError for a tree of more levels than the server accepts.
    """
    level, found = np.zeros(1, dtype=np.int64), 0
    for _ in range(MOST_LEVELS):
        found += len(level)
        inner = level[tree.left[level] >= 0]
        if not len(inner):
            return found
        level = np.concatenate([tree.left[inner], tree.right[inner]])
    raise ValueError(f"a tree has more than {MOST_LEVELS} levels")


def raw_scores(graph: Graph, model: BoostedTrees, x: ColumnTensor) -> str:
    """Return the sums of the leaves before the link, of shape (n, sums), in the model's dtype; raises NotCompiled."""
    if x.width != model.width:
        raise NotCompiled(f"a model of {model.width} columns that is given {x.width} has no compiled form")
    if not set(range(len(model.start))) <= set(model.targets):
        raise NotCompiled("a sum without trees has no compiled form")
    found = sum_leaves(
        graph,
        _rows(graph, model, x),
        [_with_codes(tree, model, x) for tree in model.trees],
        model.leaves,
        model.targets,
        len(model.start),
        start=model.start,
        comparison=model.comparison,
        dtype=model.dtype,
    )
    if model.scale != 1:
        found = graph.add("Mul", found, graph.constant(model.scale, model.dtype))
    if np.any(model.bias):
        found = graph.add("Add", found, graph.constant(model.bias, model.dtype))
    return found


def _rows(graph: Graph, model: BoostedTrees, x: ColumnTensor) -> str:
    """Return the rows in the dtype of the thresholds, with NaN for missing values."""
    name = round_to_float32(graph, x, infinite=True) if model.narrow else x.name
    if model.missing is not None:
        none = graph.add("Equal", name, graph.constant(np.float64(np.float32(model.missing))))
        name = graph.add("Where", none, graph.constant(np.nan), name)
    coded = [index for index in model.whole if index not in model.categories]
    if coded:  # the runtime compares members with the number as it is
        own = np.isin(np.arange(x.width), coded)
        name = graph.add("Where", graph.constant(own, np.bool_), graph.add("Floor", name), name)
    return graph.cast(name, "float") if model.single else name


def _with_codes(tree: Tree, model: BoostedTrees, x: ColumnTensor) -> Tree:
    """Replace the indices of categories in `members` by the numbers that rows contain; raises NotCompiled."""
    if not tree.members:
        return tree
    members = {}
    for node, found in tree.members.items():
        column = int(tree.feature[node])
        known = model.categories.get(column)
        codes = found if known is None else [encode_value(x.codes[column], known[int(each)]) for each in found]
        if not codes or any(abs(code) > _MOST_CODE or code != int(code) for code in codes):
            raise NotCompiled("a split over categories that are no small whole numbers has no compiled form")
        members[node] = codes
    return replace(tree, members=members)
