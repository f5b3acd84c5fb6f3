"""Reads an estimator from a file or an MLflow directory, and rows from CSV or Parquet."""

from pathlib import Path
from typing import Any

import pandas
import yaml

from model.bundle.trust import modules_in
from model.errors import BundleMissing, UnsupportedEstimator
from model.packing.column_facts import column_facts, fitted_or_generated_names
from model.sklearn_runtime import skops_io

_MLFLOW = "MLmodel"
_MISSING = ["", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "<NA>"]


def estimator_at(path: Path, code: Path | None = None) -> Any:
    """Return the estimator of a joblib, pickle or skops file, or of an MLflow model directory.

    All formats but skops run code from the file, so it must be the caller's own. `code` is a directory of modules that
    the estimator needs. Raises ModelError.
    """
    if path.is_dir():
        path = _mlflow_file(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BundleMissing(f"{path} cannot be read ({error.strerror}); name a model file.") from None
    modules = modules_in(code)
    return skops_io.load_skops(content, modules) if path.suffix == ".skops" else skops_io.load_joblib(content)


def rows_at(path: Path, estimator: Any) -> Any:
    """Return the rows of a CSV file with a header, or of a Parquet file, as a data frame; raises ModelError.

    CSV has no dtypes: columns are read as strings or dates if the estimator was fitted on those. To it "01234" may not
    be a number, and "NA" may be Namibia.
    """
    if path.suffix not in (".csv", ".parquet"):
        raise UnsupportedEstimator(f"{path} is not a data file; expected a name that ends in .csv or .parquet.")
    try:
        if path.suffix == ".parquet":
            return pandas.read_parquet(path)
        names = [str(name) for name in pandas.read_csv(path, nrows=0).columns]
        known = column_facts(estimator, fitted_or_generated_names(estimator))
        strings = [name for name in names if name in known and known[name].dtype == "string"]
        return pandas.read_csv(
            path,
            dtype=dict.fromkeys(strings, "str"),
            parse_dates=[name for name in names if name in known and known[name].dtype == "datetime"],
            keep_default_na=False,
            na_values={name: [""] if name in strings else _MISSING for name in names},
        )
    except (OSError, ValueError) as error:
        raise UnsupportedEstimator(f"{path} cannot be read as {path.suffix[1:]}: {error}") from None


def _mlflow_file(directory: Path) -> Path:
    """Return the file that an MLmodel's scikit-learn flavour names (mlflow.sklearn: `pickled_model`)."""
    try:
        flavours = yaml.safe_load((directory / _MLFLOW).read_text())["flavors"]
        name = flavours["sklearn"]["pickled_model"]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise UnsupportedEstimator(
            f"{directory} is not an MLflow model of scikit-learn ({type(error).__name__})."
        ) from None
    path = (directory / str(name)).resolve()
    if not path.is_relative_to(directory.resolve()):
        raise UnsupportedEstimator(f"{directory / _MLFLOW} names a file outside its directory: {name}.")
    return path
