"""Loads bundles: digests → compiled graph, or audited estimator → golden rows.

Imports: model, model.bundle, model.engines, model.sklearn_runtime.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from model.bundle.manifest import ONNX, REPACK, Bundle, Golden, Manifest, read_bundle
from model.bundle.manifest_checks import check_manifest
from model.bundle.trust import Trust
from model.columns import join_columns
from model.engines.base import Engine
from model.engines.thresholds import ThresholdEngine
from model.errors import MORE_MEMORY, GoldenMismatch, NoRoom, VersionMismatch, describe
from model.labels import as_array, dense
from model.outputs import OutputSpec, labels_and_probabilities
from model.prediction import Prediction, Rows
from model.signature import NUMERIC, Signature, Task

# Another CPU may round the last bits differently; a wrong model differs far more.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Loaded:
    """A verified model: its manifest, the manifest's sha256 in hex, and the engine that computes it."""

    manifest: Manifest = field(repr=False)  # its repr would fill pages of a notebook
    digest: str
    engine: Engine

    @cached_property
    def outputs(self) -> tuple[OutputSpec, ...]:
        """The outputs of the model."""
        own = labels_and_probabilities(self.manifest.signature, answered(self.manifest.golden))
        return (*own, *self.engine.further)


def load(directory: Path, trust: Trust | None = None, *, compiled: bool = True) -> Loaded:
    """Load a bundle without predicting, which is safe before a fork; raises ModelError.

    The compiled model is used if the manifest has one and `compiled` is true, else scikit-learn.
    """
    trust = trust or Trust()
    return build(read_bundle(directory, trust.pin, trust.keys), directory, trust, compiled=compiled)


def build(bundle: Bundle, directory: Path, trust: Trust, *, compiled: bool = True) -> Loaded:
    """Do the same as `load` with a bundle that was already read; errors name the directory."""
    check_manifest(bundle.manifest)
    with _memory_errors_named(bundle.manifest):
        engine = builder(bundle, directory, compiled=compiled)(trust)
        if bundle.manifest.thresholds and bundle.manifest.signature.classes:
            classes = as_array(bundle.manifest.signature.classes[0])
            engine = ThresholdEngine(engine, classes, bundle.manifest.thresholds)
        return Loaded(bundle.manifest, bundle.digest, engine)


def builder(bundle: Bundle, directory: Path, *, compiled: bool = True) -> Callable[[Trust], Engine]:
    """Import what the engine needs, and return a function that builds it; raises VersionMismatch."""
    manifest = bundle.manifest
    if compiled and manifest.compiled is not None and ONNX in bundle.content:
        from model.engines.onnx import OnnxEngine  # noqa: PLC0415  # only the engine that is used is imported

        codes = manifest.compiled.codes
        return lambda _: OnnxEngine(bundle.content[ONNX], codes, manifest.signature, manifest.further)
    try:
        from model.sklearn_runtime.restore import restore  # noqa: PLC0415  # a compiled model needs no scikit-learn
    except ModuleNotFoundError as error:
        why = "is not to be served by its compiled model" if ONNX in bundle.content else "has no compiled model"
        raise VersionMismatch(
            f"{directory} {why}, and this server has no scikit-learn ({error}); use the image that "
            f"includes it: in a checkout, `make image BUNDLE={directory}` builds one."
        ) from None
    return partial(restore, bundle, directory)


def verify(loaded: Loaded) -> None:
    """Predict the golden rows and compare; raises GoldenMismatch. Each worker runs this as its warm-up, too."""
    golden, signature = loaded.manifest.golden, loaded.manifest.signature
    model = f"model {loaded.manifest.name} {loaded.manifest.version}"
    try:
        with _memory_errors_named(loaded.manifest):
            methods = [spec.method for spec in loaded.engine.further]
            prediction = loaded.engine.predict(make_rows(golden.rows, signature), methods)
        wrong = int(differing_rows(prediction, answered(golden), signature.task).sum())
    except NoRoom:
        raise
    except Exception as error:  # a wrong model may raise anything
        raise GoldenMismatch(f"{model} fails to predict its golden rows ({describe(error)}); {REPACK}.") from error
    if wrong:
        raise GoldenMismatch(
            f"{model} predicts {wrong} of its {len(golden.rows)} golden rows differently than when it was packed; "
            f"{REPACK} on the library versions that serve it."
        )


@contextmanager
def _memory_errors_named(manifest: Manifest) -> Iterator[None]:
    try:
        yield
    except MemoryError:
        size = sum(file.bytes for file in manifest.files.values())
        model = f"model {manifest.name} {manifest.version}, of {size} bytes on disk"
        raise NoRoom(f"memory ran out with {model}; {MORE_MEMORY}.") from None


def make_rows(cells: list[list[Any]], signature: Signature) -> Rows:
    """Return rows from JSON in the form that the engine takes."""
    return join_columns(list(zip(*cells, strict=True)), signature)


def answered(golden: Golden) -> Prediction:
    """Return the golden answers as a prediction; for several outputs, probabilities are a list of such lists."""
    labels, found = _labels(golden.labels), golden.probabilities
    further = {method: dense(each) for method, each in golden.further.items()}
    if found is None:
        return Prediction(labels, None, further)
    return Prediction(labels, tuple(map(dense, found)) if isinstance(found[0][0], list) else dense(found), further)


def _labels(rows: list[Any]) -> Any:
    """Return labels as an array, of shape (n, outputs) if each row has a list of labels."""
    several = isinstance(rows[0], list)
    return as_array([label for row in rows for label in row]).reshape(len(rows), -1) if several else as_array(rows)


def differing_rows(found: Prediction, expected: Prediction, task: Task) -> Any:
    """Return for each row whether it differs: labels must be equal, numbers within the tolerance."""
    numeric = task in NUMERIC
    wrong = [_far(found.labels, expected.labels) if numeric else _unequal(found.labels, expected.labels)]
    wrong += map(_far, found.probability_arrays, expected.probability_arrays)
    wrong += [_far(values, expected.further[method]) for method, values in found.further.items()]
    return np.any([each.reshape(len(each), -1).any(axis=1) for each in wrong], axis=0)


def _unequal(found: Any, expected: Any) -> Any:
    return found.astype(object) != expected.astype(object)  # numpy would compare large integers as floats


def _far(found: Any, expected: Any) -> Any:
    return ~np.isclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE)
