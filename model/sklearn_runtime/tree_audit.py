"""Checks objects of compiled classes: trees, neighbour trees, distances, splines, random generators.

Their code follows their indices and trusts their shapes. Here every index is checked to be within its array.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from model.sklearn_runtime.estimator_walk import SPARSE, SPLINES, is_compiled

MOST_LEVELS = 40  # of a neighbour tree, which has 2 ** levels - 1 nodes
STATE_WORDS = 624  # of the Mersenne Twister


def descends(inner: Any, left: Any, right: Any) -> bool:
    """Return whether each inner node's children exist and come after it: then every walk ends, within the array."""
    place = np.arange(len(inner))[inner]
    return all(bool(((child > place) & (child < len(inner))).all()) for child in (left[inner], right[inner]))


def below(indices: Any, count: int) -> bool:
    """Return whether all indices are within an array of `count` items."""
    return bool(((indices >= 0) & (indices < count)).all())


def _tree(tree: Any, owner: Any) -> bool:
    state = tree.__getstate__()
    nodes, count = state["nodes"], state["node_count"]
    if count != len(nodes) or not count or len(state["values"]) != count:
        return False
    inner = nodes["left_child"] != -1
    return descends(inner, nodes["left_child"], nodes["right_child"]) and below(
        nodes["feature"][inner], min(tree.n_features, owner.n_features_in_)
    )


def _predictor(predictor: Any, owner: Any) -> bool:
    nodes = predictor.nodes
    inner = nodes["is_leaf"] == 0
    categorical = inner & (nodes["is_categorical"] != 0)
    bitsets = predictor.raw_left_cat_bitsets
    known = owner._bin_mapper.is_categorical_  # which features have a bitset of the categories that are known
    return (
        len(nodes) > 0
        and bitsets.ndim == 2
        and bitsets.shape[1] == 8
        and descends(inner, nodes["left"], nodes["right"])
        and below(nodes["feature_idx"][inner], owner.n_features_in_)
        and below(nodes["bitset_idx"][categorical], len(bitsets))
        and known.shape == (owner.n_features_in_,)
        and bool(known[nodes["feature_idx"][categorical]].astype(bool).all())
    )


def _neighbours(tree: Any, owner: Any) -> bool:
    data, index, nodes, bounds, _, levels, count, _, _, _, _, distance, _ = tree.__getstate__()
    place = np.arange(len(nodes))
    start, end = nodes["idx_start"], nodes["idx_end"]
    return (
        data.shape == (len(index), owner.n_features_in_)
        and below(index, len(data))
        and 0 < levels < MOST_LEVELS
        and count == len(nodes) == 2**levels - 1
        and bounds.shape == (1 if type(tree).__name__ == "BallTree" else 2, count, data.shape[1])
        and bool(((start >= 0) & (start <= end) & (end <= len(index))).all())
        and bool((nodes["is_leaf"][2 * place + 2 >= count] == 1).all())
        and _distance(distance, data.shape[1])
    )


def _distance(distance: Any, width: int) -> bool:
    """Weights and matrices of a distance must have the size of the features."""
    _, weights, matrix = distance.__getstate__()
    match type(distance).__name__.removesuffix("Distance64"):
        case "Minkowski":
            return weights.shape in ((0,), (width,))
        case "SEuclidean":
            return bool(weights.shape == (width,))
        case "Mahalanobis":
            return bool(matrix.shape == (width, width))
        case "Haversine":
            return width == 2
        case _:
            return True


def _spline(spline: Any, _: Any) -> bool:
    """Count knots and coefficients: at least 2 k + 2 knots for degree k, and at most k + 1 fewer coefficients.

    Since scipy 1.18 a BSpline has a tuple as its state: it holds all in an object of the class _BSpline. In some
    releases before, `t` and `c` are what a function in the file makes of the arrays that compiled code reads.
    """
    state = spline.__getstate__()
    if isinstance(state, tuple):
        inner, _ = state
        return is_compiled(inner) and type(inner).__name__ == "_BSpline" and _spline(inner, None)
    stored = "_" if isinstance(getattr(type(spline), "t", None), property) else ""
    knots, coefficients, degree = state[f"{stored}t"], state[f"{stored}c"], state["k"]
    return (
        isinstance(degree, int)
        and degree >= 0
        and knots.ndim == 1
        and len(knots) >= 2 * degree + 2
        and len(coefficients) >= len(knots) - degree - 1
    )


def _generator(generator: Any, _: Any) -> bool:
    """Check that the position at which the Mersenne Twister continues is within its state."""
    bits = getattr(generator, "bit_generator", generator)
    state = bits.state if bits is not generator else generator.get_state(legacy=False)
    return bool(0 <= state["state"].get("pos", 0) <= STATE_WORDS)


def _sparse(matrix: Any, _: Any) -> bool:
    """Let scipy check its own indices; raises ValueError."""
    matrix.check_format(full_check=True)
    return True


CHECKS: dict[str, Callable[[Any, Any], bool]] = {
    "Tree": _tree,
    "TreePredictor": _predictor,
    "KDTree": _neighbours,
    "BallTree": _neighbours,
    "RandomState": _generator,
    "Generator": _generator,
    **dict.fromkeys(SPLINES, _spline),
    **dict.fromkeys(SPARSE, _sparse),
}
