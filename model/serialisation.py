"""Estimators to bytes and back; the only place that deserialises one, and only from types on a list of our own."""

import warnings
from typing import Any

import skops.io

from model.errors import BundleCorrupt, UnsupportedEstimator, UntrustedType

# Types that skops leaves to the caller's judgement and that scikit-learn's own predictors are made of. The list is
# ours and fixed: what a file itself asks for is never passed back as trusted. Tree and TreePredictor are there for
# every forest, boosting and decision tree; their arrays' digests are checked before they get here.
TRUSTED = frozenset(
    {
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.tree._tree.Tree",
    }
)


def to_bytes(estimator: Any) -> bytes:
    """Serialise a fitted estimator as skops; raises UnsupportedEstimator if the result could not be loaded again."""
    try:
        content: bytes = skops.io.dumps(estimator)
        from_bytes(content)
    except UntrustedType as error:
        raise UnsupportedEstimator(f"{type(estimator).__name__} cannot be packed: {error}") from None
    except Exception as error:  # skops documents no error of its own for objects that it cannot hold
        name = type(estimator).__name__
        raise UnsupportedEstimator(f"{name} cannot be written as skops ({type(error).__name__}: {error}).") from error
    return content


def from_bytes(content: bytes) -> Any:
    """Audit the types that a skops file names, then build the estimator; raises UntrustedType and BundleCorrupt."""
    try:
        named = set(skops.io.get_untrusted_types(data=content))
        if foreign := sorted(named - TRUSTED):
            raise UntrustedType(f"the model file holds types that are not trusted: {', '.join(foreign)}.")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return skops.io.loads(content, trusted=sorted(named))
    except UntrustedType:
        raise
    except Exception as error:  # anything may come out of a file that is not what it should be
        raise BundleCorrupt(f"the model file cannot be read ({type(error).__name__}: {error}).") from error
