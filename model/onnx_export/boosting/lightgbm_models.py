"""Converts LightGBM's models to BoostedTrees and to a graph.

Rows, thresholds, leaves and sums are float64. LightGBM treats numbers up to its smallest one, _ZERO, as 0.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.errors import UnsupportedEstimator
from model.onnx_export.boosting.ensemble import BoostedTrees, raw_scores
from model.onnx_export.boosting.lightgbm_text import LightGBMModel, LightGBMTree, read_lightgbm
from model.onnx_export.graph import ColumnTensor, Graph, NotCompiled, PredictorOutput
from model.onnx_export.linear import argmax, binary_probabilities
from model.onnx_export.trees import Tree
from model.signature import Label

_ZERO: Final = float(np.float32(1e-35))
_NOTHING, _ZEROS, _NANS = 0, 1, 2  # what counts as missing
# Parameters that change predictions in ways that have no compiled form.
_PREDICTION: Final = ("pred_early_stop", "start_iteration_predict", "num_iteration_predict")


def read_estimator(estimator: Any) -> LightGBMModel:
    """Return the model of a fitted estimator, cut at its best iteration; raises NotCompiled."""
    parameters = estimator.get_params()
    for name in _PREDICTION:
        if parameters.get(name):
            raise NotCompiled(f"LightGBM with {name} has no compiled form")
    if len(getattr(estimator, "classes_", "01")) == 1:
        raise NotCompiled("LightGBM with a single class has no compiled form")
    return read_lightgbm(estimator.booster_.model_to_string())


def trees_of(estimator: Any) -> BoostedTrees:
    """Return the trees that a fitted estimator predicts with; raises NotCompiled."""
    model = read_estimator(estimator)
    return boosted_trees(model, category_columns(model, frozenset()))


def category_columns(model: LightGBMModel, others: frozenset[int]) -> dict[int, tuple[Label, ...]]:
    """Return the categories of each column that was a `category` column of a data frame; raises NotCompiled.

    The model lists the categories, but not the columns that they belong to. `others` are columns that are known not to
    be numbers. Columns that were fitted as categories are candidates too; and, since ordered categories are fitted as
    numbers, so are columns whose largest number fits the count of some column's categories.
    """
    sizes = [len(each) for each in model.pandas_categories]
    ordered = {column for column, highest in model.highest.items() if highest + 1 in sizes}
    likely = others | model.categorical
    for columns in (likely, others, likely | ordered):
        if len(columns) == len(sizes):
            return dict(zip(sorted(columns), model.pandas_categories, strict=True))
    raise NotCompiled(
        f"the model does not say which columns its {len(sizes)} category columns are; fit categories of numbers that "
        "have an order as numbers"
    )


def categories_of(estimator: Any) -> dict[int, tuple[Label, ...]]:
    """Return the categories of each `category` column of a fitted estimator; raises UnsupportedEstimator."""
    try:
        return category_columns(read_lightgbm(estimator.booster_.model_to_string(num_iteration=1)), frozenset())
    except NotCompiled as error:
        raise UnsupportedEstimator(f"{error}.") from error


def boosted_trees(model: LightGBMModel, categories: Mapping[int, tuple[Label, ...]]) -> BoostedTrees:
    """Return the model's trees, given the categories of its `category` columns; raises NotCompiled."""
    if any(tree.linear for tree in model.trees):
        raise NotCompiled("LightGBM's linear trees have no compiled form")
    return BoostedTrees(
        trees=tuple(_tree(tree, categories) for tree in model.trees),
        leaves=tuple(np.concatenate([np.zeros(len(tree.feature)), tree.values]) for tree in model.trees),
        targets=tuple(index % model.outputs for index in range(len(model.trees))),
        start=np.zeros(model.outputs),
        width=len(model.names),
        categories=categories,
        names=model.names,
    )


def _tree(tree: LightGBMTree, categories: Mapping[int, tuple[Label, ...]]) -> Tree:
    """Convert a tree; its leaves follow its inner nodes."""
    inner, leaves = len(tree.feature), len(tree.values)
    threshold, missing_left = _thresholds(tree)
    left, right = (np.where(side < 0, inner - 1 - side, side) for side in (tree.left, tree.right))
    members: dict[int, list[int]] = {}
    for node in map(int, np.flatnonzero(tree.categorical | np.isin(tree.feature, list(categories)))):
        inside, swapped = _members(tree, node, categories.get(int(tree.feature[node])), missing_left=missing_left[node])
        if swapped:
            left[node], right[node] = right[node], left[node]
        missing_left[node] = False
        members[node] = inside
        threshold[node] = -np.inf  # no number is below it: for a node without members
    end = np.zeros(leaves)
    return Tree(
        feature=np.concatenate([tree.feature, end.astype(int)]),
        threshold=np.concatenate([threshold, end]),
        left=np.concatenate([left, end.astype(int) - 1]),
        right=np.concatenate([right, end.astype(int) - 1]),
        missing_left=np.concatenate([missing_left, end.astype(bool)]),
        members={node: inside for node, inside in members.items() if inside},
    )


def _thresholds(tree: LightGBMTree) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the thresholds, and at which nodes a missing value goes left.

    Thresholds are moved so that numbers that LightGBM treats as 0 go where 0 goes. Where NaN does not count as missing,
    it is compared as 0.
    """
    threshold = tree.threshold.copy()
    zero_left = threshold >= 0
    threshold[zero_left & (threshold < _ZERO)] = _ZERO
    threshold[~zero_left & (threshold >= -_ZERO)] = np.nextafter(-_ZERO, -1)
    return threshold, np.where(tree.missing == _NOTHING, zero_left, tree.default_left)


def _members(
    tree: LightGBMTree, node: int, known: tuple[Label, ...] | None, *, missing_left: bool
) -> tuple[list[int], bool]:
    """Return the categories that go to the other side than missing ones, and whether that side is the right one.

    Unknown categories count as missing. A column of ordered categories is compared by the indices of its categories.
    """
    if tree.categorical[node]:
        inside = tree.members[int(tree.threshold[node])].tolist()
        return [each for each in inside if known is None or each < len(known)], False
    left = np.arange(len(known or ())) <= tree.threshold[node]
    if tree.missing[node] == _ZEROS:
        left[:1] = missing_left
    return np.flatnonzero(left != missing_left).tolist(), missing_left


def _rows(graph: Graph, model: LightGBMModel, categories: Mapping[int, Any], x: ColumnTensor) -> ColumnTensor:
    """Return the rows as the trees compare them.

    Categories that are numbers are truncated, except in a `category` column, where fractions are unknown categories.
    Zeros become NaN in columns where the model treats them as missing.
    """
    name = x.name
    cut = [column for column in model.categorical if column not in categories]
    known = [column for column in categories if x.codes[column] is None]
    if known:
        same = graph.add("Equal", graph.add("Floor", name), name)
        name = graph.add("Where", graph.add("Or", same, _others(graph, x, known)), name, graph.constant(np.nan))
    if cut:  # -0.5 becomes 0; -1 stays, and is in no set of categories
        above = graph.add("Greater", name, graph.constant(np.where(np.isin(np.arange(x.width), cut), -1, np.inf)))
        name = graph.add("Where", above, graph.add("Floor", graph.add("Abs", name)), name)
    zeros = _zeros(model, categories)
    if zeros:
        some = graph.add("Greater", graph.add("Abs", name), graph.constant(_ZERO))
        some = graph.add("Or", some, _others(graph, x, zeros))
        name = graph.add("Where", some, name, graph.constant(np.nan))
    return ColumnTensor(name, x.codes)


def _zeros(model: LightGBMModel, categories: Mapping[int, Any]) -> list[int]:
    """Return the columns of numbers in which 0 counts as missing; raises NotCompiled if the trees disagree."""
    kinds: dict[int, set[bool]] = {}
    for tree in model.trees:
        for column, missing in zip(tree.feature[~tree.categorical], tree.missing[~tree.categorical], strict=True):
            kinds.setdefault(int(column), set()).add(bool(missing == _ZEROS))
    if any(len(found) > 1 for found in kinds.values()):
        raise NotCompiled("a model whose trees do not agree on what is missing has no compiled form")
    return sorted(column for column, found in kinds.items() if True in found and column not in categories)


def _others(graph: Graph, x: ColumnTensor, columns: Any) -> str:
    """Return the constant mask of shape (width,) that is true for all other columns than these."""
    return graph.constant(~np.isin(np.arange(x.width), columns), np.bool_)


def _sums(graph: Graph, model: LightGBMModel, x: ColumnTensor) -> str:
    """Return the sums of the leaves, of shape (n, outputs)."""
    coded = frozenset(column for column, codes in enumerate(x.codes) if codes is not None)
    categories = category_columns(model, coded)
    return raw_scores(graph, boosted_trees(model, categories), _rows(graph, model, categories, x))


def _answer(graph: Graph, model: LightGBMModel, scores: str) -> str:
    """Return the numbers or probabilities that the objective computes from the sums or means; raises NotCompiled."""
    if model.averaged:
        scores = graph.add("Div", scores, graph.constant(len(model.trees) // model.outputs))
    name, options = model.objective, model.options
    if name in ("poisson", "gamma", "tweedie"):
        return graph.add("Exp", scores)
    if name in ("binary", "multiclassova", "cross_entropy"):
        return graph.add("Sigmoid", graph.add("Mul", scores, graph.constant(float(options.get("sigmoid", 1)))))
    if name == "cross_entropy_lambda":
        return graph.add("Log", graph.add("Add", graph.constant(1), graph.add("Exp", scores)))
    if name == "multiclass":
        return graph.add("Softmax", scores, axis=1)
    if "sqrt" in options:
        return graph.add("Mul", graph.add("Abs", scores), scores)
    if name in _AS_IT_IS:
        return scores
    raise NotCompiled(f"LightGBM's objective {name} has no compiled form")


_AS_IT_IS: Final = (
    "",  # a function of the caller
    *("regression", "regression_l1", "huber", "fair", "quantile", "mape", "lambdarank", "rank_xendcg"),
)


def regressor(graph: Graph, model: LightGBMModel, x: ColumnTensor) -> PredictorOutput:
    """Add a model that answers numbers; raises NotCompiled."""
    return PredictorOutput(graph.squeeze(_answer(graph, model, _sums(graph, model, x))))


def classifier(graph: Graph, model: LightGBMModel, x: ColumnTensor) -> PredictorOutput:
    """Add a model that answers labels; raises NotCompiled."""
    if not model.objective:
        raise NotCompiled("a classifier with an objective of its own has no compiled form: it does not answer labels")
    scores = _sums(graph, model, x)
    found = _answer(graph, model, scores)
    if model.outputs == 1:
        found = binary_probabilities(graph, graph.squeeze(found))
    return PredictorOutput(argmax(graph, found), (found,), scores)


FORMS: Final[Mapping[str, Callable[[Graph, LightGBMModel, ColumnTensor], PredictorOutput]]] = {
    "lightgbm.sklearn.LGBMClassifier": classifier,
    "lightgbm.sklearn.LGBMRegressor": regressor,
    "lightgbm.sklearn.LGBMRanker": regressor,
}
