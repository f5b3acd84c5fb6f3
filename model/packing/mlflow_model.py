"""Reads the file MLmodel of an MLflow directory (mlflow.org/docs: MLflow Models)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from model.errors import UnsupportedEstimator
from model.outputs import PREDICT
from model.signature import Dtype

MLMODEL: Final = "MLmodel"
# The flavours that can be packed, and the member that names the model's file.
_FILES: Final = {"sklearn": "pickled_model", "xgboost": "data", "lightgbm": "data", "catboost": "data"}
_PYTHON: Final = "python_function"
_DTYPES: Final[dict[str, Dtype]] = {
    **dict.fromkeys(("integer", "long", "float", "double"), "float64"),
    "boolean": "bool",
    "string": "string",
    "datetime": "datetime",
}


@dataclass(frozen=True)
class MLflowModel:
    """A model's file, its flavour, and the method that MLflow's `predict` calls.

    `booster` says that the model answers as the library's Booster, and not as an estimator. `dtypes` are the dtypes of
    the columns in its signature. `modules` are the modules whose types MLmodel lists as trusted in a skops file.
    """

    path: Path
    flavour: str
    predict_fn: str = PREDICT
    booster: bool = False
    dtypes: Mapping[str, Dtype] = field(default_factory=dict)
    modules: frozenset[str] = frozenset()


def read_mlmodel(directory: Path) -> MLflowModel:
    """Return the model of an MLflow directory; raises UnsupportedEstimator."""
    try:
        document = yaml.safe_load((directory / MLMODEL).read_text())
        flavours = document["flavors"]
        if not all(isinstance(each, dict) for each in flavours.values()):
            raise TypeError
    except FileNotFoundError:
        raise _no_model(directory) from None
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError, UnicodeDecodeError, RecursionError) as error:
        raise UnsupportedEstimator(f"{directory / MLMODEL} cannot be read ({type(error).__name__}).") from None
    flavour = next((name for name in _FILES if name in flavours), None)
    if flavour is None:
        raise UnsupportedEstimator(f"{directory} is {_described(flavours)}.")
    own = flavours[flavour]
    return MLflowModel(
        path=_inside(directory, own.get(_FILES[flavour])),
        flavour=flavour,
        predict_fn=str((flavours.get(_PYTHON) or {}).get("predict_fn", PREDICT)),
        booster=_is_booster(directory, own),
        dtypes=_dtypes(document.get("signature")),
        modules=frozenset(str(each).partition(".")[0] for each in own.get("skops_trusted_types") or ()),
    )


def _no_model(directory: Path) -> UnsupportedEstimator:
    """Return the error of a directory without MLmodel."""
    if (directory / "manifest.json").exists():
        return UnsupportedEstimator(f"{directory} is a bundle already: serve it (MODEL_DIR), or name a model's file.")
    if (directory / "saved_model.pb").exists():
        return UnsupportedEstimator(f"{directory} is a SavedModel of TensorFlow; only estimators can be packed.")
    return UnsupportedEstimator(f"{directory} has no file {MLMODEL}, so it is no MLflow model; name a model's file.")


def _described(flavours: Mapping[str, Any]) -> str:
    """Return text on what a model of other flavours is, and what to do."""
    others = sorted(set(flavours) - {_PYTHON})
    if not others and flavours.get(_PYTHON, {}).get("loader_module") == "mlflow.pyfunc.model":
        return (
            "an MLflow model of own Python code (mlflow.pyfunc); pack the estimator inside it, or a class of your own "
            "with scikit-learn's methods (pack --code)"
        )
    names = ", ".join(others) or str(flavours.get(_PYTHON, {}).get("loader_module"))
    return f"an MLflow model of the flavour {names[:100]}; those that are packed are {', '.join(_FILES)}"


def _inside(directory: Path, name: Any) -> Path:
    path = (directory / str(name)).resolve()
    if not path.is_relative_to(directory.resolve()):
        raise UnsupportedEstimator(f"{directory / MLMODEL} names a file outside its directory: {name}.")
    return path


def _is_booster(directory: Path, own: Mapping[str, Any]) -> bool:
    kind = str(own.get("model_class") or own.get("model_type") or "")
    if kind == "CatBoost":
        raise UnsupportedEstimator(
            f"{directory} is of the class CatBoost, which answers raw scores; log a CatBoostClassifier or "
            "CatBoostRegressor."
        )
    return kind.endswith(".Booster")


def _dtypes(signature: Any) -> dict[str, Dtype]:
    """Return the dtypes of a signature's columns; none if it has tensors, or columns of other types."""
    try:
        columns = json.loads(signature["inputs"])
        found = {str(each["name"]): _DTYPES[each["type"]] for each in columns}
    except (KeyError, TypeError, ValueError, RecursionError):
        return {}
    return found
