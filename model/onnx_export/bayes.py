"""Naive Bayes and quadratic discriminant analysis."""

from typing import Any

import numpy as np
from sklearn import discriminant_analysis, naive_bayes

from model.onnx_export.graph import ColumnTensor, Graph, PredictorOutput, Predictors
from model.onnx_export.linear import affine, argmax, is_positive


def _by_likelihood(graph: Graph, likelihood: str) -> PredictorOutput:
    return PredictorOutput(argmax(graph, likelihood), (graph.add("Softmax", likelihood, axis=1),))


def _gaussian(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    likelihoods = []
    for mean, variance, prior in zip(estimator.theta_, estimator.var_, estimator.class_prior_, strict=True):
        deviation = graph.add("Sub", x.name, graph.constant(mean))
        squares = graph.add("Div", graph.add("Mul", deviation, deviation), graph.constant(variance))
        total = graph.reduce("ReduceSum", squares)
        offset = np.log(prior) - 0.5 * np.sum(np.log(2.0 * np.pi * variance))
        likelihoods.append(graph.add("Sub", graph.constant(offset), graph.add("Mul", graph.constant(0.5), total)))
    return _by_likelihood(graph, graph.stack(likelihoods))


def _multinomial(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    return _by_likelihood(graph, affine(graph, x.name, estimator.feature_log_prob_, estimator.class_log_prior_))


def _complement(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    prior = estimator.class_log_prior_ if len(estimator.classes_) == 1 else np.zeros(1)
    return _by_likelihood(graph, affine(graph, x.name, estimator.feature_log_prob_, prior))


def _bernoulli(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    present = x.name
    if estimator.binarize is not None:
        present = graph.compare("Greater", present, graph.constant(estimator.binarize))
    absent = np.log(1 - np.exp(estimator.feature_log_prob_))
    prior = estimator.class_log_prior_ + absent.sum(axis=1)
    return _by_likelihood(graph, affine(graph, present, estimator.feature_log_prob_ - absent, prior))


def _quadratic(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    likelihoods = []
    classes = zip(estimator.means_, estimator.rotations_, estimator.scalings_, estimator.priors_, strict=True)
    for mean, rotation, scaling, prior in classes:
        centred = graph.add("Sub", x.name, graph.constant(mean))
        rotated = graph.add("MatMul", centred, graph.constant(rotation * scaling ** (-0.5)))
        norm = graph.reduce("ReduceSum", graph.add("Mul", rotated, rotated))
        with_spread = graph.add("Add", norm, graph.constant(np.sum(np.log(scaling))))
        half = graph.add("Mul", graph.constant(-0.5), with_spread)
        likelihoods.append(graph.add("Add", half, graph.constant(np.log(prior))))
    outcome = _by_likelihood(graph, graph.stack(likelihoods))
    if len(likelihoods) > 2:
        return outcome
    decision = graph.unsqueeze(graph.add("Sub", likelihoods[1], likelihoods[0]))
    return PredictorOutput(is_positive(graph, decision), outcome.probabilities)


PREDICTORS: Predictors = {
    naive_bayes.GaussianNB: _gaussian,
    naive_bayes.MultinomialNB: _multinomial,
    naive_bayes.ComplementNB: _complement,
    naive_bayes.BernoulliNB: _bernoulli,
    discriminant_analysis.QuadraticDiscriminantAnalysis: _quadratic,
}
