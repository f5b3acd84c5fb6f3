"""Checks the arrays that compiled code follows without looking: an index out of range would crash, or read, anything.

scikit-learn's trees and neighbour trees are walked in C by the indices they hold. A file may hold any; skops's own
documentation of Tree says so (skops 0.16, io/exceptions.py). Here every index is proven to stay in its array.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from model.components import SPARSE, walk
from model.errors import BundleCorrupt


def audit(estimator: Any) -> None:
    """Check everything compiled in an estimator; raises BundleCorrupt."""
    for part, owner in walk(estimator):
        name = type(part).__name__
        try:
            sound = _COMPILED[name](part, owner) if name in _COMPILED else _sound(part)
        except Exception as error:  # whatever a malformed state does to the checks, it is not sound
            raise BundleCorrupt(f"the model file holds a {name} that is malformed ({type(error).__name__}).") from error
        if not sound:
            raise BundleCorrupt(f"the model file holds a {name} with indices or shapes out of range.")


def _sound(part: Any) -> bool:
    """Check what an estimator hands to compiled code itself."""
    return all(
        check(part)
        for attribute, check in (
            ("estimators_", _members_fit),
            ("_fit_X", _memory_fits),
            ("_n_support", _support_fits),
        )
        if hasattr(part, attribute)
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
        and bounds.shape == (1 if type(tree).__name__ == "BallTree" else 2, count, data.shape[1])
        and bool(((start >= 0) & (start <= end) & (end <= len(index))).all())
        and bool((nodes["is_leaf"][2 * place + 2 >= count] == 1).all())
    )


def _sparse(matrix: Any, _: Any) -> bool:
    """Let scipy check its own indices; raises ValueError."""
    matrix.check_format(full_check=True)
    return True


def _descends(inner: Any, left: Any, right: Any) -> bool:
    """Say whether each inner node's children come after it and exist: then every walk ends, within the array."""
    place = np.arange(len(inner))[inner]
    return all(bool(((child > place) & (child < len(inner))).all()) for child in (left[inner], right[inner]))


def _below(indices: Any, count: int) -> bool:
    return bool(((indices >= 0) & (indices < count)).all())


def _members_fit(ensemble: Any) -> bool:
    """Ensembles hand their rows to their trees unchecked: each tree must take as many features as it will be given."""
    members = [each for each in np.ravel(np.asarray(ensemble.estimators_, dtype=object)) if hasattr(each, "tree_")]
    features = getattr(ensemble, "estimators_features_", getattr(ensemble, "_estimators_features", None))
    if not members:
        return True
    given = [ensemble.n_features_in_] * len(members) if features is None else [len(each) for each in features]
    if not all(each.tree_.n_features <= count for each, count in zip(members, given, strict=True)):
        return False
    if "GradientBoosting" not in type(ensemble).__name__:
        return True
    # Each stage adds one number for each column, in compiled code that counts neither.
    columns = len(getattr(ensemble, "classes_", ())) if len(getattr(ensemble, "classes_", ())) > 2 else 1
    stages = np.asarray(ensemble.estimators_, dtype=object)
    return stages.shape[1:] == (columns,) and all(each.tree_.value.shape[1:] == (1, 1) for each in members)


def _memory_fits(neighbours: Any) -> bool:
    """Neighbours are looked up among the rows of the fit, and their labels counted by compiled code."""
    rows, labels = neighbours._fit_X, getattr(neighbours, "_y", None)
    if rows.ndim != 2 or rows.shape[1] != neighbours.n_features_in_:
        return False
    if labels is None or not hasattr(neighbours, "classes_"):
        return True
    several = isinstance(neighbours.classes_, list)
    columns = labels.reshape(len(labels), -1).T
    counts = [len(each) for each in neighbours.classes_] if several else [len(neighbours.classes_)]
    return len(labels) == rows.shape[0] and all(map(_below, columns, counts))


def _support_fits(machine: Any) -> bool:
    """Libsvm is handed arrays and counts, and believes the counts."""
    counts, vectors, weights = machine._n_support, machine.support_vectors_, machine._dual_coef_
    classifies = type(machine)._impl in ("c_svc", "nu_svc")  # regression and novelty take no counts, and hold anything
    classes, held = len(machine.classes_) if classifies else 2, vectors.shape[0]
    pairs = classes * (classes - 1) // 2
    chances = (len(getattr(machine, "_probA", ())), len(getattr(machine, "_probB", ())))
    certain = not getattr(machine, "_effective_probability", False)
    return (
        "_impl" not in vars(machine)
        and (_sparse_support_fits if machine._sparse else _dense_support_fits)(machine)
        and len(counts) == classes
        and (not classifies or (bool((counts >= 0).all()) and int(counts.astype(np.int64).sum()) == held))
        and vectors.shape[1:] == (machine.shape_fit_[1],)
        and weights.shape == (classes - 1, held)
        and machine._intercept_.shape == (pairs,)
        and len(machine.support_) == held
        and chances in ((pairs, pairs), (0, 0) if certain else (pairs, pairs))
        and machine.shape_fit_[1] in (machine.n_features_in_, machine.shape_fit_[0])
    )


def _dense_support_fits(machine: Any) -> bool:
    """Of a kernel that was computed before, the rows of the fit are looked up in each row of the request."""
    arrays = isinstance(machine.support_vectors_, np.ndarray) and isinstance(machine._dual_coef_, np.ndarray)
    return arrays and _below(machine.support_, machine.shape_fit_[0])


def _sparse_support_fits(machine: Any) -> bool:
    """Weights are read as if each were there; of a kernel that was computed before, values are taken for places."""
    vectors, weights = machine.support_vectors_, machine._dual_coef_
    return (
        vectors.format == weights.format == "csr"
        and weights.data.shape == (weights.shape[0] * weights.shape[1],)
        and machine.kernel in ("linear", "poly", "rbf", "sigmoid")
    )


_COMPILED: dict[str, Callable[[Any, Any], bool]] = {
    "Tree": _tree,
    "TreePredictor": _predictor,
    "KDTree": _neighbours,
    "BallTree": _neighbours,
    **dict.fromkeys(SPARSE, _sparse),
}
