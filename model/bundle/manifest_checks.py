"""Checks that a manifest fits its model: the manifest validates the requests that the model predicts."""

import math
from typing import Any, Final

import numpy as np

from model.bundle.manifest import REPACK, Manifest
from model.errors import BundleCorrupt
from model.labels import plain

_MIXINS: Final = {"ClassifierMixin": "classifier", "RegressorMixin": "regressor"}


def check_manifest(manifest: Manifest) -> None:
    """Compare the manifest's signature with its golden rows; raises BundleCorrupt."""
    signature, golden = manifest.signature, manifest.golden
    width = len(signature.features)
    _check(
        {
            "number of distinct names": (width, len(set(signature.names))),
            "width of the golden rows": ({width}, {len(row) for row in golden.rows}),
            "number of golden labels": (len(golden.rows), len(golden.labels)),
            "probabilities": (signature.probabilities, golden.probabilities is not None),
            "further outputs": (
                {spec.method: (len(golden.rows), *spec.shape) for spec in manifest.further},
                {method: np.shape(values) for method, values in golden.further.items()},
            ),
            "thresholds": (len(manifest.thresholds), _count_thresholds(manifest)),
            "predict_fn": ({manifest.predict_fn}, {manifest.predict_fn} & {*manifest.methods}),
            "columns of further outputs": (
                [math.prod(spec.shape) for spec in manifest.further],
                [len(spec.columns) for spec in manifest.further],
            ),
        }
    )


def check_estimator(estimator: Any, manifest: Manifest) -> None:
    """Compare the manifest's signature with the estimator's own attributes; raises BundleCorrupt."""
    signature = manifest.signature
    width = len(signature.features)
    kind = estimator_type(estimator)
    if kind is None or not (hasattr(estimator, "predict") or kind == "transformer"):
        raise BundleCorrupt(f"the model file contains a {type(estimator).__name__}, which cannot predict; {REPACK}.")
    _check(
        {
            "task": (signature.task, kind),
            # CatBoost loses the number in a file, and says 0.
            "number of features": (width, getattr(estimator, "n_features_in_", width) or width),
            "classes": (_listed(signature.classes), _classes_of(estimator, manifest)),
        }
    )


def _count_thresholds(manifest: Manifest) -> int:
    """Return how many thresholds there must be: one for each class of a classifier with one label, or none."""
    signature, given = manifest.signature, manifest.thresholds
    one = signature.probabilities and signature.outputs is None and signature.classes is not None
    return len(signature.classes[0]) if one and signature.classes and any(given) else 0


def estimator_type(estimator: Any) -> Any:
    """Return the kind that an estimator states, or None: in its tags or, before scikit-learn 1.6, in an attribute.

    For libraries that only have the attribute, or whose order of base classes hides the tags, the attribute or a base
    class counts. Boosting libraries' rankers are regressors, since they answer a number for each row. A pipeline has
    the kind of its last step. An estimator with `transform`, but without `predict`, is a transformer.
    """
    if hasattr(estimator, "transform") and not hasattr(estimator, "predict"):
        return "transformer"
    kind = estimator.__sklearn_tags__().estimator_type if hasattr(estimator, "__sklearn_tags__") else None
    kind = kind or getattr(estimator, "_estimator_type", None)
    bases = {base.__name__ for base in type(estimator).__mro__}
    kind = kind or next((kind for name, kind in _MIXINS.items() if name in bases), None)
    if kind is None and hasattr(estimator, "steps"):
        return estimator_type(estimator.steps[-1][1])
    return "regressor" if kind == "ranker" or (kind is None and type(estimator).__name__.endswith("Ranker")) else kind


def _check(pairs: dict[str, tuple[Any, Any]]) -> None:
    for what, (stated, found) in pairs.items():
        if stated != found:
            raise BundleCorrupt(f"the manifest says {what} {stated}, its model has {found}; {REPACK}.")


def _listed(classes: Any) -> Any:
    return None if classes is None else [list(each) for each in classes]


def _classes_of(estimator: Any, manifest: Manifest) -> Any:
    """Return the estimator's classes for each output, or the manifest's if it has none of its own."""
    signature = manifest.signature
    own = getattr(estimator, "classes_", None)
    multilabel = signature.outputs is not None and not isinstance(own, list)
    if signature.task != "classifier" or own is None or multilabel:
        return _listed(signature.classes)
    return [plain(np.asarray(each)).tolist() for each in (own if isinstance(own, list) else [own])]
