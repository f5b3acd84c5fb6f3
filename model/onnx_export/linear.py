"""Linear models: X·coef + intercept, and what each model computes from it."""

from typing import Any

import numpy as np
from sklearn import cross_decomposition, discriminant_analysis, linear_model, svm

from model.onnx_export.graph import ColumnTensor, Graph, NotCompiled, PredictorOutput, Predictors

LINKS = {"HalfLogitLink": "Sigmoid", "LogLink": "Exp", "IdentityLink": "Identity"}


def affine(graph: Graph, x: str, coefficients: Any, intercept: Any) -> str:
    """Return x @ coefficients.T + intercept, of shape (n, rows of coefficients)."""
    weights, shift = np.atleast_2d(coefficients), np.asarray(intercept)
    product = graph.add("MatMul", x, graph.constant(weights.T))
    if len(weights) > 1:
        return graph.add("Add", product, graph.constant(shift))
    # The runtime adds to a tensor of shape (n, 1) row by row, which takes as long as the product; hence (n,).
    return graph.unsqueeze(graph.add("Add", graph.squeeze(product), graph.constant(shift.reshape(()))))


def argmax(graph: Graph, scores: str) -> str:
    """Return the index of each row's largest score, the first of equal ones."""
    return graph.cast(graph.add("ArgMax", scores, axis=1, keepdims=0), "double")


def is_positive(graph: Graph, scores: str, least: str = "Greater") -> str:
    """Return 1 where scores of shape (n, 1) are positive, else 0; with "GreaterOrEqual", 0 counts as positive."""
    return graph.compare(least, graph.squeeze(scores), graph.constant(0))


def binary_probabilities(graph: Graph, positive: str) -> str:
    """Return the probabilities of two classes, of shape (n, 2), given the second class's, of shape (n,)."""
    negative = graph.add("Sub", graph.constant(1), positive)
    return graph.stack([negative, positive])


def _regression(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    values = affine(graph, x.name, estimator.coef_, estimator.intercept_)
    return PredictorOutput(values if np.ndim(estimator.coef_) == 2 else graph.squeeze(values))


def _generalised(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    link = type(estimator._base_loss.link).__name__
    return PredictorOutput(graph.add(LINKS[link], _regression(graph, estimator, x).labels))


def _latent(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    centred = graph.add("Sub", x.name, graph.constant(estimator._x_mean))
    values = affine(graph, centred, estimator.coef_, estimator.intercept_)
    return PredictorOutput(graph.squeeze(values) if estimator._predict_1d else values)


def _labels(graph: Graph, scores: str, width: int) -> str:
    return is_positive(graph, scores) if width == 1 else argmax(graph, scores)


def _decision(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    scores = affine(graph, x.name, estimator.coef_, estimator.intercept_)
    return PredictorOutput(_labels(graph, scores, len(np.atleast_2d(estimator.coef_))), scores=scores)


def _logistic(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    scores = affine(graph, x.name, estimator.coef_, estimator.intercept_)
    labels = _labels(graph, scores, len(estimator.coef_))
    if len(estimator.coef_) == 1:
        shares = binary_probabilities(graph, graph.add("Sigmoid", graph.squeeze(scores)))
    else:
        shares = graph.add("Softmax", scores, axis=1)
    return PredictorOutput(labels, (shares,), scores)


def normalise_rows(graph: Graph, shares: str, otherwise: float) -> str:
    """Divide each row of shares, of shape (n, classes), by its sum; a row of zeros becomes `otherwise`."""
    total = graph.reduce("ReduceSum", shares, keepdims=1)
    none = graph.add("Equal", total, graph.constant(0))
    return graph.add("Where", none, graph.constant(otherwise), graph.add("Div", shares, total))


def _descent(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    if estimator.loss != "log_loss":
        if hasattr(estimator, "predict_proba"):
            raise NotCompiled(f"SGDClassifier's probabilities with the loss {estimator.loss} have no compiled form")
        return _decision(graph, estimator, x)
    scores = affine(graph, x.name, estimator.coef_, estimator.intercept_)
    labels, shares = _labels(graph, scores, len(estimator.coef_)), graph.add("Sigmoid", scores)
    if len(estimator.coef_) == 1:
        shares = binary_probabilities(graph, graph.squeeze(shares))
    else:
        shares = normalise_rows(graph, shares, 1 / len(estimator.classes_))
    return PredictorOutput(labels, (shares,), scores)


def _one_class(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    inside = graph.add("MatMul", x.name, graph.constant(np.atleast_2d(estimator.coef_).T))
    scores = graph.squeeze(graph.add("Sub", inside, graph.constant(estimator.offset_)))
    return PredictorOutput(inlier_labels(graph, scores), scores=graph.unsqueeze(scores))


def inlier_labels(graph: Graph, scores: str) -> str:
    """Return 1 (inlier) where scores of shape (n,) are not negative, else -1."""
    inside = graph.add("GreaterOrEqual", scores, graph.constant(0))
    return graph.add("Where", inside, graph.constant(1), graph.constant(-1))


_REGRESSORS = (
    "ARDRegression BayesianRidge ElasticNet ElasticNetCV HuberRegressor Lars LarsCV Lasso LassoCV LassoLars "
    "LassoLarsCV LassoLarsIC LinearRegression MultiTaskElasticNet MultiTaskElasticNetCV MultiTaskLasso "
    "MultiTaskLassoCV OrthogonalMatchingPursuit OrthogonalMatchingPursuitCV PassiveAggressiveRegressor "
    "QuantileRegressor Ridge RidgeCV SGDRegressor TheilSenRegressor"
)
PREDICTORS: Predictors = {
    **{getattr(linear_model, name): _regression for name in _REGRESSORS.split()},
    svm.LinearSVR: _regression,
    linear_model.GammaRegressor: _generalised,
    linear_model.PoissonRegressor: _generalised,
    linear_model.TweedieRegressor: _generalised,
    cross_decomposition.CCA: _latent,
    cross_decomposition.PLSCanonical: _latent,
    cross_decomposition.PLSRegression: _latent,
    linear_model.PassiveAggressiveClassifier: _decision,
    linear_model.Perceptron: _decision,
    linear_model.RidgeClassifier: _decision,
    linear_model.RidgeClassifierCV: _decision,
    svm.LinearSVC: _decision,
    linear_model.SGDClassifier: _descent,
    linear_model.SGDOneClassSVM: _one_class,
    linear_model.LogisticRegression: _logistic,
    linear_model.LogisticRegressionCV: _logistic,
    discriminant_analysis.LinearDiscriminantAnalysis: _logistic,
}
# These also refuse missing values; other predictors may accept them.
FINITE_ONLY = PREDICTORS.keys()
