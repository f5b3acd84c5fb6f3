"""Checks what a skops file gives compiled classes to be built from, which they take without looking.

skops hands a class the state that stands in the file. A tuple that is too short, or a count that is not its array's, is
read beyond its end before model.sklearn_runtime.array_audit sees anything of it.
"""

import zipfile
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from numpy.lib import format as npy

from model.errors import BundleCorrupt

Node = dict[str, Any]
_TREES: Final = ("sklearn.neighbors._ball_tree.BallTree", "sklearn.neighbors._kd_tree.KDTree")
_TREE_STATE: Final = 13
_DISTANCES: Final = "sklearn.metrics._dist_metrics."
_DISTANCE_STATE: Final = 3


def name_of(node: Node) -> str:
    """Return the full name of what a node of a schema builds."""
    return f"{node.get('__module__')}.{node.get('__class__')}"


def check_states(nodes: Iterable[Node], archive: zipfile.ZipFile) -> None:
    """Check all nodes of a schema, whose arrays are in the archive; raises BundleCorrupt, or what malformed ones do."""
    nodes = list(nodes)
    known: dict[Any, Any] = {}
    ids = Counter(node.get("__id__") for node in nodes)
    for node in nodes:
        # skops takes an earlier node of the same id in the place of a later one.
        if known.setdefault(node.get("__id__"), _told(node)) != _told(node) and node.get("__id__"):
            raise BundleCorrupt("the model file has two things under one id; pack the model again.")
        if not _sound(node, ids, archive):
            raise BundleCorrupt(f"the model file holds a {node.get('__class__')} that is malformed; pack it again.")


def _told(node: Node) -> tuple[Any, ...]:
    """Return what tells a node from one of another kind, and one number or array from another."""
    content = node.get("content") if node.get("__loader__") == "JsonNode" else None
    return node.get("__loader__"), name_of(node), content, node.get("file")


def _sound(node: Node, ids: Counter[Any], archive: zipfile.ZipFile) -> bool:
    name, loader = name_of(node), node.get("__loader__")
    if name in _TREES:
        return _is_tuple(node["content"], _TREE_STATE, ids)
    if name.startswith(_DISTANCES) and loader == "ObjectNode":
        return _is_tuple(node["content"], _DISTANCE_STATE, ids)
    if loader == "LossNode":  # what it computes with are arguments
        return not node["content"]["content"]
    return loader != "TreeNode" or _tree_is_sound(node, ids, archive)


def _is_tuple(node: Node, length: int, ids: Counter[Any]) -> bool:
    """Say whether a node is a tuple of that length, and no other is taken in its place."""
    return node["__loader__"] == "TupleNode" and len(node["content"]) == length and ids[node.get("__id__")] == 1


def _tree_is_sound(node: Node, ids: Counter[Any], archive: zipfile.ZipFile) -> bool:
    """Count a tree's outputs and the dimensions of its nodes: it takes the file's word for both."""
    arguments, nodes = node["__reduce__"]["args"], node["content"]["content"]["nodes"]
    if not _is_tuple(arguments, 3, ids) or ids[nodes.get("__id__")] != 1:
        return False
    _, classes, outputs = arguments["content"]
    (count,) = _shape(classes, archive)
    return outputs["__loader__"] == "JsonNode" and outputs["content"] == str(count) and len(_shape(nodes, archive)) == 1


def _shape(node: Node, archive: zipfile.ZipFile) -> tuple[int, ...]:
    """Return the shape of an array in the archive, of which only the head is read."""
    with archive.open(node["file"]) as file:
        one = npy.read_magic(file) == (1, 0)
        shape: tuple[int, ...] = (npy.read_array_header_1_0 if one else npy.read_array_header_2_0)(file)[0]
        return shape
