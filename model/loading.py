"""From a directory to something that predicts: digest → versions → type audit → deserialise → golden rows."""

import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from model import serialisation
from model.bundle import MODEL, REPACK, Manifest, read
from model.engines import Engine
from model.engines.sklearn import SklearnEngine
from model.errors import BundleCorrupt, GoldenMismatch, VersionMismatch

# Another CPU's vector units may round the last bits differently; a wrong model is off by far more.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Loaded:
    """A verified model: its manifest, the manifest's sha256 in hex, and the engine that computes it."""

    manifest: Manifest
    digest: str
    engine: Engine


def versions() -> dict[str, str]:
    """Return the versions that decide what a model computes, by distribution name."""
    return {"python": platform.python_version(), **{name: version(name) for name in ("numpy", "scikit-learn")}}


def load(directory: Path, pin: str | None = None) -> Loaded:
    """Load a bundle without predicting with it, so that it is safe before a fork; raises ModelError."""
    bundle = read(directory, pin)
    _check_versions(bundle.manifest)
    if MODEL not in bundle.content:
        raise BundleCorrupt(f"{directory} holds no {MODEL}; {REPACK}.")
    estimator = serialisation.from_bytes(bundle.content[MODEL])
    return Loaded(bundle.manifest, bundle.digest, SklearnEngine(estimator, bundle.manifest.signature))


def prove(loaded: Loaded) -> None:
    """Predict the golden rows and compare; raises GoldenMismatch. Also the warm-up, so it runs in each worker."""
    golden = loaded.manifest.golden
    rows = np.array(golden.rows, dtype=np.float64)
    prediction = loaded.engine.predict(rows)
    if loaded.manifest.signature.task == "classifier":
        wrong = np.asarray(prediction.labels.tolist()) != np.asarray(golden.labels)
    else:
        wrong = _far(prediction.labels, golden.labels)
    if golden.probabilities is not None and prediction.probabilities is not None:
        wrong = wrong | _far(prediction.probabilities, golden.probabilities).any(axis=1)
    if wrong.any():
        raise GoldenMismatch(
            f"model {loaded.manifest.name} {loaded.manifest.version} answers {int(wrong.sum())} of its {len(rows)} "
            f"golden rows differently than when it was packed; {REPACK} on the library versions that serve it."
        )


def _far(found: ArrayLike, expected: ArrayLike) -> np.ndarray:
    return ~np.isclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE)


def _check_versions(manifest: Manifest) -> None:
    """scikit-learn supports loading only under the version that wrote the model (doc: model_persistence)."""
    made, here = manifest.made_with.get("scikit-learn"), versions()["scikit-learn"]
    if made != here:
        raise VersionMismatch(
            f"model {manifest.name} {manifest.version} was made with scikit-learn {made}, this server has {here}; "
            f"install scikit-learn=={made}, or {REPACK} with {here}."
        )
