"""Pipelines, unions and other estimators that pass rows through others."""

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn import compose, feature_selection, linear_model, multioutput, pipeline, preprocessing, semi_supervised

from model.onnx_export.graph import ColumnTensor, Graph, NotCompiled, PredictorOutput, Predictors, Transformers
from model.onnx_export.linear import FINITE_ONLY
from model.onnx_export.scaling import apply_function, concatenate, numeric, select_columns
from model.onnx_export.tree_ensembles import TAKES_INFINITE


def _steps(graph: Graph, steps: list[tuple[str, Any]], x: ColumnTensor) -> ColumnTensor:
    for _, step in steps:
        if step is not None and step != "passthrough":
            x = graph.transform(step, x)
    return x


def _piped(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    *before, (_, last) = estimator.steps
    transformed = _steps(graph, before, x)
    unchecked = type(last) in TAKES_INFINITE and all(
        type(step) is preprocessing.FunctionTransformer and not step.validate for _, step in before
    )
    if transformed is not x and not unchecked:
        if type(last) in FINITE_ONLY:
            graph.refuse_not_finite(transformed)
        else:
            graph.refuse_infinite(transformed.name)
    return graph.predict(last, transformed)


def _pipe(graph: Graph, estimator: Any, x: ColumnTensor) -> ColumnTensor:
    return _steps(graph, estimator.steps, x)


def _by_columns(graph: Graph, transformer: Any, x: ColumnTensor) -> ColumnTensor:
    indices = transformer._transformer_to_input_indices
    parts = []
    for name, part, _ in transformer.transformers_:
        if len(indices[name]) == 0 or (isinstance(part, str) and part == "drop"):
            continue
        own = select_columns(graph, x, indices[name])
        parts.append(own if isinstance(part, str) else graph.transform(part, own))
    return replace(concatenate(graph, parts), sparse=bool(transformer.sparse_output_))


def _union(graph: Graph, transformer: Any, x: ColumnTensor) -> ColumnTensor:
    weights = transformer.transformer_weights or {}
    parts = []
    for name, part in transformer.transformer_list:
        if isinstance(part, str):
            parts += [x] if part == "passthrough" else []
            continue
        own = graph.transform(part, x)
        weight = weights.get(name)
        scaled = own.name if weight is None else graph.add("Mul", own.name, graph.constant(weight))
        parts.append(ColumnTensor(scaled, own.codes, own.sparse))
    return replace(concatenate(graph, parts), sparse=any(part.sparse for part in parts))


def _eliminated(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    return graph.predict(estimator.estimator_, select_columns(graph, x, np.flatnonzero(estimator.support_)))


def _inner(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    return graph.predict(estimator.estimator_, x)


def _target(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    if type(estimator.transformer_).__name__ != "FunctionTransformer" or estimator._training_dim != 1:
        raise NotCompiled("a target that another estimator transforms has no compiled form")
    found = graph.predict(estimator.regressor_, x).labels
    return PredictorOutput(apply_function(graph, found, estimator.transformer_.inverse_func))


def _several_classes(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    outcomes = [graph.predict(member, x) for member in estimator.estimators_]
    shares = [outcome.probabilities[0] for outcome in outcomes if outcome.probabilities is not None]
    return PredictorOutput(graph.stack([outcome.labels for outcome in outcomes]), tuple(shares) or None)


def _several_numbers(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    return PredictorOutput(graph.stack([graph.predict(member, x).labels for member in estimator.estimators_]))


def _chain(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    labels: list[str] = []
    for member in estimator.estimators_:
        labels.append(graph.predict(member, x).labels)
        x = concatenate(graph, [x, numeric(graph.unsqueeze(labels[-1]), 1)])
    return PredictorOutput(graph.stack(labels[index] for index in np.argsort(estimator.order_)))


PREDICTORS: Predictors = {
    pipeline.Pipeline: _piped,
    compose.TransformedTargetRegressor: _target,
    feature_selection.RFE: _eliminated,
    feature_selection.RFECV: _eliminated,
    linear_model.RANSACRegressor: _inner,
    semi_supervised.SelfTrainingClassifier: _inner,
    multioutput.MultiOutputClassifier: _several_classes,
    multioutput.MultiOutputRegressor: _several_numbers,
    multioutput.RegressorChain: _chain,
}
TRANSFORMERS: Transformers = {
    pipeline.Pipeline: _pipe,
    pipeline.FeatureUnion: _union,
    compose.ColumnTransformer: _by_columns,
}
