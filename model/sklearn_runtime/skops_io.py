"""Serialises estimators and deserialises them; nothing else does.

skops builds only types that are trusted beforehand. What we trust beyond its own list is a fixed list: a type is never
trusted because a file asks for it. All of them are scikit-learn's own, or plain data. skops_policy decides how each may
be built, and array_audit checks what compiled code will read from them before anything predicts.
"""

import io
import json
import pickle
import warnings
import zipfile
from contextlib import suppress
from typing import Any

import joblib
import skops.io
from sklearn.exceptions import InconsistentVersionWarning

from model.errors import BundleCorrupt, ModelError, UnsupportedEstimator, UntrustedType, VersionMismatch, describe
from model.sklearn_runtime.skops_policy import FUNCTIONS, SCHEMA, check_schema, objects

# By module: types beyond skops's own list.
_TYPES = {
    "builtins": "object",
    "functools": "partial",
    "numpy": "dtype",
    "scipy.interpolate._bsplines": "BSpline _BSpline",
    "scipy.sparse._csc": "csc_array csc_matrix",
    "scipy.sparse._csr": "csr_array csr_matrix",
    "sklearn._loss.loss": "HalfTweedieLoss HalfTweedieLossIdentity",
    "sklearn.calibration": "_CalibratedClassifier _SigmoidCalibration _TemperatureScaling",
    "sklearn.cluster._bisect_k_means": "_BisectingTree",
    "sklearn.compose._column_transformer": "_RemainderColsList make_column_selector",
    "sklearn.ensemble._gb_losses": "BinomialDeviance ExponentialLoss HuberLossFunction LeastAbsoluteError "
    "LeastSquaresError MultinomialDeviance QuantileLossFunction",  # in scikit-learn 1.3
    "sklearn.ensemble._hist_gradient_boosting.predictor": "TreePredictor",
    "sklearn.gaussian_process._gpc": "_BinaryGaussianProcessClassifierLaplace",
    "sklearn.gaussian_process.kernels": "CompoundKernel ConstantKernel DotProduct ExpSineSquared Exponentiation Matern "
    "PairwiseKernel Product RBF RationalQuadratic Sum WhiteKernel",
    "sklearn.impute._iterative": "IterativeImputer _ImputerTriplet",
    "sklearn.metrics._scorer": "_CurveScorer _PassthroughScorer _Scorer",
    "sklearn.model_selection._split": "GroupKFold GroupShuffleSplit KFold LeaveOneGroupOut LeaveOneOut LeavePGroupsOut "
    "LeavePOut PredefinedSplit RepeatedKFold RepeatedStratifiedKFold ShuffleSplit StratifiedGroupKFold StratifiedKFold "
    "StratifiedShuffleSplit TimeSeriesSplit",  # used in fitting only; never called by predict
    "sklearn.multiclass": "_ConstantPredictor",
    "sklearn.neighbors._ball_tree": "BallTree",
    "sklearn.neighbors._kd_tree": "KDTree",
    "sklearn.neural_network._stochastic_optimizers": "AdamOptimizer SGDOptimizer",
    "sklearn.tree._tree": "Tree",
    "sklearn.utils._bunch": "Bunch",
    "sklearn.utils._metadata_requests": "MetadataRequest MethodMetadataRequest",
}
_DISTANCES = (
    "BrayCurtis Canberra Chebyshev Dice Euclidean Hamming Haversine Jaccard Mahalanobis Manhattan Minkowski "
    "RogersTanimoto RussellRao SEuclidean SokalSneath"
)
TRUSTED = frozenset(
    {
        *FUNCTIONS,
        *(f"{module}.{name}" for module, names in _TYPES.items() for name in names.split()),
        *(f"sklearn.metrics._dist_metrics.{name}Distance64" for name in _DISTANCES.split()),
    }
)


def dump_skops(estimator: Any, modules: frozenset[str] = frozenset()) -> bytes:
    """Serialise a fitted estimator as skops; raises UnsupportedEstimator if it cannot be loaded again."""
    name = type(estimator).__name__
    try:
        content = _same_bytes(skops.io.dumps(estimator))
        load_skops(content, modules)
    except UntrustedType as error:
        raise UnsupportedEstimator(f"{name} cannot be packed: {error}") from None
    except Exception as error:  # skops documents no error for objects that it cannot hold
        raise UnsupportedEstimator(f"{name} cannot be written as skops ({describe(error)}).") from error
    return content


def _same_bytes(content: bytes) -> bytes:
    """Return a file that skops wrote so that the same estimator always gives the same file.

    skops names objects and files by memory addresses and random numbers, and its archive has dates. Here, objects and
    files are numbered in the order of the schema, and have the earliest date that an archive can state.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        schema = json.loads(archive.read(SCHEMA))
        inside = {info.filename: info for info in archive.infolist() if info.filename != SCHEMA}
        ids: dict[int, int] = {}
        names: dict[str, str] = {}
        for node in objects(schema):
            if isinstance(node.get("__id__"), int):
                node["__id__"] = ids.setdefault(node["__id__"], len(ids) + 1)
            file = node.get("file")
            if isinstance(file, str) and file in inside:
                node["file"] = names.setdefault(file, f"{len(names) + 1}.{file.rpartition('.')[2]}")
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as numbered:
            for file, name in names.items():
                numbered.writestr(zipfile.ZipInfo(name), archive.read(file), inside[file].compress_type)
            numbered.writestr(zipfile.ZipInfo(SCHEMA), json.dumps(schema))
    return made.getvalue()


def load_skops(content: bytes, modules: frozenset[str] = frozenset()) -> Any:
    """Audit the types that a skops file names, then build the estimator; raises UntrustedType and BundleCorrupt.

    `modules` are the top-level modules of the operator's own code, whose types are trusted too.
    """
    check_schema(content, modules)
    try:
        named = skops.io.get_untrusted_types(data=content)
    except Exception as error:  # a malformed file may raise anything
        raise _unreadable(error) from error
    if foreign := sorted(name for name in named if name not in TRUSTED and name.partition(".")[0] not in modules):
        raise UntrustedType(
            f"the model file contains types that are not trusted: {', '.join(foreign)}; "
            "name the directory of your own code (pack --code, MODEL_CODE), or pin a pickle of a library's types."
        )
    return _build(lambda: skops.io.loads(content, trusted=named))


def dump_joblib(estimator: Any) -> bytes:
    """Serialise an estimator as a joblib file, which is a pickle: a program that runs when it is loaded.

    Raises UnsupportedEstimator for what cannot be loaded by name, such as a lambda.
    """
    file = io.BytesIO()
    try:
        joblib.dump(estimator, file)
    except Exception as error:  # pickle raises what the objects raise
        raise UnsupportedEstimator(
            f"{type(estimator).__name__} cannot be written as a pickle ({describe(error)})."
        ) from error
    return file.getvalue()


class _NamesOfMain(pickle.Pickler):
    """Notes which classes and functions of `__main__` a pickle would name; writes nothing."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), protocol=5, buffer_callback=lambda _: False)
        self.found: dict[str, None] = {}

    def reducer_override(self, value: Any) -> Any:
        """Note a class or function of `__main__`, and leave all else to pickle."""
        if getattr(value, "__module__", None) == "__main__" and hasattr(value, "__qualname__"):
            self.found[value.__qualname__] = None
            return str, ("",)
        return NotImplemented


def names_in_main(estimator: Any) -> list[str]:
    """Return the classes and functions that an estimator needs and that are in the script or notebook that runs."""
    pickler = _NamesOfMain()
    with suppress(Exception):  # what cannot be pickled is refused elsewhere, with its reason
        pickler.dump(estimator)
    return list(pickler.found)


def load_joblib(content: bytes) -> Any:
    """Run a joblib or pickle file: only for the caller's own, or one that is pinned by its digest."""
    return _build(lambda: joblib.load(io.BytesIO(content)))


def _build(build: Any) -> Any:
    """Build with one warning as an error: that the model is of another version. Libraries warn of much else."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", InconsistentVersionWarning)
            return build()
    except MemoryError:
        raise
    except (Exception, SystemExit) as error:  # importing the operator's own code may raise anything
        raise _unreadable(error) from error


def _unreadable(error: BaseException) -> ModelError:
    """Return what is wrong with a file: of another version, in need of own code, or malformed."""
    if made := getattr(error, "original_sklearn_version", None):  # sklearn.exceptions.InconsistentVersionWarning
        here = getattr(error, "current_sklearn_version", "another version")
        return VersionMismatch(
            f"the model file was written with scikit-learn {made}, but {here} is installed; load it where {made} is."
        )
    hint = ""
    if isinstance(error, ImportError):
        hint = "; name the directory of your own code (pack --code, MODEL_CODE), and install what that imports"
    return BundleCorrupt(f"the model file cannot be read ({describe(error)}){hint}.")
