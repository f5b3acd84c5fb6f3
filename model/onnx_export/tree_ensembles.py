"""Decision trees, forests, boosting and isolation forests of scikit-learn."""

from itertools import pairwise
from typing import Any

import numpy as np
from sklearn import ensemble, tree

from model.onnx_export.graph import ColumnTensor, Graph, NotCompiled, PredictorOutput, Predictors
from model.onnx_export.linear import LINKS, argmax, binary_probabilities, inlier_labels, is_positive
from model.onnx_export.trees import Tree, average_leaf_rows, round_to_float32, sum_leaves

_SIDES = 2


def trees_of(estimator: Any) -> list[Tree]:
    """Return the trees of a fitted estimator in PREDICTORS, the members of a stage one after another."""
    if hasattr(estimator, "_predictors"):
        return [_histogram_tree(member.nodes) for stage in estimator._predictors for member in stage]
    members = _members(estimator)
    own = getattr(estimator, "estimators_features_", [np.arange(estimator.n_features_in_)] * len(members))
    return [
        Tree(
            np.asarray(features)[np.maximum(member.feature, 0)],
            member.threshold,
            member.children_left,
            member.children_right,
            member.missing_go_to_left,
        )
        for member, features in zip(members, own, strict=True)
    ]


def _members(estimator: Any) -> list[Any]:
    """Return scikit-learn's own trees."""
    return [member.tree_ for member in np.ravel(getattr(estimator, "estimators_", [estimator]))]


def _histogram_tree(nodes: Any) -> Tree:
    return Tree(
        nodes["feature_idx"],
        nodes["num_threshold"],
        np.where(nodes["is_leaf"], -1, nodes["left"].astype(int)),
        nodes["right"].astype(int),
        nodes["missing_go_to_left"],
    )


def _forest_regressor(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    trees, rows = trees_of(estimator), round_to_float32(graph, x)
    values = [member.value[:, :, 0] for member in _members(estimator)]
    if estimator.n_outputs_ == 1:
        single = [each[:, 0] for each in values]
        total = graph.squeeze(sum_leaves(graph, rows, trees, single, [0] * len(trees)))
        return PredictorOutput(graph.add("Div", total, graph.constant(len(trees))))
    return PredictorOutput(average_leaf_rows(graph, rows, trees, values))


def _forest_classifier(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    """Average the trees' class shares; if all shares are 0 or 1, count each leaf as a vote for its class."""
    trees, rows = trees_of(estimator), round_to_float32(graph, x)
    count = graph.constant(len(trees))
    values = [_shares(member.value) for member in _members(estimator)]
    single = estimator.n_outputs_ == 1
    pure = all(np.isin(value[each.leaves], (0, 1)).all() for value, each in zip(values, trees, strict=True))
    if single and estimator.n_classes_ == _SIDES and pure:
        second = graph.squeeze(sum_leaves(graph, rows, trees, [value[:, 0, 1] for value in values], [0] * len(trees)))
        shares = [binary_probabilities(graph, graph.add("Div", second, count))]
    elif single and pure:
        ones, indices = [np.ones(len(value)) for value in values], [value[:, 0].argmax(axis=1) for value in values]
        total = sum_leaves(graph, rows, trees, ones, indices, int(estimator.n_classes_))
        shares = [graph.add("Div", total, count)]
    else:
        widths = [int(each) for each in np.atleast_1d(estimator.n_classes_)]
        whole = average_leaf_rows(graph, rows, trees, [_flat(value, widths) for value in values])
        ends = np.cumsum([0, *widths]).tolist()
        shares = [_slice(graph, whole, start, end) for start, end in pairwise(ends)]
    labels = [argmax(graph, share) for share in shares]
    if single:
        return PredictorOutput(labels[0], tuple(shares))
    return PredictorOutput(graph.stack(labels), tuple(shares))


def _shares(value: Any) -> Any:
    """Return the nodes' class shares; scikit-learn 1.3 stores counts, and divides them when it predicts."""
    total = value.sum(axis=2, keepdims=True)
    return value if np.allclose(total, 1) else value / np.where(total == 0, 1, total)


def _flat(value: Any, widths: list[int]) -> Any:
    """Return class shares of shape (nodes, outputs, classes) as shape (nodes, classes of all outputs)."""
    return np.concatenate([value[:, output, :width] for output, width in enumerate(widths)], axis=1)


def _slice(graph: Graph, x: str, start: int, end: int) -> str:
    bounds = (graph.constant([index], np.int64) for index in (start, end, 1))
    return graph.add("Slice", x, *bounds)


def _raw(graph: Graph, estimator: Any, x: ColumnTensor) -> str:
    """Return the raw predictions of boosting, of shape (n, trees in a stage)."""
    if hasattr(estimator, "_predictors"):
        return _raw_histogram(graph, estimator, x)
    if estimator.init_ != "zero" and type(estimator.init_).__name__ not in ("DummyClassifier", "DummyRegressor"):
        raise NotCompiled(f"boosting that begins with {type(estimator.init_).__name__} has no compiled form")
    start = estimator._raw_predict_init(np.zeros((1, x.width)))[0]
    values = [estimator.learning_rate * member.value[:, 0, 0] for member in _members(estimator)]
    return _staged(graph, round_to_float32(graph, x), trees_of(estimator), values, start)


def _staged(graph: Graph, x: str, trees: list[Tree], values: list[Any], start: Any) -> str:
    """Return the sums of stages, each of which has a tree for each number of `start`."""
    width = len(start)
    return sum_leaves(graph, x, trees, values, [index % width for index in range(len(trees))], width, start=start)


def _raw_histogram(graph: Graph, estimator: Any, x: ColumnTensor) -> str:
    preprocessor = getattr(estimator, "_preprocessor", None)  # since scikit-learn 1.4
    if preprocessor is not None:
        x = graph.transform(preprocessor, x)
    nodes = [member.nodes for stage in estimator._predictors for member in stage]
    if any(each["is_categorical"].any() for each in nodes):
        raise NotCompiled("boosting with splits over categories has no compiled form")
    start = np.ravel(estimator._baseline_prediction)
    return _staged(graph, x.name, trees_of(estimator), [each["value"] for each in nodes], start)


def _boosted_regressor(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    found = graph.squeeze(_raw(graph, estimator, x))
    link = getattr(estimator._loss, "link", None)  # GradientBoosting's losses in scikit-learn 1.3 have no link
    return PredictorOutput(found if link is None else graph.add(LINKS[type(link).__name__], found))


def _boosted_classifier(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    found = _raw(graph, estimator, x)
    if len(estimator.classes_) > _SIDES:
        return PredictorOutput(argmax(graph, found), (graph.add("Softmax", found, axis=1),), found)
    if type(estimator._loss).__name__ == "ExponentialLoss":
        share = graph.add("Sigmoid", graph.add("Mul", graph.constant(2), graph.squeeze(found)))
    else:
        share = graph.add("Sigmoid", graph.squeeze(found))
    shares = binary_probabilities(graph, share)
    if hasattr(estimator._loss, "_raw_prediction_to_decision"):  # GradientBoosting in scikit-learn 1.3
        return PredictorOutput(argmax(graph, shares), (shares,), found)
    least = "Greater" if hasattr(estimator, "_predictors") else "GreaterOrEqual"  # whether 0 is the second class
    return PredictorOutput(is_positive(graph, found, least), (shares,), found)


def _isolation(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    """Convert IsolationForest: a row's depth in the trees, relative to the average depth."""
    trees = trees_of(estimator)
    depths = [
        np.asarray(path) + lengths - 1.0
        for path, lengths in zip(estimator._decision_path_lengths, estimator._average_path_length_per_tree, strict=True)
    ]
    total = graph.squeeze(sum_leaves(graph, round_to_float32(graph, x, infinite=True), trees, depths, [0] * len(trees)))
    usual = len(trees) * ensemble._iforest._average_path_length([estimator._max_samples])[0]
    share = graph.add("Pow", graph.constant(2), graph.add("Div", total, graph.constant(-usual)))
    score = graph.add("Sub", graph.add("Neg", share), graph.constant(estimator.offset_))
    return PredictorOutput(inlier_labels(graph, score), scores=graph.unsqueeze(score))


PREDICTORS: Predictors = {
    tree.DecisionTreeClassifier: _forest_classifier,
    tree.ExtraTreeClassifier: _forest_classifier,
    ensemble.RandomForestClassifier: _forest_classifier,
    ensemble.ExtraTreesClassifier: _forest_classifier,
    tree.DecisionTreeRegressor: _forest_regressor,
    tree.ExtraTreeRegressor: _forest_regressor,
    ensemble.RandomForestRegressor: _forest_regressor,
    ensemble.ExtraTreesRegressor: _forest_regressor,
    ensemble.GradientBoostingClassifier: _boosted_classifier,
    ensemble.GradientBoostingRegressor: _boosted_regressor,
    ensemble.HistGradientBoostingClassifier: _boosted_classifier,
    ensemble.HistGradientBoostingRegressor: _boosted_regressor,
    ensemble.IsolationForest: _isolation,
}
# These treat infinity like any large number.
TAKES_INFINITE = {
    ensemble.HistGradientBoostingClassifier,
    ensemble.HistGradientBoostingRegressor,
    ensemble.IsolationForest,
}
