"""Reads a fitted estimator's signature from its attributes, from sample data, and by trying predictions."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, cast, get_args

import numpy as np

from model.bundle.manifest_checks import estimator_type
from model.columns import Column
from model.errors import UnsupportedEstimator, describe
from model.labels import plain, unwritable
from model.packing.column_facts import (
    ColumnFacts,
    column_facts,
    fitted_names,
    fitted_or_generated_names,
    groups_of_columns,
    is_fitted,
    takes_strings,
)
from model.packing.probing import Prober, describe_unknown, typical_row
from model.signature import Dtype, Feature, Label, Signature, Task
from model.sklearn_runtime.engine import SklearnEngine
from model.sklearn_runtime.estimator_walk import walk
from model.sklearn_runtime.further_outputs import MOST_COLUMNS

# A string and a number that no model has as a category.
UNKNOWN: dict[Dtype, Label] = {"string": "\ue000unknown", "float64": 1e6 + 0.5}
_MOST_UNKNOWN = 10


def read_signature(
    estimator: Any, columns: Sequence[Column] | None, dtypes: Mapping[str, Dtype] | None = None
) -> Signature:
    """Return the signature of a fitted estimator; raises UnsupportedEstimator.

    `columns` are the columns of sample data, if there are any. Without data, dtypes are read from the encoders and
    vectorisers inside the estimator; a column that none of them knows has its dtype in `dtypes`, or is assumed to be
    numbers. `dtypes` also names the columns if the estimator has no names and as many columns.
    """
    task = _task(estimator)
    if not is_fitted(estimator):
        raise _not_fitted(estimator)
    names = [column.name for column in columns] if columns else _names(estimator, dtypes or {})
    known = _as_in_data(column_facts(estimator, names), columns or ())
    features = _features(names, columns, known, dtypes or {})
    if len({feature.name for feature in features}) < len(features):
        raise UnsupportedEstimator(f"two columns have the same name among {', '.join(each.name for each in features)}.")
    outputs, classes = _outputs(estimator, task)
    signature = Signature(
        features=tuple(features),
        layout="text" if takes_strings(estimator) else _layout(features),
        task=task,
        outputs=outputs,
        classes=classes,
        probabilities=task == "classifier" and hasattr(estimator, "predict_proba"),
    )
    return _probe(estimator, signature, columns, known)


def _layout(features: Sequence[Feature]) -> Literal["matrix", "table", "frame"]:
    """Return the form of rows for the model: a frame if a column has categories, else a matrix or a table."""
    if any(feature.missing == "category" for feature in features):
        return "frame"
    return "matrix" if all(feature.numeric for feature in features) else "table"


def _not_fitted(estimator: Any) -> UnsupportedEstimator:
    return UnsupportedEstimator(f"{type(estimator).__name__} is not fitted; fit it before packing.")


def _as_in_data(known: dict[str, ColumnFacts], columns: Sequence[Column]) -> dict[str, ColumnFacts]:
    """Return the facts with dtype bool for columns of booleans: pandas turns them to 0.0 and 1.0 if any is missing."""
    truths = {
        column.name: replace(known[column.name], dtype="bool", values=tuple(map(bool, known[column.name].values)))
        for column in columns
        if column.dtype == "bool" and column.name in known and {0.0, 1.0}.issuperset(known[column.name].values)
    }
    return known | truths


def _names(estimator: Any, dtypes: Mapping[str, Dtype]) -> list[str]:
    """Return the names of the estimator's columns, or those in `dtypes` if it has no names and as many columns."""
    own = fitted_or_generated_names(estimator)
    nameless = fitted_names(estimator) is None and not takes_strings(estimator)
    return list(dtypes) if nameless and len(dtypes) == len(own) else own


def _features(
    names: Sequence[str], columns: Sequence[Column] | None, known: dict[str, ColumnFacts], dtypes: Mapping[str, Dtype]
) -> list[Feature]:
    """Return the features by name and dtype; raises UnsupportedEstimator if the data contradict the estimator."""
    if columns is None:
        columns = [Column(name, _dtype(known.get(name, ColumnFacts()), dtypes.get(name)), []) for name in names]
    features = []
    for column in columns:
        facts = known.get(column.name, ColumnFacts())
        if column.fault and facts.dtype != "any":
            raise UnsupportedEstimator(f"the column {column.name!r} contains {column.fault}.")
        if facts.dtype not in (column.dtype, "any", None):
            raise UnsupportedEstimator(
                f"the column {column.name!r} of the data is {column.dtype}, but the estimator was fitted on "
                f"{facts.dtype}; give the data in the form that it was fitted on."
            )
        stated = facts.values or None if facts.missing == "category" else None
        features.append(Feature(column.name, column.dtype, categories=stated, missing=facts.missing))
    return features


def _dtype(facts: ColumnFacts, stated: Dtype | None) -> Dtype:
    """Return the dtype of a column without data; unknown categories count as strings."""
    return facts.dtype or stated or ("string" if facts.missing == "category" else "float64")


def _task(estimator: Any) -> Task:
    name = type(estimator).__name__
    kind = estimator_type(estimator)
    if not (hasattr(estimator, "predict") or kind == "transformer"):
        hint = "fit it with refit=True" if getattr(estimator, "refit", True) is False else "pack one that predicts"
        raise UnsupportedEstimator(f"{name} has no predict method, and none to transform rows; {hint}.")
    if kind is None:
        raise UnsupportedEstimator(
            f"{name} does not say whether it is a classifier or a regressor, as scikit-learn's estimators do; pack the "
            "estimator that it wraps, or a class of your own that calls it (pack --code), derived from BaseEstimator "
            "and RegressorMixin or ClassifierMixin."
        )
    if kind not in get_args(Task):
        raise UnsupportedEstimator(f"{name} is a {kind}; expected one of {', '.join(get_args(Task))}.")
    return cast(Task, kind)


def _outputs(estimator: Any, task: Task) -> tuple[int | None, tuple[tuple[Label, ...], ...] | None]:
    """Return how many labels a row gets (None if a single one, not in a list), and the classes of each label."""
    if task == "outlier_detector":
        return None, ((-1, 1),)
    classes = getattr(estimator, "classes_", None)
    if task != "classifier" or classes is None:
        return None, None
    several = classes if isinstance(classes, list) else [classes]
    return (len(classes) if isinstance(classes, list) else None), tuple(map(_labels, several))


def _labels(classes: Any) -> tuple[Label, ...]:
    """Return the labels of one output as they are in answers; raises UnsupportedEstimator."""
    array = np.asarray(classes)
    readable = array.dtype.kind in "biufUO" or (array.dtype.kind == "M" and not np.isnat(array).any())
    found = plain(array).tolist() if readable else [array[-1]]
    if fault := next(filter(None, map(unwritable, found)), None):
        raise UnsupportedEstimator(f"the labels contain {fault}; convert them to strings.")
    if len(set(found)) < len(found):
        raise UnsupportedEstimator(
            f"two of the labels {', '.join(map(repr, found))[:200]} are equal once they are written; convert them to "
            "strings that differ."
        )
    return tuple(found)


def _probe(
    estimator: Any, signature: Signature, columns: Sequence[Column] | None, known: dict[str, ColumnFacts]
) -> Signature:
    """Complete the signature: let a copy of the estimator predict missing values and unknown categories."""
    engine = SklearnEngine(copy.deepcopy(estimator), signature)
    base = typical_row(signature, columns, known)
    try:
        labels = engine.predict(base).labels
    except Exception as error:  # models and own code may raise anything for rows that they were not fitted on
        if signature.layout in ("matrix", "table") and _own_code(estimator):
            return _probe(estimator, replace(signature, layout="frame"), columns, known)
        if columns and (unknown := describe_unknown(engine, signature, columns, known)):
            raise UnsupportedEstimator(unknown) from error
        if type(error).__name__ == "NotFittedError":
            raise _not_fitted(estimator) from error
        hint = "pass its training data" if columns is None else "it may have been fitted on other data"
        if "expected 'const double' but got 'float'" in str(error):
            hint = "it was fitted on float32, but rows are float64: fit it on float64"
        raise UnsupportedEstimator(
            f"{type(estimator).__name__} does not predict a row of columns {', '.join(signature.names)[:200]} "
            f"({describe(error)}); {hint}."
        ) from error
    prober = Prober(engine, base, groups_of_columns(estimator, signature.features))
    features = _probe_features(prober, signature, columns, known)
    outputs = labels.shape[1] if labels.ndim == 2 else None
    if outputs is not None and outputs > MOST_COLUMNS:
        raise UnsupportedEstimator(
            f"{type(estimator).__name__} gives {outputs} numbers for a row; at most {MOST_COLUMNS} can be sent."
        )
    classes = signature.classes
    if outputs and classes and len(classes) != outputs:
        classes = ((0, 1),) * outputs  # multilabel: a row has each of `classes_` or not
    return replace(signature, features=features, outputs=outputs, classes=classes)


def _probe_features(
    prober: Prober, signature: Signature, columns: Sequence[Column] | None, known: dict[str, ColumnFacts]
) -> tuple[Feature, ...]:
    """Return the features, with whether the estimator accepts missing values, and which categories it accepts."""
    missing = [
        (index, np.nan if feature.dtype == "float64" or signature.layout == "matrix" else None)
        for index, feature in enumerate(signature.features)
        if feature.dtype != "any"
    ]
    incomplete = {index for index, column in enumerate(columns or ()) if None in column.cells}
    nullable = prober.accepted(missing, certain=incomplete)
    categories = {
        index: known[feature.name].values
        for index, feature in enumerate(signature.features)
        if feature.dtype != "datetime" and feature.name in known and known[feature.name].values
    }
    others = prober.accepting_any(
        {
            index: _unknown_values(signature.features[index], columns[index] if columns else None, values)
            for index, values in categories.items()
            if not known[signature.features[index].name].closed
        }
    )
    return tuple(
        replace(
            feature,
            nullable=feature.dtype == "any" or index in nullable,
            categories=None if index in others else categories.get(index),
        )
        for index, feature in enumerate(signature.features)
    )


def _unknown_values(feature: Feature, column: Column | None, allowed: Sequence[Label]) -> list[Label]:
    """Return values that are not among the categories, including some from the data."""
    present = set() if column is None else {cell for cell in column.cells if cell is not None}
    return [UNKNOWN.get(feature.dtype, np.nan), *sorted(present.difference(allowed), key=str)[:_MOST_UNKNOWN]]


def _own_code(estimator: Any) -> bool:
    """Return whether a component, or its function, comes from neither scikit-learn nor numpy."""
    parts = [part for part, _ in walk(estimator)]
    functions = [part.func for part in parts if callable(getattr(part, "func", None))]
    modules = [getattr(each, "__module__", None) or "" for each in (*map(type, parts), *functions)]
    return any(module.partition(".")[0] not in ("sklearn", "numpy", "") for module in modules)
