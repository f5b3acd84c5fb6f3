"""Ensembles and meta-estimators that combine the answers of others."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn import calibration, ensemble, isotonic, model_selection, multiclass

from model.onnx_export.graph import ColumnTensor, Graph, NotCompiled, PredictorOutput, Predictors
from model.onnx_export.linear import affine, argmax, binary_probabilities, normalise_rows
from model.onnx_export.scaling import concatenate, numeric, select_columns


def _shares(outcome: PredictorOutput) -> str:
    if outcome.probabilities is None or len(outcome.probabilities) > 1:
        raise NotCompiled("an ensemble of members without probabilities has no compiled form")
    return outcome.probabilities[0]


def _second_share(graph: Graph, outcome: PredictorOutput) -> ColumnTensor:
    """Return the probability of the second of two classes, of shape (n, 1)."""
    return select_columns(graph, numeric(_shares(outcome), 2), [1])


def _sum(graph: Graph, parts: Sequence[str]) -> str:
    total = parts[0]
    for part in parts[1:]:
        total = graph.add("Add", total, part)
    return total


def _mean(graph: Graph, parts: Sequence[str], weights: Any = None) -> str:
    if weights is None:
        return graph.add("Div", _sum(graph, parts), graph.constant(len(parts)))
    scaled = [graph.add("Mul", part, graph.constant(weight)) for part, weight in zip(parts, weights, strict=True)]
    return graph.add("Div", _sum(graph, scaled), graph.constant(np.sum(weights)))


def _voting_classifier(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    found = [graph.predict(each, x) for each in estimator.estimators_]
    weights = estimator._weights_not_none
    if estimator.voting == "soft":
        shares = _mean(graph, [_shares(each) for each in found], weights)
        return PredictorOutput(argmax(graph, shares), (shares,))
    indices = graph.constant(np.arange(len(estimator.classes_)))
    votes = [graph.compare("Equal", graph.unsqueeze(each.labels), indices) for each in found]
    return PredictorOutput(argmax(graph, _mean(graph, votes, weights)))


def _voting_regressor(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    values = [graph.predict(member, x).labels for member in estimator.estimators_]
    members = graph.stack(values)
    further = {"transform": members, "predict_quantiles": members}
    return PredictorOutput(_mean(graph, values, estimator._weights_not_none), further=further)


def _bagged(graph: Graph, estimator: Any, x: ColumnTensor) -> list[PredictorOutput]:
    members = zip(estimator.estimators_, estimator.estimators_features_, strict=True)
    return [graph.predict(member, select_columns(graph, x, features)) for member, features in members]


def _bagging_classifier(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    if any(len(member.classes_) != estimator.n_classes_ for member in estimator.estimators_):
        raise NotCompiled("an ensemble with members that know only some classes has no compiled form")
    shares = _mean(graph, [_shares(each) for each in _bagged(graph, estimator, x)])
    return PredictorOutput(argmax(graph, shares), (shares,))


def _bagging_regressor(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    return PredictorOutput(_mean(graph, [each.labels for each in _bagged(graph, estimator, x)]))


def _boosting_classifier(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    """Convert AdaBoost (SAMME): a member votes for one class, and with 1 / (classes - 1) against each other class."""
    count = estimator.n_classes_
    indices, total = graph.constant(np.arange(count)), np.sum(estimator.estimator_weights_)
    votes = []
    for member, weight in zip(estimator.estimators_, estimator.estimator_weights_, strict=False):
        mine = graph.add("Equal", graph.unsqueeze(graph.predict(member, x).labels), indices)
        votes.append(graph.add("Where", mine, graph.constant(weight), graph.constant(-1 / (count - 1) * weight)))
    decision = graph.add("Div", _sum(graph, votes), graph.constant(total))
    if count > 2:
        scaled = graph.add("Div", decision, graph.constant(count - 1))
        return PredictorOutput(argmax(graph, decision), (graph.add("Softmax", scaled, axis=1),), decision)
    single = graph.add("MatMul", decision, graph.constant([[-1.0], [1.0]]))
    positive = graph.compare("Greater", graph.squeeze(single), graph.constant(0))
    both = graph.add("MatMul", single, graph.constant([[-0.5, 0.5]]))
    return PredictorOutput(positive, (graph.add("Softmax", both, axis=1),), single)


def _stacking(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    parts = []
    for member, method in zip(estimator.estimators_, estimator.stack_method_, strict=True):
        found = graph.predict(member, x)
        if method == "predict":
            parts.append(numeric(graph.unsqueeze(found.labels), 1))
        elif method == "predict_proba":
            width = len(member.classes_)
            shares = numeric(_shares(found), width)
            parts.append(select_columns(graph, shares, range(1 if width == 2 else 0, width)))
        else:
            parts.append(numeric(_scores(member, found), 1 if len(member.classes_) == 2 else len(member.classes_)))
    own = concatenate(graph, [*parts, x] if estimator.passthrough else parts)
    return graph.predict(estimator.final_estimator_, own)


def _scores(member: Any, found: PredictorOutput) -> str:
    if found.scores is None:
        raise NotCompiled(f"the decision function of {type(member).__name__} has no compiled form")
    return found.scores


def _binary_scores(graph: Graph, member: Any, found: PredictorOutput) -> str:
    """Return a member's score for its second class, of shape (n, 1): its decision function or its probability."""
    if hasattr(member, "decision_function"):
        return _scores(member, found)
    return _second_share(graph, found).name


def _one_against_rest(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    members = estimator.estimators_
    if any(type(member).__name__ == "_ConstantPredictor" for member in members):
        raise NotCompiled("one-vs-rest with a constant class has no compiled form")
    found = [graph.predict(member, x) for member in members]
    scores = [_binary_scores(graph, member, each) for member, each in zip(members, found, strict=True)]
    least = graph.constant(0 if hasattr(members[0], "decision_function") else 0.5)
    side_by_side = concatenate(graph, [numeric(each, 1) for each in scores]).name
    above = graph.compare("Greater", side_by_side, least)
    binary = len(members) == 1
    labels = above if estimator.multilabel_ else graph.squeeze(above) if binary else argmax(graph, side_by_side)
    if any(each.probabilities is None for each in found):
        return PredictorOutput(labels)
    shares = concatenate(graph, [_second_share(graph, each) for each in found]).name
    if not estimator.multilabel_:
        shares = binary_probabilities(graph, graph.squeeze(shares)) if binary else normalise_rows(graph, shares, 0)
    return PredictorOutput(labels, (shares,))


def _calibrated(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    shares = _mean(graph, [_calibrator(graph, each, x) for each in estimator.calibrated_classifiers_])
    return PredictorOutput(argmax(graph, shares), (shares,))


def _calibrator(graph: Graph, calibrated: Any, x: ColumnTensor) -> str:
    member = calibrated.estimator
    found = graph.predict(member, x)
    classes = len(calibrated.classes)
    if calibrated.method not in ("sigmoid", "isotonic") or len(member.classes_) != classes:
        raise NotCompiled(f"calibration by {calibrated.method} has no compiled form")
    binary = classes == 2
    if binary:
        scores = numeric(_binary_scores(graph, member, found), 1)
    else:
        known = hasattr(member, "decision_function")
        scores = numeric(_scores(member, found) if known else _shares(found), classes)
    parts = [
        graph.unsqueeze(graph.predict(each, select_columns(graph, scores, [index])).labels)
        for index, each in enumerate(calibrated.calibrators)
    ]
    if binary:
        return binary_probabilities(graph, graph.squeeze(parts[0]))
    return normalise_rows(graph, graph.add("Concat", *parts, axis=1), 1 / classes)


def _sigmoid(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    return PredictorOutput(graph.squeeze(graph.add("Sigmoid", affine(graph, x.name, [[-estimator.a_]], -estimator.b_))))


def _isotonic(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    """Interpolate between the thresholds: each segment adds its slope times the distance covered within it."""
    edges, heights = estimator.X_thresholds_, estimator.y_thresholds_
    if estimator.out_of_bounds != "clip" or len(edges) < 2:
        raise NotCompiled("isotonic regression that does not clip has no compiled form")
    lengths = np.diff(edges)
    from_edge = graph.add("Max", graph.add("Sub", x.name, graph.constant(edges[:-1])), graph.constant(0))
    along = graph.add("Min", from_edge, graph.constant(lengths))
    slopes = np.divide(np.diff(heights), lengths)
    return PredictorOutput(graph.squeeze(affine(graph, along, slopes[None, :], heights[0])))


def _threshold(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    member = getattr(estimator, "estimator_", estimator.estimator)
    found = graph.predict(member, x)
    if estimator.response_method == "decision_function" or not hasattr(member, "predict_proba"):
        raise NotCompiled("a threshold on the decision function has no compiled form")
    least = getattr(estimator, "best_threshold_", getattr(estimator, "threshold", 0.5))
    positive = getattr(estimator, "pos_label", None)
    if positive not in (None, estimator.classes_[1]):
        raise NotCompiled("a threshold on the first class has no compiled form")
    share = graph.squeeze(_second_share(graph, found).name)
    above = graph.add("GreaterOrEqual", share, graph.constant(0.5 if least == "auto" else least))
    return PredictorOutput(graph.cast(above, "double"), found.probabilities)


_THRESHOLDS = ("FixedThresholdClassifier", "TunedThresholdClassifierCV")  # since scikit-learn 1.5
PREDICTORS: Predictors = {
    ensemble.VotingClassifier: _voting_classifier,
    ensemble.VotingRegressor: _voting_regressor,
    ensemble.BaggingClassifier: _bagging_classifier,
    ensemble.BaggingRegressor: _bagging_regressor,
    ensemble.AdaBoostClassifier: _boosting_classifier,
    ensemble.StackingClassifier: _stacking,
    ensemble.StackingRegressor: _stacking,
    multiclass.OneVsRestClassifier: _one_against_rest,
    calibration.CalibratedClassifierCV: _calibrated,
    calibration._SigmoidCalibration: _sigmoid,
    isotonic.IsotonicRegression: _isotonic,
    **{getattr(model_selection, name): _threshold for name in _THRESHOLDS if hasattr(model_selection, name)},
}
