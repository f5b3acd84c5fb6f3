"""Checks the arrays that compiled code follows without looking: an index out of range would crash, or read, anything.

scikit-learn's trees and neighbour trees are walked in C by the indices they hold. A file may hold any; skops's own
documentation of Tree says so (skops 0.16, io/exceptions.py). Here every index is proven to stay in its array.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from model.components import walk
from model.errors import BundleCorrupt


def audit(estimator: Any) -> None:
    """Check everything compiled in an estimator; raises BundleCorrupt."""
    for part, owner in walk(estimator):
        check = _CHECKS.get(type(part).__name__)
        if check is not None and not (owner is not None and check(part, owner)):
            raise BundleCorrupt(f"the model file holds a {type(part).__name__} with indices out of range.")
        if hasattr(part, "estimators_") and not _members_fit(part):
            raise BundleCorrupt(
                f"the model file holds a {type(part).__name__} whose trees take other features than it."
            )


def _tree(tree: Any, owner: Any) -> bool:
    state = tree.__getstate__()
    nodes, count = state["nodes"], state["node_count"]
    if count != len(nodes) or not count or len(state["values"]) != count:
        return False
    inner = nodes["left_child"] != -1
    return _descends(inner, nodes["left_child"], nodes["right_child"]) and _below(
        nodes["feature"][inner], min(tree.n_features, owner.n_features_in_)
    )


def _predictor(predictor: Any, owner: Any) -> bool:
    nodes = predictor.nodes
    inner = nodes["is_leaf"] == 0
    categorical = inner & (nodes["is_categorical"] != 0)
    bitsets = predictor.raw_left_cat_bitsets
    return (
        len(nodes) > 0
        and bitsets.ndim == 2
        and bitsets.shape[1] == 8
        and _descends(inner, nodes["left"], nodes["right"])
        and _below(nodes["feature_idx"][inner], owner.n_features_in_)
        and _below(nodes["bitset_idx"][categorical], len(bitsets))
    )


def _neighbours(tree: Any, owner: Any) -> bool:
    data, index, nodes, bounds, _, levels, count, *_ = tree.__getstate__()
    place = np.arange(len(nodes))
    start, end = nodes["idx_start"], nodes["idx_end"]
    return (
        data.shape == (len(index), owner.n_features_in_)
        and _below(index, len(data))
        and count == len(nodes) == 2**levels - 1
        and bounds.shape[1:] == (count, data.shape[1])
        and bool(((start >= 0) & (start <= end) & (end <= len(index))).all())
        and bool((nodes["is_leaf"][2 * place + 2 >= count] == 1).all())
    )


def _descends(inner: Any, left: Any, right: Any) -> bool:
    """Say whether each inner node's children come after it and exist: then every walk ends, within the array."""
    place = np.arange(len(inner))[inner]
    return all(bool(((child > place) & (child < len(inner))).all()) for child in (left[inner], right[inner]))


def _below(indices: Any, count: int) -> bool:
    return bool(((indices >= 0) & (indices < count)).all())


def _members_fit(ensemble: Any) -> bool:
    """Ensembles hand their rows to their trees unchecked: each tree must take as many features as it will be given."""
    features = getattr(ensemble, "estimators_features_", getattr(ensemble, "_estimators_features", None))
    members = [
        member for member in np.ravel(np.asarray(ensemble.estimators_, dtype=object)) if hasattr(member, "tree_")
    ]
    if features is None:
        return all(member.tree_.n_features <= ensemble.n_features_in_ for member in members)
    pairs = zip(members, features, strict=True)
    return not members or all(member.tree_.n_features <= len(given) for member, given in pairs)


_CHECKS: dict[str, Callable[[Any, Any], bool]] = {
    "Tree": _tree,
    "TreePredictor": _predictor,
    "KDTree": _neighbours,
    "BallTree": _neighbours,
}
