"""Checks the trees of an ONNX file.

onnxruntime 1.28 follows the node ids of a TreeEnsemble without checking them, with one stack frame for each level: a
cycle, a node with two parents or an id out of range crashes the process.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_WHOLE: Final = frozenset({"aggregate_function", "n_targets"})
_NODES = "falseleafs falsenodeids featureids missing_value_tracks_true modes splits trueleafs truenodeids"
_OF_NODES: Final = frozenset(f"nodes_{name}" for name in _NODES.split())
_MEMBERS: Final = "membership_values"
_OF_TREES: Final = _WHOLE | _OF_NODES | {"leaf_targetids", "leaf_weights", "tree_roots"}
# The modes of nodes: compare by <=, compare by <, look the feature up in a set.
_MODES: Final = (0, 1, 6)
_MEMBER: Final = 6
_LARGEST_MEMBER: Final = 2**24
# The most levels of a tree: between 10,000 and 20,000 exhaust a stack of 8 MiB.
MOST_LEVELS: Final = 4096


def trees_end(attributes: Mapping[str, Any]) -> bool:
    """Return whether every path from a root ends in a leaf, and all ids on the way are in range."""
    if attributes.keys() - {_MEMBERS} != _OF_TREES or any(
        isinstance(attributes[name], int) != (name in _WHOLE) for name in attributes
    ):
        return False
    kind, members = attributes["leaf_weights"].dtype, attributes.get(_MEMBERS)
    nodes, leaves = len(attributes["nodes_featureids"]), len(attributes["leaf_targetids"])
    roots, features = attributes["tree_roots"], attributes["nodes_featureids"]
    lengths = {len(attributes[name]) for name in _OF_NODES}
    sides = [(attributes[f"nodes_{side}nodeids"], attributes[f"nodes_{side}leafs"]) for side in ("true", "false")]
    return (
        lengths == {nodes}
        and len(attributes["leaf_weights"]) == leaves
        and attributes["nodes_modes"].dtype == np.uint8
        and bool(np.isin(attributes["nodes_modes"], _MODES).all())
        and attributes["nodes_splits"].dtype == kind
        and kind in (np.float32, np.float64)
        and _sets(int((attributes["nodes_modes"] == _MEMBER).sum()), members, kind)
        and attributes["aggregate_function"] in range(4)
        and attributes["n_targets"] in range(1, leaves + 1)
        and _within(attributes["leaf_targetids"], attributes["n_targets"])
        and bool((features >= 0).all())
        and all(_within(leaf, 2) for _, leaf in sides)
        and _once([roots, *(ids[leaf == 0] for ids, leaf in sides)], nodes)
        and _once([ids[leaf == 1] for ids, leaf in sides], leaves)
        and _shallow(roots, sides)
    )


def _sets(count: int, members: Any, kind: Any) -> bool:
    """Return whether `members` are `count` non-empty sets of whole numbers, each followed by NaN."""
    if members is None:
        return not count
    ends = np.flatnonzero(np.isnan(members)) if members.dtype == kind else np.empty(0, np.int64)
    numbers = members[~np.isnan(members)]
    return (
        count == len(ends) > 0
        and int(ends[-1]) == len(members) - 1
        and bool((np.diff(ends, prepend=-1) > 1).all())
        and bool((np.abs(numbers) <= _LARGEST_MEMBER).all())
        and bool((numbers == np.trunc(numbers)).all())
    )


def _within(numbers: NDArray[Any], end: int) -> bool:
    return bool(((numbers >= 0) & (numbers < end)).all())


def _once(parts: list[NDArray[Any]], end: int) -> bool:
    """Return whether all ids are in range and none occurs twice, so that no path visits a node twice."""
    ids = np.concatenate(parts)
    return _within(ids, end) and len(np.unique(ids)) == len(ids)


def _shallow(level: NDArray[Any], sides: list[tuple[NDArray[Any], NDArray[Any]]]) -> bool:
    for _ in range(MOST_LEVELS):
        if not len(level):
            return True
        level = np.concatenate([ids[level][leaf[level] == 0] for ids, leaf in sides])
    return False
