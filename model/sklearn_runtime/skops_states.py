"""Checks the states in a skops file that compiled classes would take unchecked.

skops passes the state in the file to a class. A tuple that is too short, or a count that does not fit its array, would
make the class read beyond the end before model.sklearn_runtime.array_audit could check the object.
"""

import zipfile
from collections import Counter
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any, Final

from numpy.lib import format as npy

from model.errors import BundleCorrupt, VersionMismatch

Node = dict[str, Any]
_TREES: Final = ("sklearn.neighbors._ball_tree.BallTree", "sklearn.neighbors._kd_tree.KDTree")
_TREE_STATE: Final = 13
_DISTANCES: Final = "sklearn.metrics._dist_metrics."
_DISTANCE_STATE: Final = 3
_SPLINE: Final = "scipy.interpolate._bsplines.BSpline"


def name_of(node: Node) -> str:
    """Return the full name of the type or function that a node of a schema builds."""
    return f"{node.get('__module__')}.{node.get('__class__')}"


def check_states(nodes: Iterable[Node], archive: zipfile.ZipFile) -> None:
    """Check all nodes of a schema, whose arrays are in the archive.

    Raises BundleCorrupt and VersionMismatch, or any other error if the schema is malformed.
    """
    nodes = list(nodes)
    known: dict[Any, Any] = {}
    ids = Counter(node.get("__id__") for node in nodes)
    for node in nodes:
        # skops uses an earlier node with the same id in place of a later one.
        if known.setdefault(node.get("__id__"), _identity(node)) != _identity(node) and node.get("__id__"):
            raise BundleCorrupt("the model file has two objects with one id; pack the model again.")
        if name_of(node) == _SPLINE and node["__loader__"] == "ObjectNode":
            _check_spline(node)
        if not _is_sound(node, ids, archive):
            raise BundleCorrupt(f"the model file contains a malformed {node.get('__class__')}; pack the model again.")


def _identity(node: Node) -> tuple[Any, ...]:
    """Return the properties in which nodes with the same id must agree."""
    content = node.get("content") if node.get("__loader__") == "JsonNode" else None
    return node.get("__loader__"), name_of(node), content, node.get("file")


def _check_spline(node: Node) -> None:
    """Refuse a spline with the state of another scipy: 1.18 replaced the dict of its attributes by a tuple."""
    written, here = node["content"]["__loader__"] == "TupleNode", version("scipy")
    if written != (tuple(map(int, here.split(".")[:2])) >= (1, 18)):
        made = "1.18 or later" if written else "earlier than 1.18"
        raise VersionMismatch(
            f"the model file contains a spline that scipy {made} wrote, but {here} is installed; load it where scipy "
            f"is {made}, or pack the model again here."
        )


def _is_sound(node: Node, ids: Counter[Any], archive: zipfile.ZipFile) -> bool:
    name, loader = name_of(node), node.get("__loader__")
    if name in _TREES:
        return _is_tuple(node["content"], _TREE_STATE, ids)
    if name.startswith(_DISTANCES) and loader == "ObjectNode":
        return _is_tuple(node["content"], _DISTANCE_STATE, ids)
    if loader == "LossNode":  # its parameters would be arguments
        return not node["content"]["content"]
    return loader != "TreeNode" or _tree_is_sound(node, ids, archive)


def _is_tuple(node: Node, length: int, ids: Counter[Any]) -> bool:
    """Return whether a node is a tuple of that length that no other node replaces."""
    return node["__loader__"] == "TupleNode" and len(node["content"]) == length and ids[node.get("__id__")] == 1


def _tree_is_sound(node: Node, ids: Counter[Any], archive: zipfile.ZipFile) -> bool:
    """Return whether a tree's number of outputs and its nodes' dimensions are right: it trusts the file on both."""
    arguments, nodes = node["__reduce__"]["args"], node["content"]["content"]["nodes"]
    if not _is_tuple(arguments, 3, ids) or ids[nodes.get("__id__")] != 1:
        return False
    _, classes, outputs = arguments["content"]
    (count,) = _shape(classes, archive)
    return outputs["__loader__"] == "JsonNode" and outputs["content"] == str(count) and len(_shape(nodes, archive)) == 1


def _shape(node: Node, archive: zipfile.ZipFile) -> tuple[int, ...]:
    """Return the shape of an array in the archive, reading its header only."""
    with archive.open(node["file"]) as file:
        one = npy.read_magic(file) == (1, 0)
        shape: tuple[int, ...] = (npy.read_array_header_1_0 if one else npy.read_array_header_2_0)(file)[0]
        return shape
