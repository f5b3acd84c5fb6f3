"""From a directory to something that predicts: digest → versions → type audit → deserialise → golden rows."""

import platform
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from model import serialisation
from model.agreement import check_agreement
from model.audit import audit
from model.bundle import JOBLIB, REPACK, SKOPS, Bundle, Golden, Manifest, read
from model.columns import Column, cells_of
from model.engines import Engine, Prediction, Rows
from model.engines.sklearn import SklearnEngine
from model.errors import BundleCorrupt, GoldenMismatch, PickleRefused, VersionMismatch
from model.signature import Signature, Task

# Another CPU's vector units may round the last bits differently; a wrong model is off by far more.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Trust:
    """What the operator vouches for.

    `pin` is the sha256, in hex, that the manifest must have. `pickle` lets a pickle run, if it is pinned. `code` is a
    directory whose modules' types may be in the model.
    """

    pin: str | None = None
    pickle: bool = False
    code: Path | None = None


@dataclass(frozen=True)
class Loaded:
    """A verified model: its manifest, the manifest's sha256 in hex, and the engine that computes it."""

    manifest: Manifest
    digest: str
    engine: Engine


def versions() -> dict[str, str]:
    """Return the versions that decide what a model computes, by distribution name."""
    return {"python": platform.python_version(), **{name: version(name) for name in ("numpy", "scikit-learn")}}


def load(directory: Path, trust: Trust = Trust()) -> Loaded:
    """Load a bundle without predicting with it, so that it is safe before a fork; raises ModelError."""
    bundle = read(directory, trust.pin)
    _check_versions(bundle.manifest)
    estimator = _deserialise(bundle, directory, trust)
    audit(estimator)
    check_agreement(estimator, bundle.manifest)
    return Loaded(bundle.manifest, bundle.digest, SklearnEngine(estimator, bundle.manifest.signature))


def modules_in(code: Path | None) -> frozenset[str]:
    """Make the operator's code importable, and return the names of its top-level modules."""
    if code is None:
        return frozenset()
    if str(code) not in sys.path:
        sys.path.append(str(code))  # last: it must not take the place of anything that is installed
    return frozenset(path.stem for path in code.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists())


def prove(loaded: Loaded) -> None:
    """Predict the golden rows and compare; raises GoldenMismatch. Also the warm-up, so it runs in each worker."""
    golden, signature = loaded.manifest.golden, loaded.manifest.signature
    model = f"model {loaded.manifest.name} {loaded.manifest.version}"
    try:
        prediction = loaded.engine.predict(rows_of(golden.rows, signature))
        wrong = int(differing(prediction, golden, signature.task).sum())
    except Exception as error:  # whatever a model may do with rows that it answered when it was packed
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        raise GoldenMismatch(f"{model} does not answer its golden rows ({reason}); {REPACK}.") from error
    if wrong:
        raise GoldenMismatch(
            f"{model} answers {wrong} of its {len(golden.rows)} golden rows differently than when it was packed; "
            f"{REPACK} on the library versions that serve it."
        )


def rows_of(cells: list[list[Any]], signature: Signature) -> Rows:
    """Return rows as they stand in JSON in the form that the engine takes."""
    columns = [
        Column(feature.name, feature.dtype, list(column))
        for feature, column in zip(signature.features, zip(*cells, strict=True), strict=True)
    ]
    return cells_of(columns, signature.features, numeric=signature.layout == "matrix")


def differing(found: Prediction, golden: Golden, task: Task) -> Any:
    """Say for each row whether the answer is another one: labels equal, numbers within the tolerance."""
    labels = np.asarray(golden.labels)
    wrong = _far(found.labels, labels) if task == "regressor" else np.asarray(found.labels.tolist()) != labels
    wrong = wrong.reshape(len(labels), -1).any(axis=1)
    if golden.probabilities is not None and found.probabilities is not None:
        several = isinstance(found.probabilities, tuple)
        answered = found.probabilities if several else (found.probabilities,)
        expected = golden.probabilities if several else (golden.probabilities,)
        for numbers, wanted in zip(answered, expected, strict=True):
            wrong = wrong | _far(numbers, wanted).any(axis=1)
    return wrong


def _far(found: Any, expected: Any) -> Any:
    return ~np.isclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE)


def _deserialise(bundle: Bundle, directory: Path, trust: Trust) -> Any:
    if SKOPS in bundle.content:
        return serialisation.from_skops(bundle.content[SKOPS], modules_in(trust.code))
    if JOBLIB not in bundle.content:
        raise BundleCorrupt(f"{directory} holds neither {SKOPS} nor {JOBLIB}; {REPACK}.")
    if not trust.pickle or trust.pin is None:
        raise PickleRefused(
            f"{directory} holds a pickle, which is a program; if you trust who made it, set ALLOW_PICKLE=1 and "
            f"MODEL_SHA256={bundle.digest}, or pack an estimator that skops can hold."
        )
    modules_in(trust.code)
    return serialisation.from_joblib(bundle.content[JOBLIB])


def _check_versions(manifest: Manifest) -> None:
    """scikit-learn supports loading only under the version that wrote the model (doc: model_persistence)."""
    made, here = manifest.made_with.get("scikit-learn"), versions()["scikit-learn"]
    if made != here:
        raise VersionMismatch(
            f"model {manifest.name} {manifest.version} was made with scikit-learn {made}, this server has {here}; "
            f"install scikit-learn=={made}, or {REPACK} with {here}."
        )
