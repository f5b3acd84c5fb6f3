"""Checks that an ONNX file contains only what our compiled models contain, before the runtime reads it.

onnxruntime 1.28 follows the node ids of a TreeEnsemble without checking them, with one stack frame for each level: a
cycle, a node with two parents or an id out of range crashes the process. Field numbers are those of onnx.proto (ONNX
1.23).
"""

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

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
_WHOLE: Final = frozenset({"aggregate_function", "n_targets"})
_NODES = "falseleafs falsenodeids featureids missing_value_tracks_true modes splits trueleafs truenodeids"
_OF_NODES: Final = frozenset(f"nodes_{name}" for name in _NODES.split())
_MEMBERS: Final = "membership_values"
_OF_TREES: Final = _WHOLE | _OF_NODES | {"leaf_targetids", "leaf_weights", "tree_roots"}
# The modes of nodes: compare by <=, compare by <, look the feature up in a set.
_MODES: Final = (0, 1, 6)
_MEMBER: Final = 6
_LARGEST_MEMBER: Final = 2**24
# The most levels of a tree: between 10,000 and 20,000 exhaust a stack of 8 MiB.
MOST_LEVELS: Final = 4096


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


def trees_end(attributes: Mapping[str, Any]) -> bool:
    """Return whether every path from a root ends in a leaf, and all ids on the way are in range."""
    if attributes.keys() - {_MEMBERS} != _OF_TREES or any(
        isinstance(attributes[name], int) != (name in _WHOLE) for name in attributes
    ):
        return False
    kind, members = attributes["leaf_weights"].dtype, attributes.get(_MEMBERS)
    nodes, leaves = len(attributes["nodes_featureids"]), len(attributes["leaf_targetids"])
    roots, features = attributes["tree_roots"], attributes["nodes_featureids"]
    lengths = {len(attributes[name]) for name in _OF_NODES}
    sides = [(attributes[f"nodes_{side}nodeids"], attributes[f"nodes_{side}leafs"]) for side in ("true", "false")]
    return (
        lengths == {nodes}
        and len(attributes["leaf_weights"]) == leaves
        and attributes["nodes_modes"].dtype == np.uint8
        and bool(np.isin(attributes["nodes_modes"], _MODES).all())
        and attributes["nodes_splits"].dtype == kind
        and kind in (np.float32, np.float64)
        and _sets(int((attributes["nodes_modes"] == _MEMBER).sum()), members, kind)
        and attributes["aggregate_function"] in range(4)
        and attributes["n_targets"] in range(1, leaves + 1)
        and _within(attributes["leaf_targetids"], attributes["n_targets"])
        and bool((features >= 0).all())
        and all(_within(leaf, 2) for _, leaf in sides)
        and _once([roots, *(ids[leaf == 0] for ids, leaf in sides)], nodes)
        and _once([ids[leaf == 1] for ids, leaf in sides], leaves)
        and _shallow(roots, sides)
    )


def _sets(count: int, members: Any, kind: Any) -> bool:
    """Return whether `members` are `count` non-empty sets of whole numbers, each followed by NaN."""
    if members is None:
        return not count
    ends = np.flatnonzero(np.isnan(members)) if members.dtype == kind else np.empty(0, np.int64)
    numbers = members[~np.isnan(members)]
    return (
        count == len(ends) > 0
        and int(ends[-1]) == len(members) - 1
        and bool((np.diff(ends, prepend=-1) > 1).all())
        and bool((np.abs(numbers) <= _LARGEST_MEMBER).all())
        and bool((numbers == np.trunc(numbers)).all())
    )


def _within(numbers: NDArray[Any], end: int) -> bool:
    return bool(((numbers >= 0) & (numbers < end)).all())


def _once(parts: list[NDArray[Any]], end: int) -> bool:
    """Return whether all ids are in range and none occurs twice, so that no path visits a node twice."""
    ids = np.concatenate(parts)
    return _within(ids, end) and len(np.unique(ids)) == len(ids)


def _shallow(level: NDArray[Any], sides: list[tuple[NDArray[Any], NDArray[Any]]]) -> bool:
    for _ in range(MOST_LEVELS):
        if not len(level):
            return True
        level = np.concatenate([ids[level][leaf[level] == 0] for ids, leaf in sides])
    return False
