"""Reads CatBoost's JSON of a model, as `save_model(…, format="json")` writes it.

The document may come from anyone. Sizes that it states never decide how much memory is allocated: they are compared
with the data, and a document that CatBoost would not write is refused.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.errors import UnsupportedEstimator, describe

# Whether a missing value is above all borders; with "AsIs" it stays NaN, which is above none.
_NAN_ABOVE: Final = {"AsIs": False, "AsFalse": False, "AsTrue": True}
_DEEPEST: Final = 16  # CatBoost's own limit for oblivious trees
_LARGEST: Final = float(np.finfo(np.float32).max)
_OTHERS: Final = ("categorical_features", "text_features", "embedding_features")


@dataclass(frozen=True)
class CatBoostTree:
    """A tree: arrays of shape (inner nodes,), and of shape (leaves, outputs); children below 0 are leaves `-1 - child`.

    A row goes right if its column, rounded to float32, is above the border.
    """

    column: NDArray[np.int64]
    border: NDArray[np.float32]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True)
class CatBoostModel:
    """The content of a document: trees whose sum is multiplied by `scale`, with `bias` added to each output.

    `nan_above` says for each column whether a missing value is above all borders. `others` are the kinds of columns
    that are not numbers; if there are any, `trees` is empty. `threshold` is the probability above which the second of
    two classes is the label, if one was set.
    """

    trees: tuple[CatBoostTree, ...]
    names: tuple[str, ...]
    nan_above: tuple[bool, ...]
    scale: float
    bias: NDArray[np.float64]
    loss: str
    labels: tuple[Any, ...]
    threshold: float | None
    others: tuple[str, ...]


def read_catboost(content: str | bytes) -> CatBoostModel:
    """Return the model of a JSON document; raises UnsupportedEstimator if CatBoost does not write such a document."""
    try:
        return _model(json.loads(content))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise UnsupportedEstimator(
            f"this is not a model as CatBoost writes it ({describe(error)}); save it again with save_model."
        ) from error


def _model(document: Any) -> CatBoostModel:
    known, about = document["features_info"], document["model_info"]
    others = tuple(kind.partition("_")[0] for kind in _OTHERS if known.get(kind))
    columns = {each["flat_feature_index"]: each for each in known.get("float_features") or []}
    if not others and set(columns) != set(range(len(columns))):
        raise ValueError("its features are not numbered from 0")
    features = [each["flat_feature_index"] for each in known.get("float_features") or []]
    scale, bias = document["scale_and_bias"]
    biases = np.atleast_1d(np.array(bias, dtype=np.float64))
    if biases.ndim != 1 or not len(biases) or not np.isfinite([scale, *biases]).all():
        raise ValueError("its scale and bias are not finite numbers")
    threshold = about.get("binclass_probability_threshold")
    return CatBoostModel(
        trees=() if others else _trees(document, features, len(biases)),
        names=tuple(str(columns[index].get("feature_id") or index) for index in sorted(columns)),
        nan_above=tuple(_NAN_ABOVE[columns[index]["nan_value_treatment"]] for index in sorted(columns)),
        scale=float(scale),
        bias=biases,
        loss=str(about["params"]["loss_function"]["type"]),
        labels=tuple((about.get("class_params") or {}).get("class_names", ())),
        threshold=None if threshold is None else float(threshold),
        others=others,
    )


def _trees(document: Any, features: list[int], outputs: int) -> tuple[CatBoostTree, ...]:
    if "oblivious_trees" in document:
        found = [_oblivious(each, features, outputs) for each in document["oblivious_trees"]]
    else:
        found = [_asymmetric(each, features, outputs) for each in document["trees"]]
    if not found or not all(np.isfinite(tree.values).all() for tree in found):
        raise ValueError("it has no trees, or a leaf that is not a finite number")
    return tuple(found)


def _split(split: Any, features: list[int]) -> tuple[int, float]:
    index = split["float_feature_index"]
    if split["split_type"] != "FloatFeature" or not 0 <= index < len(features):
        raise ValueError("a tree splits a feature, or in a way, that there is not")
    border = float(split["border"])
    if not abs(border) <= _LARGEST:
        raise ValueError("a tree has a border that is not a finite number")
    return features[index], border


def _oblivious(tree: Any, features: list[int], outputs: int) -> CatBoostTree:
    """Convert a tree with one split for each level, in which the first split is the lowest bit of a leaf's number.

    The last split becomes the root, and node n has the children 2n + 1 and 2n + 2.
    """
    splits = [_split(each, features) for each in tree.get("splits") or []]
    depth, values = len(splits), np.array(tree["leaf_values"], dtype=np.float64)
    if depth > _DEEPEST or values.shape != (outputs << depth,):
        raise ValueError("a tree's leaves are not as many as its splits make")
    inner = (1 << depth) - 1
    level = np.repeat(np.arange(depth), 1 << np.arange(depth))  # of each node, from the root
    column, border = (np.array([split[each] for split in reversed(splits)])[level] for each in (0, 1))
    left = 2 * np.arange(inner) + 1
    left, right = (np.where(side < inner, side, inner - 1 - side) for side in (left, left + 1))
    return CatBoostTree(column.astype(np.int64), border.astype(np.float32), left, right, values.reshape(-1, outputs))


def _asymmetric(tree: Any, features: list[int], outputs: int) -> CatBoostTree:
    """Convert nested nodes; they are numbered in depth-first order, left before right."""
    splits: list[tuple[int, float]] = []
    children: list[list[int]] = []
    values: list[Any] = []
    waiting: list[tuple[Any, int | None, int]] = [(tree, None, 0)]
    while waiting:
        node, parent, side = waiting.pop()
        if "split" in node:
            number = len(splits)
            splits.append(_split(node["split"], features))
            children.append([0, 0])
            waiting += [(node["right"], number, 1), (node["left"], number, 0)]
        else:
            values.append(node["value"])
            number = -len(values)
        if parent is not None:
            children[parent][side] = number
    leaves = np.array(values, dtype=np.float64).reshape(len(values), -1)
    if leaves.shape[1] != outputs:
        raise ValueError("a tree's leaves have not one number for each output")
    left, right = np.array(children, dtype=np.int64).reshape(-1, 2).T
    column = np.array([column for column, _ in splits], dtype=np.int64)
    return CatBoostTree(column, np.array([border for _, border in splits], dtype=np.float32), left, right, leaves)
