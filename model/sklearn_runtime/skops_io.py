"""Estimators to bytes and back; the only place that deserialises one.

skops builds only types that were named as trusted beforehand. The list beyond its own is ours and fixed: what a file
asks for is never passed back as trusted for asking. All are scikit-learn's own, or plain data. skops_policy decides how
each may be built, and array_audit checks what compiled code will read through them before anything predicts.
"""

import io
import warnings
from typing import Any

import joblib
import skops.io

from model.errors import BundleCorrupt, ModelError, UnsupportedEstimator, UntrustedType, VersionMismatch
from model.sklearn_runtime.skops_policy import FUNCTIONS, check_schema

_KERNELS = (
    "CompoundKernel ConstantKernel DotProduct ExpSineSquared Exponentiation Matern PairwiseKernel Product RBF "
    "RationalQuadratic Sum WhiteKernel"
)
_DISTANCES = (
    "BrayCurtis Canberra Chebyshev Dice Euclidean Hamming Haversine Jaccard Mahalanobis Manhattan Minkowski "
    "RogersTanimoto RussellRao SEuclidean SokalSneath"
)
# What only fitting uses, and predicting never calls.
_SPLITTERS = (
    "GroupKFold GroupShuffleSplit KFold LeaveOneGroupOut LeaveOneOut LeavePGroupsOut LeavePOut PredefinedSplit "
    "RepeatedKFold RepeatedStratifiedKFold ShuffleSplit StratifiedGroupKFold StratifiedKFold StratifiedShuffleSplit "
    "TimeSeriesSplit"
)
TRUSTED = frozenset(
    {
        "builtins.object",
        "functools.partial",
        "numpy.dtype",
        "scipy.interpolate._bsplines.BSpline",
        *(f"scipy.sparse._{form}.{form}_{kind}" for form in ("csr", "csc") for kind in ("array", "matrix")),
        "sklearn._loss.loss.HalfTweedieLoss",
        "sklearn._loss.loss.HalfTweedieLossIdentity",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.calibration._TemperatureScaling",
        "sklearn.cluster._bisect_k_means._BisectingTree",
        "sklearn.compose._column_transformer.make_column_selector",
        "sklearn.impute._iterative.IterativeImputer",
        "sklearn.impute._iterative._ImputerTriplet",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        "sklearn.metrics._scorer._CurveScorer",
        "sklearn.metrics._scorer._PassthroughScorer",
        "sklearn.metrics._scorer._Scorer",
        "sklearn.multiclass._ConstantPredictor",
        "sklearn.neighbors._ball_tree.BallTree",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
        "sklearn.tree._tree.Tree",
        "sklearn.utils._bunch.Bunch",
        "sklearn.utils._metadata_requests.MetadataRequest",
        "sklearn.utils._metadata_requests.MethodMetadataRequest",
        *FUNCTIONS,
        *(f"sklearn.model_selection._split.{name}" for name in _SPLITTERS.split()),
        *(f"sklearn.gaussian_process.kernels.{name}" for name in _KERNELS.split()),
        *(f"sklearn.metrics._dist_metrics.{name}Distance64" for name in _DISTANCES.split()),
    }
)


def dump_skops(estimator: Any, modules: frozenset[str] = frozenset()) -> bytes:
    """Serialise a fitted estimator as skops; raises UnsupportedEstimator if it could not be loaded again."""
    name = type(estimator).__name__
    try:
        content: bytes = skops.io.dumps(estimator)
        load_skops(content, modules)
    except UntrustedType as error:
        raise UnsupportedEstimator(f"{name} cannot be packed: {error}") from None
    except Exception as error:  # skops documents no error of its own for objects that it cannot hold
        raise UnsupportedEstimator(f"{name} cannot be written as skops ({type(error).__name__}: {error}).") from error
    return content


def load_skops(content: bytes, modules: frozenset[str] = frozenset()) -> Any:
    """Audit the types that a skops file names, then build the estimator; raises UntrustedType and BundleCorrupt.

    `modules` are the top-level modules of the operator's own code, whose types are trusted too.
    """
    check_schema(content, modules)
    try:
        named = skops.io.get_untrusted_types(data=content)
    except Exception as error:  # anything may come out of a file that is not what it should be
        raise _unreadable(error) from error
    if foreign := sorted(name for name in named if name not in TRUSTED and name.partition(".")[0] not in modules):
        raise UntrustedType(
            f"the model file holds types that are not trusted: {', '.join(foreign)}; "
            "name the directory of your own code (pack --code, MODEL_CODE), or do without them."
        )
    return _quietly(lambda: skops.io.loads(content, trusted=named))


def dump_joblib(estimator: Any) -> bytes:
    """Serialise an estimator as a joblib file, which is a pickle: a program for whoever loads it.

    Raises UnsupportedEstimator for what has no name to load it by, such as a lambda.
    """
    file = io.BytesIO()
    try:
        joblib.dump(estimator, file)
    except Exception as error:  # pickle raises what the objects raise
        raise UnsupportedEstimator(
            f"{type(estimator).__name__} cannot be written as a pickle ({type(error).__name__}: {error})."
        ) from error
    return file.getvalue()


def load_joblib(content: bytes) -> Any:
    """Run a joblib or pickle file. Only for one that is the caller's own, or pinned by its digest."""
    return _quietly(lambda: joblib.load(io.BytesIO(content)))


def _quietly(build: Any) -> Any:
    """Build with warnings as errors: a model of another version must not be taken for this one's."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", FutureWarning)  # a deprecated class predicts as long as it is there
            return build()
    except MemoryError:
        raise
    except (Exception, SystemExit) as error:  # the operator's own code may raise anything when it is imported
        raise _unreadable(error) from error


def _unreadable(error: BaseException) -> ModelError:
    """Return what is wrong with a file: another version's, in need of the caller's own code, or broken."""
    if made := getattr(error, "original_sklearn_version", None):  # sklearn.exceptions.InconsistentVersionWarning
        here = getattr(error, "current_sklearn_version", "another version")
        return VersionMismatch(
            f"the model file was written with scikit-learn {made}, here is {here}; fit it again with {here}."
        )
    text = " ".join(str(error).split())[:300]
    hint = ""
    if isinstance(error, ImportError):
        hint = "; name the directory of your own code (pack --code, MODEL_CODE), and install what that imports"
    return BundleCorrupt(f"the model file cannot be read ({type(error).__name__}: {text}){hint}.")
