"""Reads CatBoost's JSON of a model, as `save_model(…, format="json")` writes it, and adds the model to a graph.

CatBoost rounds rows to float32, and compares them with float32 borders; leaves and sums are float64.

The document may come from anyone. Sizes that it states never decide how much memory is allocated: they are compared
with the data, and a document that CatBoost would not write is refused.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.errors import UnsupportedEstimator, describe
from model.onnx_export.boosting.ensemble import BoostedTrees, raw_scores
from model.onnx_export.graph import ColumnTensor, Graph, NotCompiled, PredictorOutput
from model.onnx_export.linear import argmax, binary_probabilities
from model.onnx_export.trees import Tree
from model.signature import Label

# Whether a missing value is below all borders; with "AsIs" it stays NaN, which is above none.
_NAN_BELOW: Final = {"AsIs": True, "AsFalse": True, "AsTrue": False}
_DEEPEST: Final = 16  # CatBoost's own limit for oblivious trees
_LARGEST: Final = float(np.finfo(np.float32).max)
_OTHERS: Final = ("categorical_features", "text_features", "embedding_features")
# A column, and whether a missing value in it goes left; for a node also the border: what is above it goes right.
_Feature = tuple[int, bool]
_Split = tuple[int, bool, float]
_LEAF: Final[_Split] = (0, False, 0.0)
_EXPONENTIAL: Final = ("Poisson", "Tweedie")
_MULTILABEL: Final = ("MultiLogloss", "MultiCrossEntropy")
_UNCERTAIN: Final = "RMSEWithUncertainty"
# The methods of an estimator that return the columns of each kind that are not numbers.
_METHODS: Final = {"categorical": "get_cat_feature_indices", "text": "get_text_feature_indices"}


@dataclass(frozen=True)
class CatBoostModel:
    """The content of a document.

    A tree with several outputs is repeated for each. `others` are the kinds of columns that are not numbers; if there
    are any, no trees are read. `threshold` is the probability above which the second of two classes is the label, if
    one was set.
    """

    trees: BoostedTrees
    loss: str
    labels: tuple[Any, ...]
    threshold: float | None
    others: tuple[str, ...]


def read_catboost(content: str | bytes | dict[str, Any]) -> CatBoostModel:
    """Return the model of a JSON document, as text or parsed.

    Raises UnsupportedEstimator if CatBoost does not write such a document.
    """
    try:
        return _model(content if isinstance(content, dict) else json.loads(content))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise UnsupportedEstimator(
            f"this is not a model as CatBoost writes it ({describe(error)}); save it again with save_model."
        ) from error


def _model(document: Any) -> CatBoostModel:
    known, about = document["features_info"], document["model_info"]
    others = tuple(kind.partition("_")[0] for kind in _OTHERS if known.get(kind))
    numbers = known.get("float_features") or []
    columns = {each["flat_feature_index"]: each for each in numbers}
    if not others and set(columns) != set(range(len(columns))):
        raise ValueError("its features are not numbered from 0")
    features = [(each["flat_feature_index"], _NAN_BELOW[each["nan_value_treatment"]]) for each in numbers]
    scale, bias = document["scale_and_bias"]
    biases = np.atleast_1d(np.array(bias, dtype=np.float64))
    if biases.ndim != 1 or not len(biases) or not np.isfinite([scale, *biases]).all():
        raise ValueError("its scale and bias are not finite numbers")
    threshold = about.get("binclass_probability_threshold")
    found, outputs = [] if others else _trees(document, features, len(biases)), range(len(biases))
    trees = BoostedTrees(
        trees=tuple(tree for tree, _ in found for _ in outputs),
        leaves=tuple(values for _, leaves in found for values in leaves.T),
        targets=tuple(outputs) * len(found),
        start=np.zeros(len(biases)),
        width=len(columns),
        narrow=True,
        scale=float(scale),
        bias=biases,
        names=tuple(str(columns[index].get("feature_id") or index) for index in sorted(columns)),
    )
    return CatBoostModel(
        trees=trees,
        loss=str(about["params"]["loss_function"]["type"]),
        labels=tuple((about.get("class_params") or {}).get("class_names", ())),
        threshold=None if threshold is None else float(threshold),
        others=others,
    )


def _trees(document: Any, features: list[_Feature], outputs: int) -> list[tuple[Tree, NDArray[np.float64]]]:
    """Return each tree with an array of shape (nodes, outputs), in which only the values at leaves count."""
    if "oblivious_trees" in document:
        found = [_oblivious(each, features, outputs) for each in document["oblivious_trees"]]
    else:
        found = [_asymmetric(each, features, outputs) for each in document["trees"]]
    if not found or not all(np.isfinite(leaves).all() for _, leaves in found):
        raise ValueError("it has no trees, or a leaf that is not a finite number")
    return found


def _split(split: Any, features: list[_Feature]) -> _Split:
    index = split["float_feature_index"]
    if split["split_type"] != "FloatFeature" or not 0 <= index < len(features):
        raise ValueError("a tree splits a feature, or in a way, that there is not")
    border = float(split["border"])
    if not abs(border) <= _LARGEST:
        raise ValueError("a tree has a border that is not a finite number")
    return *features[index], border


def _oblivious(tree: Any, features: list[_Feature], outputs: int) -> tuple[Tree, NDArray[np.float64]]:
    """Convert a tree with one split for each level, in which the first split is the lowest bit of a leaf's number.

    The last split becomes the root, and node n has the children 2n + 1 and 2n + 2. The leaves are the last level.
    """
    splits = [_split(each, features) for each in tree.get("splits") or []]
    depth, values = len(splits), np.array(tree["leaf_values"], dtype=np.float64)
    if depth > _DEEPEST or values.shape != (outputs << depth,):
        raise ValueError("a tree's leaves are not as many as its splits make")
    levels = np.arange(depth + 1)
    level = np.repeat(levels, 1 << levels)  # of each node
    first = 2 * np.arange(len(level)) + 1
    left, right = (np.where(level < depth, side, -1) for side in (first, first + 1))
    return _with_leaves(np.array([*reversed(splits), _LEAF])[level], left, right, values.reshape(-1, outputs))


def _asymmetric(tree: Any, features: list[_Feature], outputs: int) -> tuple[Tree, NDArray[np.float64]]:
    """Convert nested nodes; they are numbered in depth-first order, left before right."""
    splits: list[_Split] = []
    children: list[list[int]] = []
    values: list[Any] = []
    waiting: list[tuple[Any, int | None, int]] = [(tree, None, 0)]
    while waiting:
        node, parent, side = waiting.pop()
        number = len(splits)
        if parent is not None:
            children[parent][side] = number
        children.append([-1, -1])
        if "split" in node:
            splits.append(_split(node["split"], features))
            waiting += [(node["right"], number, 1), (node["left"], number, 0)]
        else:
            splits.append(_LEAF)
            values.append(node["value"])
    leaves = np.array(values, dtype=np.float64).reshape(len(values), -1)
    if leaves.shape[1] != outputs:
        raise ValueError("a tree's leaves have not one number for each output")
    left, right = np.array(children).T
    return _with_leaves(np.array(splits), left, right, leaves)


def _with_leaves(
    splits: NDArray[Any], left: NDArray[np.int64], right: NDArray[np.int64], values: NDArray[np.float64]
) -> tuple[Tree, NDArray[np.float64]]:
    """Return a tree, and the values of its nodes, given those of its leaves in the order of the nodes."""
    column, missing_left, border = splits.T
    threshold = border.astype(np.float32).astype(np.float64)
    tree = Tree(column.astype(np.int64), threshold, left, right, missing_left.astype(bool))
    leaves = np.zeros((len(left), values.shape[1]))
    leaves[tree.leaves] = values
    return tree, leaves


def read_estimator(estimator: Any) -> CatBoostModel:
    """Return the model of a fitted estimator; raises NotCompiled."""
    model = read_catboost(document_of(estimator))
    _refuse_others(model.others)
    return model


def categories_of(estimator: Any) -> dict[int, tuple[Label, ...]]:
    """Return () for each column of categories of a fitted estimator: CatBoost only stores hashes of categories."""
    return dict.fromkeys(estimator.get_cat_feature_indices(), ())


def document_of(estimator: Any) -> bytes:
    """Return the document of a fitted estimator; raises NotCompiled."""
    _refuse_others([kind for kind, method in _METHODS.items() if getattr(estimator, method)()])
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        estimator.save_model(str(path), format="json")
        return path.read_bytes()


def trees_of(estimator: Any) -> BoostedTrees:
    """Return the trees that a fitted estimator predicts with; raises NotCompiled."""
    return read_estimator(estimator).trees


def _refuse_others(kinds: Any) -> None:
    if kinds:
        raise NotCompiled(f"CatBoost with {' and '.join(kinds)} features of its own has no compiled form")


def regressor(graph: Graph, model: CatBoostModel, x: ColumnTensor) -> PredictorOutput:
    """Add a model that answers numbers; raises NotCompiled."""
    found = raw_scores(graph, model.trees, x)
    if model.loss == _UNCERTAIN:  # the mean, and the variance
        mean, deviation = (graph.gather_columns(found, [index]) for index in (0, 1))
        variance = graph.add("Exp", graph.add("Mul", graph.constant(2), deviation))
        return PredictorOutput(graph.add("Concat", mean, variance, axis=1))
    if model.loss in _EXPONENTIAL:
        found = graph.add("Exp", found)
    return PredictorOutput(graph.squeeze(found) if len(model.trees.start) == 1 else found)


def _ranker(graph: Graph, model: CatBoostModel, x: ColumnTensor) -> PredictorOutput:
    return PredictorOutput(graph.squeeze(raw_scores(graph, model.trees, x)))


def classifier(graph: Graph, model: CatBoostModel, x: ColumnTensor) -> PredictorOutput:
    """Add a model that answers labels; raises NotCompiled."""
    found = raw_scores(graph, model.trees, x)
    if len(model.trees.start) == 1:
        share, limit = graph.add("Sigmoid", graph.squeeze(found)), graph.constant(_limit(model.threshold))
        return PredictorOutput(
            graph.compare("Greater", graph.squeeze(found), limit), (binary_probabilities(graph, share),)
        )
    if model.loss in _MULTILABEL:
        return PredictorOutput(graph.compare("Greater", found, graph.constant(0)), (graph.add("Sigmoid", found),))
    shares = graph.add("Softmax", found, axis=1) if model.loss == "MultiClass" else graph.add("Sigmoid", found)
    return PredictorOutput(argmax(graph, found), (shares,))


def _limit(threshold: float | None) -> float:
    """Return the score above which the second class is the label; raises NotCompiled."""
    if threshold is None:
        return 0.0
    if not 0 < threshold < 1:
        raise NotCompiled(f"CatBoost with a probability threshold of {threshold} has no compiled form")
    return float(np.log(threshold / (1 - threshold)))


FORMS: Final[Mapping[str, Callable[[Graph, CatBoostModel, ColumnTensor], PredictorOutput]]] = {
    "catboost.core.CatBoostClassifier": classifier,
    "catboost.core.CatBoostRanker": _ranker,
    "catboost.core.CatBoostRegressor": regressor,
}
