"""Naive Bayes and quadratic discriminant analysis."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn import discriminant_analysis, naive_bayes

from model.onnx_export.graph import ColumnTensor, Graph, PredictorOutput
from model.onnx_export.linear import affine, argmax, is_positive


def _by_likelihood(graph: Graph, likelihood: str) -> PredictorOutput:
    return PredictorOutput(argmax(graph, likelihood), (graph.add("Softmax", likelihood, axis=1),))


def _gaussian(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    each = []
    for mean, variance, prior in zip(estimator.theta_, estimator.var_, estimator.class_prior_, strict=True):
        away = graph.add("Sub", x.name, graph.constant(mean))
        squares = graph.add("Div", graph.add("Mul", away, away), graph.constant(variance))
        total = graph.reduce("ReduceSum", squares)
        known = np.log(prior) - 0.5 * np.sum(np.log(2.0 * np.pi * variance))
        each.append(graph.add("Sub", graph.constant(known), graph.add("Mul", graph.constant(0.5), total)))
    return _by_likelihood(graph, graph.add("Concat", *map(graph.unsqueeze, each), axis=1))


def _multinomial(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    return _by_likelihood(graph, affine(graph, x.name, estimator.feature_log_prob_, estimator.class_log_prior_))


def _complement(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    prior = estimator.class_log_prior_ if len(estimator.classes_) == 1 else np.zeros(1)
    return _by_likelihood(graph, affine(graph, x.name, estimator.feature_log_prob_, prior))


def _bernoulli(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    there = x.name
    if estimator.binarize is not None:
        there = graph.compare("Greater", there, graph.constant(estimator.binarize))
    absent = np.log(1 - np.exp(estimator.feature_log_prob_))
    prior = estimator.class_log_prior_ + absent.sum(axis=1)
    return _by_likelihood(graph, affine(graph, there, estimator.feature_log_prob_ - absent, prior))


def _quadratic(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    each = []
    for index in range(len(estimator.classes_)):
        rotation, scaling = estimator.rotations_[index], estimator.scalings_[index]
        centred = graph.add("Sub", x.name, graph.constant(estimator.means_[index]))
        turned = graph.add("MatMul", centred, graph.constant(rotation * scaling ** (-0.5)))
        norm = graph.reduce("ReduceSum", graph.add("Mul", turned, turned))
        with_spread = graph.add("Add", norm, graph.constant(np.sum(np.log(scaling))))
        share = graph.add("Mul", graph.constant(-0.5), with_spread)
        each.append(graph.add("Add", share, graph.constant(np.log(estimator.priors_[index]))))
    likelihood = graph.add("Concat", *map(graph.unsqueeze, each), axis=1)
    found = _by_likelihood(graph, likelihood)
    if len(estimator.classes_) > 2:
        return found
    decision = graph.unsqueeze(graph.add("Sub", each[1], each[0]))
    return PredictorOutput(is_positive(graph, decision), found.probabilities)


PREDICTORS: dict[type, Callable[..., PredictorOutput]] = {
    naive_bayes.GaussianNB: _gaussian,
    naive_bayes.MultinomialNB: _multinomial,
    naive_bayes.ComplementNB: _complement,
    naive_bayes.BernoulliNB: _bernoulli,
    discriminant_analysis.QuadraticDiscriminantAnalysis: _quadratic,
}
