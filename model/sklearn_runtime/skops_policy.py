"""Checks a skops file before skops reads it: what each loader would build, and to what size the file expands.

skops trusts a name wherever it occurs. But some of its loaders call the named object with arguments from the file, and
would run a trusted function. Here, each loader may only build the types that it is meant for.
"""

import importlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from model.errors import BundleCorrupt, CodeFailed, ModelError, UntrustedType, describe
from model.sklearn_runtime.skops_states import Node, check_states, name_of

SCHEMA: Final = "schema.json"
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
            nodes = list(_nodes(json.loads(archive.read(SCHEMA))))
            _check_loaders(nodes, modules)
            check_states(nodes, archive)
    except (ModelError, MemoryError):
        raise
    except Exception as error:  # a malformed file may raise anything
        raise BundleCorrupt(f"the model file cannot be read ({type(error).__name__}); pack the model again.") from error


def _check_loaders(nodes: list[Node], modules: frozenset[str]) -> None:
    for node in nodes:
        loader, name = str(node["__loader__"]), name_of(node)
        own = name.partition(".")[0] in modules and loader in _OWN_LOADERS and _defined_in(name, modules)
        builds = _BUILDS.get(loader)
        if not own and (builds is None or not builds(name)):
            hint = _NAMED if loader == "FunctionNode" else ""
            raise UntrustedType(f"the model file would build {name} with {loader}, which is not trusted{hint}.")


def _nodes(value: Any) -> Iterator[Node]:
    """Yield every node of a schema that has a loader."""
    if isinstance(value, dict):
        if "__loader__" in value:
            yield value
        for member in value.values():
            yield from _nodes(member)
    elif isinstance(value, list):
        for member in value:
            yield from _nodes(member)


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
