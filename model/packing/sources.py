"""Reads an estimator from a file or an MLflow directory."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from model.bundle.trust import modules_in
from model.errors import BundleMissing, ModelError, UnsupportedEstimator
from model.onnx_export.boosting.native import estimator_of
from model.outputs import PREDICT
from model.packing.file_kinds import kind_of
from model.packing.load_errors import explain
from model.packing.objects import refuse_other_objects
from model.packing.quantile_sets import as_one_model
from model.sklearn_runtime import skops_io

_MLFLOW: Final = "MLmodel"


@dataclass(frozen=True)
class Source:
    """An estimator, in a few words what it was read from, and the method that MLflow is to answer."""

    estimator: Any
    described: str
    predict_fn: str = PREDICT


def read_source(path: Path, code: Path | None = None) -> Source:
    """Return the estimator of a joblib, pickle or skops file, or of an MLflow model directory.

    All formats but skops run code from the file, so it must be the caller's own. `code` is a directory of modules that
    the estimator needs. Raises ModelError.
    """
    where, predict_fn = path, PREDICT
    if path.is_dir():
        path, predict_fn = _mlflow_file(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BundleMissing(f"{path} cannot be read ({error.strerror}); name a model file.") from None
    kind, modules = kind_of(path, content), modules_in(code)
    if kind in ("xgboost", "lightgbm", "catboost"):
        return _native(path, content, kind)
    try:
        found = skops_io.load_skops(content, modules) if kind == "skops" else skops_io.load_joblib(content)
    except ModelError as error:
        raise explain(path, content, error) from error
    try:
        found = as_one_model(found)
        refuse_other_objects(found)
    except UnsupportedEstimator as error:
        raise UnsupportedEstimator(f"{path}: {error}") from None
    container = "an MLflow directory of scikit-learn's flavour" if where != path else f"a {kind} file"
    return Source(found, f"{container} with a {type(found).__name__}", predict_fn)


def _native(path: Path, content: bytes, library: str) -> Source:
    """Return the model of a library's own file, which is data and runs nothing."""
    try:
        found = estimator_of(content, library)
    except UnsupportedEstimator as error:
        raise UnsupportedEstimator(f"{path}: {error}") from None
    return Source(found, f"{found.file.described}, which is read without {library}")


def _mlflow_file(directory: Path) -> tuple[Path, str]:
    """Return the file that an MLmodel of mlflow.sklearn names (`pickled_model`), and its `predict_fn`."""
    try:
        flavours = yaml.safe_load((directory / _MLFLOW).read_text())["flavors"]
        name = flavours["sklearn"]["pickled_model"]
        predict_fn = str((flavours.get("python_function") or {}).get("predict_fn", PREDICT))
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise UnsupportedEstimator(
            f"{directory} is not an MLflow model of scikit-learn ({type(error).__name__})."
        ) from None
    path = (directory / str(name)).resolve()
    if not path.is_relative_to(directory.resolve()):
        raise UnsupportedEstimator(f"{directory / _MLFLOW} names a file outside its directory: {name}.")
    return path, predict_fn
