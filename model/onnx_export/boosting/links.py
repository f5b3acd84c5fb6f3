"""Links in float32, rounded as C's `expf` rounds.

glibc's `expf` (sysdeps/ieee754/flt-32/e_expf.c) computes in float64: 2 to the power of a multiple of 1/32, times a
polynomial of the rest. The graph computes the same numbers, so that answers equal the library's to the last bit.
"""

from typing import Final

import numpy as np

from model.onnx_export.graph import Graph

# XGBoost's limit of the exponent (src/common/math.h), beyond which float32 overflows.
_MOST_EXPONENT: Final = np.float32(88.7)
_PARTS: Final = 32
_INVERSE: Final = float.fromhex("0x1.71547652b82fep+0") * _PARTS  # 32 / log(2)
_CUBIC, _SQUARE, _LINEAR = (
    float.fromhex(number) / _PARTS**power
    for number, power in (("0x1.c6af84b912394p-5", 3), ("0x1.ebfce50fac4f3p-3", 2), ("0x1.62e42ff0c52d6p-1", 1))
)


def exp(graph: Graph, scores: str) -> str:
    """Return e to the power of float32 numbers, as float32."""
    scaled = graph.add("Mul", graph.cast(scores, "double"), graph.constant(_INVERSE))
    whole = graph.add("Floor", graph.add("Add", scaled, graph.constant(0.5)))
    rest = graph.add("Sub", scaled, whole)
    upper = graph.add("Add", graph.add("Mul", rest, graph.constant(_CUBIC)), graph.constant(_SQUARE))
    lower = graph.add("Add", graph.add("Mul", rest, graph.constant(_LINEAR)), graph.constant(1))
    factor = graph.add("Add", graph.add("Mul", upper, graph.add("Mul", rest, rest)), lower)
    power = graph.add("Pow", graph.constant(2), graph.add("Mul", whole, graph.constant(1 / _PARTS)))
    return graph.cast(graph.add("Mul", factor, power), "float")


def sigmoid(graph: Graph, scores: str) -> str:
    """Return 1 / (1 + exp(-x)) of float32 numbers, as float32."""
    below = graph.add("Min", graph.add("Neg", scores), graph.constant(_MOST_EXPONENT, np.float32))
    one = graph.constant(1, np.float32)
    return graph.add("Div", one, graph.add("Add", exp(graph, below), one))


def softmax(graph: Graph, scores: str) -> str:
    """Return the probabilities of float32 scores of shape (n, classes), as float32; the sum is taken in float64."""
    shifted = graph.add("Sub", scores, graph.reduce("ReduceMax", scores, keepdims=1))
    powers = exp(graph, shifted)
    total = graph.reduce("ReduceSum", graph.cast(powers, "double"), keepdims=1)
    return graph.add("Div", powers, graph.cast(total, "float"))
