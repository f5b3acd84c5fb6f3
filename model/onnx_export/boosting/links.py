"""Links in float32, rounded as C's `expf` rounds: the exponential is computed in float64, and then rounded."""

import numpy as np

from model.onnx_export.graph import Graph

# XGBoost's limit of the exponent (src/common/math.h), where float32 ends.
_MOST_EXPONENT = np.float64(np.float32(88.7))


def exp(graph: Graph, scores: str) -> str:
    """Return e to the power of float32 numbers, as float32."""
    return graph.cast(graph.add("Exp", graph.cast(scores, "double")), "float")


def sigmoid(graph: Graph, scores: str) -> str:
    """Return 1 / (1 + exp(-x)) of float32 numbers, as float32."""
    below = graph.add("Neg", graph.cast(scores, "double"))
    power = graph.cast(graph.add("Exp", graph.add("Min", below, graph.constant(_MOST_EXPONENT))), "float")
    one = graph.constant(1, np.float32)
    return graph.add("Div", one, graph.add("Add", power, one))


def softmax(graph: Graph, scores: str) -> str:
    """Return the probabilities of float32 scores of shape (n, classes), as float32; the sum is taken in float64."""
    shifted = graph.add("Sub", scores, graph.reduce("ReduceMax", scores, keepdims=1))
    powers = exp(graph, shifted)
    total = graph.reduce("ReduceSum", graph.cast(powers, "double"), keepdims=1)
    return graph.add("Div", powers, graph.cast(total, "float"))
