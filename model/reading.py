"""Reads a signature off a fitted estimator: from what it remembers, from sample data, and by asking it."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from model.columns import Column, cells_of, is_missing
from model.components import walk
from model.engines import Rows
from model.engines.sklearn import SklearnEngine
from model.errors import ModelError, UnsupportedEstimator
from model.signature import TEXT, Dtype, Feature, Label, Signature, Task

# A category that nobody has, and a number that is nobody's category.
STRANGER: dict[Dtype, Label] = {"string": "\x00stranger", "float64": 1e6 + 0.5}
# Where a ColumnTransformer keeps which columns each of its transformers was fitted on.
_PLACES = "_transformer_to_input_indices"
_TASKS: dict[str, Task] = {
    "classifier": "classifier",
    "regressor": "regressor",
    "clusterer": "clusterer",
    "outlier_detector": "outlier_detector",
}


def names_of(estimator: Any) -> list[str] | None:
    """Return the names of the columns that the estimator was fitted on, if it was fitted on named ones."""
    names = getattr(estimator, "feature_names_in_", None)
    return None if names is None else [str(name) for name in names]


def takes_texts(estimator: Any) -> bool:
    """Say whether each row is one text: the first step is a vectoriser, which counts no columns."""
    counted = hasattr(estimator, "n_features_in_")
    return not counted and any(hasattr(part, "build_analyzer") for part, _ in walk(estimator))


def read_signature(estimator: Any, columns: Sequence[Column] | None) -> Signature:
    """Return the signature of a fitted estimator; raises UnsupportedEstimator.

    `columns` are those of sample data, where there are any. Without them the columns' kinds are read off the encoders
    and vectorisers inside the estimator; what none of them says is taken for numbers.
    """
    task = _task(estimator)
    _check_fitted(estimator)
    known = _categories(estimator, [column.name for column in columns] if columns else _names(estimator))
    if columns is not None:
        features = [Feature(column.name, column.dtype) for column in columns]
    else:
        texts = takes_texts(estimator)
        dtypes: dict[str, Dtype] = {
            name: "string" if texts else _dtype(known.get(name, ())) for name in _names(estimator)
        }
        features = [Feature(name, dtype) for name, dtype in dtypes.items()]
    if len({feature.name for feature in features}) < len(features):
        raise UnsupportedEstimator(f"two columns have the same name among {', '.join(each.name for each in features)}.")
    outputs, classes = _outputs(estimator, task)
    numeric = all(feature.dtype in ("float64", "bool") for feature in features)
    is_text = takes_texts(estimator)
    signature = Signature(
        features=tuple(features),
        layout="text" if is_text else "matrix" if numeric else "table",
        task=task,
        outputs=outputs,
        classes=classes,
        probabilities=task == "classifier" and hasattr(estimator, "predict_proba"),
    )
    return _sharpened(estimator, signature, columns, known)


def _task(estimator: Any) -> Task:
    name = type(estimator).__name__
    if not hasattr(estimator, "predict") or not hasattr(estimator, "__sklearn_tags__"):
        raise UnsupportedEstimator(f"{name} has no predict; pack an estimator that predicts.")
    kind = estimator.__sklearn_tags__().estimator_type
    if kind not in _TASKS:
        raise UnsupportedEstimator(f"{name} is a {kind}; expected one of {', '.join(_TASKS)}.")
    return _TASKS[kind]


def _names(estimator: Any) -> list[str]:
    names = names_of(estimator)
    if names is not None:
        return names
    if hasattr(estimator, "n_features_in_"):
        return [f"x{position}" for position in range(estimator.n_features_in_)]
    if takes_texts(estimator):
        return [TEXT]
    raise UnsupportedEstimator(f"{type(estimator).__name__} does not say what it was fitted on; fit it before packing.")


def _categories(estimator: Any, names: list[str]) -> dict[str, tuple[Label, ...]]:
    """Return the categories of each column that an encoder was fitted on, by the column's name."""
    counts = getattr(estimator, "n_categories_", ())  # naive Bayes over codes
    found: dict[str, tuple[Label, ...]] = {name: tuple(range(n)) for name, n in zip(names, counts, strict=False)}
    steps = [(estimator, names)]
    for part, _ in walk(estimator):
        if hasattr(part, "__dict__") and _PLACES in vars(part):
            own = names_of(part) or names
            for name, transformer, _ in part.transformers_:
                steps.append((transformer, [own[place] for place in vars(part)[_PLACES][name]]))
    for transformer, columns in steps:
        for part, _ in walk(transformer):
            lists = getattr(part, "categories_", None)
            if lists is not None and len(lists) == len(columns):
                found |= {name: tuple(values.tolist()) for name, values in zip(columns, lists, strict=True)}
            elif hasattr(part, "vocabulary_") and len(columns) == 1 and columns != [TEXT]:
                found[columns[0]] = ("",)
    return found


def _dtype(categories: Sequence[Label]) -> Dtype:
    return "string" if any(isinstance(category, str) for category in categories) else "float64"


def _outputs(estimator: Any, task: Task) -> tuple[int | None, tuple[tuple[Label, ...], ...] | None]:
    """Return how many labels a row gets where it gets a list of them, and each one's classes."""
    if task == "outlier_detector":
        return None, ((-1, 1),)
    classes = getattr(estimator, "classes_", None)
    if task != "classifier" or classes is None:
        return None, None
    if isinstance(classes, list):
        return len(classes), tuple(tuple(np.asarray(each).tolist()) for each in classes)
    return None, (tuple(np.asarray(classes).tolist()),)


def _check_fitted(estimator: Any) -> None:
    """Raise UnsupportedEstimator for one that has nothing of a fit (names ending in `_`, as scikit-learn has it)."""
    parts = [part for part, _ in walk(estimator) if hasattr(part, "__dict__")]
    if not any(name.endswith("_") and not name.startswith("_") for part in parts for name in vars(part)):
        raise UnsupportedEstimator(f"{type(estimator).__name__} is not fitted; fit it before packing.")


def _sharpened(
    estimator: Any, signature: Signature, columns: Sequence[Column] | None, known: dict[str, tuple[Label, ...]]
) -> Signature:
    """Ask a copy of the estimator where it takes a missing value, where it refuses a stranger, and what it answers."""
    engine = SklearnEngine(copy.deepcopy(estimator), signature)
    base = _typical_row(signature, columns, known)
    try:
        labels = engine.predict(base).labels
    except Exception as error:
        raise UnsupportedEstimator(
            f"{type(estimator).__name__} does not predict a row of columns {', '.join(signature.names)} "
            f"({type(error).__name__}: {error}); pass its training data as `data`."
        ) from error
    features = []
    for place, feature in enumerate(signature.features):
        missing = np.nan if feature.dtype == "float64" or signature.layout == "matrix" else None
        nullable = _takes(engine, base, place, missing)
        strict = feature.name in known and not _takes(engine, base, place, STRANGER.get(feature.dtype, np.nan))
        allowed = tuple(value for value in known.get(feature.name, ()) if not is_missing(value))
        features.append(replace(feature, nullable=nullable, categories=allowed if strict and allowed else None))
    outputs = labels.shape[1] if labels.ndim == 2 else None
    classes = signature.classes
    if outputs and classes and len(classes) != outputs:
        classes = ((0, 1),) * outputs  # multilabel: `classes_` then are the labels that are each there or not
    return replace(signature, features=tuple(features), outputs=outputs, classes=classes)


def _takes(engine: SklearnEngine, base: Rows, place: int, value: Any) -> bool:
    """Say whether the estimator predicts the row with another value at one place."""
    row = base.copy()
    row[0, place] = value
    try:
        engine.predict(row)
    except (ValueError, TypeError, AttributeError, IndexError, ModelError):
        return False
    return True


def _typical_row(signature: Signature, columns: Sequence[Column] | None, known: dict[str, tuple[Label, ...]]) -> Rows:
    """Return one row without missing values: the first present cells of the data, or each column's first category."""
    if columns is None:
        blank: dict[Dtype, Label] = {"string": "", "float64": 0.0, "bool": False, "datetime": "1970-01-01"}
        cells = [next(iter(known.get(each.name, ())), blank[each.dtype]) for each in signature.features]
        columns = [Column(each.name, each.dtype, [cell]) for each, cell in zip(signature.features, cells, strict=True)]
    first = [
        Column(column.name, column.dtype, [next((cell for cell in column.cells if cell is not None), None)])
        for column in columns
    ]
    return cells_of(first, signature.features, numeric=signature.layout == "matrix")
