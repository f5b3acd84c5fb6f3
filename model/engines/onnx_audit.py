"""Checks that an ONNX file contains only what our compiled models contain, before the runtime reads it.

Field numbers are those of onnx.proto (ONNX 1.23).
"""

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.engines.onnx_trees import trees_end
from model.engines.protobuf import FIXED32, LENGTH, NUMBERS, VARINT, read

# The operators that model.onnx_export writes. None of them runs another graph, reads a file or loops.
_STANDARD = (
    "Abs Add And ArgMax Cast Clip Concat Div Equal Exp Floor Gather Greater GreaterOrEqual Identity IsInf IsNaN Log "
    "MatMul Max Min Mul Neg Or Pad Pow ReduceL1 ReduceL2 ReduceMax ReduceMean ReduceSum Relu Sigmoid Slice Softmax "
    "Sqrt Squeeze Sub Tanh TopK Transpose Unsqueeze Where"
)
OPERATORS: Final = frozenset({("ai.onnx.ml", "TreeEnsemble"), *(("", name) for name in _STANDARD.split())})
_MODEL: Final = {1: VARINT, 2: LENGTH, 3: LENGTH, 5: VARINT, 6: LENGTH, 7: LENGTH, 8: LENGTH, 14: LENGTH}
_GRAPH: Final = {1: LENGTH, 2: LENGTH, 5: LENGTH, 10: LENGTH, 11: LENGTH, 12: LENGTH, 13: LENGTH}
_NODE: Final = {1: LENGTH, 2: LENGTH, 3: LENGTH, 4: LENGTH, 5: LENGTH, 6: LENGTH, 7: LENGTH}
_ATTRIBUTE: Final = {1: LENGTH, 2: FIXED32, 3: VARINT, 5: LENGTH, 8: NUMBERS, 13: LENGTH, 20: VARINT}
_TENSOR: Final = {1: NUMBERS, 2: VARINT, 8: LENGTH, 9: LENGTH}
_DTYPES: Final = {1: np.float32, 2: np.uint8, 7: np.int64, 9: np.bool_, 11: np.float64}


def check_graph(content: bytes) -> None:
    """Check a file of unknown origin; raises ValueError, and IndexError if it ends early."""
    model = read(memoryview(content), _MODEL)
    for graph in model.get(7, ()):
        parts = read(graph, _GRAPH)
        for tensor in parts.get(5, ()):
            _tensor(tensor)
        for node in parts.get(1, ()):
            _check_node(read(node, _NODE))


def _check_node(node: dict[int, list[Any]]) -> None:
    operator = _text(node, 7), _text(node, 4)
    if operator not in OPERATORS:
        raise ValueError(f"the operator {'.'.join(operator).strip('.')} is not one that compiled models are made of")
    named = [_attribute(each) for each in node.get(5, ())]
    attributes = dict(named)
    if len(attributes) != len(named):
        raise ValueError("an attribute occurs twice")
    if operator[0] and not trees_end(attributes):
        raise ValueError("a TreeEnsemble has ids or lengths out of range")


def _attribute(content: memoryview) -> tuple[str, Any]:
    """Return an attribute's name, and its value: a number, numbers or a tensor."""
    found = read(content, _ATTRIBUTE)
    whole, tensor = found.get(3, []), found.get(5, [])
    if len(whole) > 1 or len(tensor) > 1 or bool(whole) + bool(tensor) + (8 in found) > 1:
        raise ValueError("an attribute has several values")
    return _text(found, 1), whole[0] if whole else _tensor(tensor[0]) if tensor else _numbers(found, 8)


def _tensor(content: memoryview) -> NDArray[Any]:
    """Return the numbers of a tensor; raises ValueError unless the file contains all of them."""
    found = read(content, _TENSOR)
    (kind,), data = found[2], found.get(9, [memoryview(b"")])
    shape = _numbers(found, 1).tolist()
    if kind not in _DTYPES or len(data) > 1 or min(shape, default=0) < 0:
        raise ValueError("a tensor has an unsupported type or shape")
    numbers: NDArray[Any] = np.frombuffer(data[0], _DTYPES[kind])
    if len(numbers) != math.prod(shape):
        raise ValueError("a tensor has more or fewer numbers than its shape says")
    return numbers


def _numbers(message: dict[int, list[Any]], field: int) -> NDArray[np.int64]:
    return np.concatenate([np.empty(0, np.int64), *message.get(field, [])])


def _text(message: dict[int, list[Any]], field: int) -> str:
    values = message.get(field, [b""])
    if len(values) > 1:
        raise ValueError("a name occurs twice")
    return bytes(values[0]).decode()
