"""Reads an estimator from a file or an MLflow directory."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from model.bundle.trust import modules_in
from model.errors import BundleMissing, ModelError, UnsupportedEstimator
from model.onnx_export.boosting.library_files import estimator_of
from model.outputs import PREDICT, PREDICT_PROBA
from model.packing.model_files import explain, kind_of
from model.packing.objects import model_in
from model.signature import Dtype
from model.sklearn_runtime import skops_io

_SIDES: Final = 2


@dataclass(frozen=True)
class Source:
    """An estimator, and a short description of what it was read from.

    `predict_fn` is the method that MLflow's routes call, and `dtypes` are the dtypes of the columns in MLflow's
    signature, if it has any.
    """

    estimator: Any
    described: str
    predict_fn: str = PREDICT
    dtypes: Mapping[str, Dtype] = field(default_factory=dict)


def read_source(path: Path, code: Path | None = None) -> Source:
    """Return the estimator of a joblib, pickle or skops file, of a boosting library's file, or of an MLflow directory.

    Pickles run code from the file, so it must be the caller's own. `code` is a directory of modules that the estimator
    needs. Raises ModelError.
    """
    modules = modules_in(code)
    if not path.is_dir():
        return Source(*_read(path, modules))
    from model.packing.mlflow_model import read_mlmodel  # noqa: PLC0415  # it imports yaml, which is not always installed

    said = read_mlmodel(path)
    try:
        found, described = _read(said.path, modules | said.modules)
    except ModelError as error:
        if said.flavour != "sklearn" and find_spec(said.flavour) is None:
            raise UnsupportedEstimator(
                f"{said.path} needs {said.flavour}, which is not installed ({error}): install it where you pack, or "
                "log its Booster, which is read without it."
            ) from error
        raise
    found, predict_fn = _as_booster(found, said.flavour) if said.booster else (found, PREDICT)
    return Source(
        found,
        f"an MLflow directory of the flavour {said.flavour}: {described}",
        said.predict_fn if predict_fn == PREDICT else predict_fn,
        said.dtypes,
    )


def _read(path: Path, modules: frozenset[str]) -> tuple[Any, str]:
    """Return the estimator in a file, and a description of the file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BundleMissing(f"{path} cannot be read ({error.strerror}); name a model file.") from None
    kind = kind_of(path, content)
    held = None
    try:
        if kind == "skops":
            held = skops_io.load_skops(content, modules)
        elif kind == "pickle":
            held = skops_io.load_joblib(content)
    except ModelError as error:
        raise explain(path, content, error) from error
    native = kind not in ("skops", "pickle")  # a boosting library's own file, which is data and runs no code
    try:
        found = estimator_of(content, kind) if native else model_in(held)
    except UnsupportedEstimator as error:
        raise UnsupportedEstimator(f"{path}: {error}") from None
    if native:
        return found, f"{found.file.described}, which is read without {kind}"
    return found, f"a {kind} file with a {type(found).__name__}"


def _as_booster(estimator: Any, library: str) -> tuple[Any, str]:
    """Return a model that answers as its Booster, and the method to call.

    For two classes, that is the probability of the second one, as a number; for more, the probability of each class.
    """
    file = getattr(estimator, "file", None)
    if file is None or file.labels is None:
        return estimator, PREDICT
    if len(file.labels) > _SIDES:
        return estimator, PREDICT_PROBA if file.answers_probabilities else PREDICT
    return estimator_of(file.content, library, numbers=True), PREDICT
