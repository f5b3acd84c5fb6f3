"""Multi-layer perceptrons."""

from typing import Any, Final

from sklearn import neural_network

from model.onnx_export.graph import ColumnTensor, Graph, NotCompiled, PredictorOutput, Predictors
from model.onnx_export.linear import affine, argmax, binary_probabilities

_ACTIVATIONS: Final = {
    "identity": "Identity",
    "relu": "Relu",
    "logistic": "Sigmoid",
    "tanh": "Tanh",
    "softmax": "Softmax",
}


def _forward(graph: Graph, estimator: Any, x: ColumnTensor) -> str:
    value, last = x.name, len(estimator.coefs_) - 1
    for index, (weights, intercept) in enumerate(zip(estimator.coefs_, estimator.intercepts_, strict=True)):
        activation = estimator.out_activation_ if index == last else estimator.activation
        if activation not in _ACTIVATIONS:
            raise NotCompiled(f"the activation {activation} has no compiled form")
        axis: dict[str, Any] = {"axis": 1} if activation == "softmax" else {}
        value = graph.add(_ACTIVATIONS[activation], affine(graph, value, weights.T, intercept), **axis)
    return value


def _regressor(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    values = _forward(graph, estimator, x)
    return PredictorOutput(graph.squeeze(values) if estimator.n_outputs_ == 1 else values)


def _classifier(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    shares = _forward(graph, estimator, x)
    if estimator.out_activation_ == "softmax":
        return PredictorOutput(argmax(graph, shares), (shares,))
    labels = graph.compare("Greater", shares, graph.constant(0.5))
    if estimator._label_binarizer.y_type_ == "binary":
        return PredictorOutput(graph.squeeze(labels), (binary_probabilities(graph, graph.squeeze(shares)),))
    return PredictorOutput(labels, (shares,))


PREDICTORS: Predictors = {
    neural_network.MLPClassifier: _classifier,
    neural_network.MLPRegressor: _regressor,
}
