"""Builds the scikit-learn engine of a verified bundle: versions → type audit → deserialise → checks."""

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from model.bundle.manifest import JOBLIB, ONNX, REPACK, SKOPS, Bundle
from model.bundle.manifest_checks import check_estimator
from model.bundle.requirements import check_requirements
from model.bundle.trust import Trust
from model.errors import BundleCorrupt, PickleRefused, VersionMismatch
from model.sklearn_runtime import skops_io
from model.sklearn_runtime.array_audit import audit_arrays
from model.sklearn_runtime.engine import SklearnEngine


def versions() -> dict[str, str]:
    """Return the versions that determine what a model computes, by distribution name."""
    return {"python": platform.python_version(), **{name: version(name) for name in ("numpy", "scikit-learn")}}


def restore(bundle: Bundle, directory: Path, trust: Trust) -> SklearnEngine:
    """Return the engine of a bundle; errors name the directory that it was read from. Raises ModelError."""
    _check_form(bundle, directory)
    check_requirements(bundle.manifest, directory)
    estimator = _deserialise(bundle, directory, trust)
    audit_arrays(estimator)
    check_estimator(estimator, bundle.manifest)
    return SklearnEngine(estimator, bundle.manifest.signature, bundle.manifest.further)


def _check_form(bundle: Bundle, directory: Path) -> None:
    """Refuse a bundle that only has a compiled form, or no form; raises VersionMismatch and BundleCorrupt."""
    if SKOPS in bundle.content or JOBLIB in bundle.content:
        return
    if ONNX in bundle.content:
        raise VersionMismatch(
            f"{directory} contains only a compiled model, which ENGINE=scikit-learn does not use; set ENGINE=auto, or "
            "pack it with --no-compile --allow-pickle."
        )
    raise BundleCorrupt(f"{directory} does not contain a model; {REPACK}.")


def _deserialise(bundle: Bundle, directory: Path, trust: Trust) -> Any:
    if SKOPS in bundle.content:
        return skops_io.load_skops(bundle.content[SKOPS], trust.own_modules())
    if not trust.pickle or trust.pin is None:
        raise PickleRefused(
            f"{directory} contains a pickle, which is a program; if you trust who made it, set ALLOW_PICKLE=1 and "
            f"MODEL_SHA256={bundle.digest}, or pack an estimator that skops can hold."
        )
    trust.own_modules()
    return skops_io.load_joblib(bundle.content[JOBLIB])
