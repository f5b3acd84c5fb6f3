"""Checks a skops file before skops reads it: its size, what each loader would build, and states of compiled classes.

skops trusts a name wherever it occurs. But some of its loaders call the named object with arguments from the file, and
would run a trusted function. Here, each loader may only build the types that it is meant for.

skops passes the state in the file to a class. A tuple that is too short, or a count that does not fit its array, would
make a compiled class read beyond the end before array_audit could check the object.
"""

import importlib
import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any, Final

import numpy as np
from numpy.lib import format as npy

from model.errors import BundleCorrupt, CodeFailed, ModelError, UntrustedType, VersionMismatch, describe

SCHEMA: Final = "schema.json"
Node = dict[str, Any]  # an object of the schema, which says by what loader it is built
# skops does not compress by default; a file that expands more than this is meant to fill the memory.
MOST_EXPANSION: Final = 4
_FREE: Final = 2**20
# Functions that estimators refer to, and that only compute; never called with arguments from a file.
_ARRAYS = "asarray clip cumsum mean median nan_to_num ravel round squeeze"
_SCORES = "chi2 f_classif f_oneway f_regression r_regression"
_METRICS = (
    "accuracy_score average_precision_score balanced_accuracy_score brier_score_loss f1_score jaccard_score log_loss "
    "matthews_corrcoef precision_score recall_score roc_auc_score top_k_accuracy_score"
)
_ERRORS = (
    "explained_variance_score max_error mean_absolute_error mean_absolute_percentage_error mean_squared_error "
    "mean_squared_log_error median_absolute_error r2_score root_mean_squared_error root_mean_squared_log_error"
)
FUNCTIONS: Final = frozenset(
    {
        *(f"numpy.{name}" for name in _ARRAYS.split()),
        "scipy._lib.array_api_compat.numpy._aliases.asarray",
        "sklearn.cluster._kmeans._kmeans_single_elkan",
        "sklearn.cluster._kmeans._kmeans_single_lloyd",
        "sklearn.feature_selection._mutual_info.mutual_info_classif",
        "sklearn.feature_selection._mutual_info.mutual_info_regression",
        "sklearn.utils.validation.check_array",
        *(f"sklearn.feature_selection._univariate_selection.{name}" for name in _SCORES.split()),
        *(f"sklearn.metrics._classification.{name}" for name in _METRICS.split()),
        *(f"sklearn.metrics._ranking.{name}" for name in _METRICS.split()),
        *(f"sklearn.metrics._regression.{name}" for name in _ERRORS.split()),
    }
)


def _one_of(*names: str) -> Callable[[str], bool]:
    return lambda name: name in names


def _below(*prefixes: str) -> Callable[[str], bool]:
    return lambda name: name.startswith(prefixes)


def _computes(name: str) -> bool:
    """Return whether a function only computes: it is on the list, or a numpy ufunc."""
    module, _, attribute = name.rpartition(".")
    return name in FUNCTIONS or (module == "numpy" and isinstance(getattr(np, attribute, None), np.ufunc))


_PLAIN = [f"builtins.{name}" for name in ("bool", "bytes", "complex", "dict", "float", "int", "list", "str", "tuple")]
# What each of skops's loaders may build. Whether a type is trusted at all is decided by skops_io.TRUSTED.
_BUILDS: Final[dict[str, Callable[[str], bool]]] = {
    "BytesNode": _one_of("builtins.bytes"),
    "CachedNode": _below(""),
    "DTypeNode": _one_of("numpy.dtype"),
    "DefaultDictNode": _one_of("collections.defaultdict"),
    "DictNode": _one_of("builtins.dict", "collections.OrderedDict", "sklearn.utils._bunch.Bunch"),
    "FunctionNode": _computes,
    "JsonNode": _below(""),
    "ListNode": _one_of("builtins.list"),
    "LossNode": _below("sklearn._loss._loss.Cy", "_loss.Cy", "sklearn.linear_model._sgd_fast."),
    "MaskedArrayNode": _below("numpy."),
    "NdArrayNode": _below("numpy."),
    "ObjectNode": lambda name: not _computes(name),
    "PartialNode": _one_of("functools.partial"),
    "RandomGeneratorNode": _below("numpy.random."),
    "RandomStateNode": _below("numpy.random."),
    "SetNode": _one_of("builtins.set", "builtins.frozenset"),
    "SliceNode": _one_of("builtins.slice"),
    "TreeNode": _one_of("sklearn.tree._tree.Tree"),
    "SparseMatrixNode": _below("scipy.sparse._cs"),
    "TupleNode": _one_of("builtins.tuple", "sklearn.impute._iterative._ImputerTriplet"),
    "TypeNode": lambda name: name in (*_PLAIN, "builtins.object") or name.startswith(("numpy.", "sklearn.")),
}
_NAMED: Final = "; define a function by name in a module, and name its directory (pack --code, MODEL_CODE)"
_OWN_LOADERS: Final = ("FunctionNode", "ObjectNode", "TypeNode")
# Compiled classes, and the number of members that their states have.
_TREES: Final = ("sklearn.neighbors._ball_tree.BallTree", "sklearn.neighbors._kd_tree.KDTree")
_TREE_STATE: Final = 13
_DISTANCES: Final = "sklearn.metrics._dist_metrics."
_DISTANCE_STATE: Final = 3
_SPLINE: Final = "scipy.interpolate._bsplines.BSpline"


def check_schema(content: bytes, modules: frozenset[str]) -> None:
    """Check a skops file without building anything; raises BundleCorrupt, UntrustedType and VersionMismatch.

    `modules` are the top-level modules of the operator's own code: what they define may be built, not what they import.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            size = sum(member.file_size for member in archive.infolist())
            if size > MOST_EXPANSION * len(content) + _FREE:
                raise BundleCorrupt(
                    f"the model file expands from {len(content)} to {size} bytes; pack the model again."
                )
            nodes = [each for each in objects(json.loads(archive.read(SCHEMA))) if "__loader__" in each]
            _check_loaders(nodes, modules)
            _check_states(nodes, archive)
    except (ModelError, MemoryError):
        raise
    except Exception as error:  # a malformed file may raise anything
        raise BundleCorrupt(f"the model file cannot be read ({type(error).__name__}); pack the model again.") from error


def _check_loaders(nodes: list[Node], modules: frozenset[str]) -> None:
    for node in nodes:
        loader, name = str(node["__loader__"]), _name_of(node)
        own = name.partition(".")[0] in modules and loader in _OWN_LOADERS and _defined_in(name, modules)
        builds = _BUILDS.get(loader)
        if not own and (builds is None or not builds(name)):
            hint = _NAMED if loader == "FunctionNode" else ""
            raise UntrustedType(f"the model file would build {name} with {loader}, which is not trusted{hint}.")


def objects(document: Any) -> Iterator[dict[str, Any]]:
    """Yield all objects of a JSON document, in the order of the document."""
    waiting = [document]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            yield each
            waiting.extend(reversed(each.values()))
        elif isinstance(each, list):
            waiting.extend(reversed(each))


def _defined_in(name: str, modules: frozenset[str]) -> bool:
    """Return whether a name is defined in the operator's code, and not merely imported there."""
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), attribute, None)
    except (Exception, SystemExit) as error:  # importing may raise anything
        raise CodeFailed(
            f"{module}, of your own code (MODEL_CODE), cannot be imported ({describe(error)}); correct it."
        ) from error
    return str(getattr(found, "__module__", "")).partition(".")[0] in modules


def _name_of(node: Node) -> str:
    """Return the full name of the type or function that a node of a schema builds."""
    return f"{node.get('__module__')}.{node.get('__class__')}"


def _check_states(nodes: list[Node], archive: zipfile.ZipFile) -> None:
    """Check the states that compiled classes would take unchecked; their arrays are in the archive.

    Raises BundleCorrupt and VersionMismatch, or any other error if the schema is malformed.
    """
    known: dict[Any, Any] = {}
    ids = Counter(node.get("__id__") for node in nodes)
    for node in nodes:
        # skops uses an earlier node with the same id in place of a later one.
        if known.setdefault(node.get("__id__"), _identity(node)) != _identity(node) and node.get("__id__"):
            raise BundleCorrupt("the model file has two objects with one id; pack the model again.")
        if _name_of(node) == _SPLINE and node["__loader__"] == "ObjectNode":
            _check_spline(node)
        if not _is_sound(node, ids, archive):
            raise BundleCorrupt(f"the model file contains a malformed {node.get('__class__')}; pack the model again.")


def _identity(node: Node) -> tuple[Any, ...]:
    """Return the properties in which nodes with the same id must agree."""
    content = node.get("content") if node.get("__loader__") == "JsonNode" else None
    return node.get("__loader__"), _name_of(node), content, node.get("file")


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
    name, loader = _name_of(node), node.get("__loader__")
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
