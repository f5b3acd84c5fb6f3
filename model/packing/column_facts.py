"""What a fitted estimator knows of the columns that it was fitted on: their names, dtypes and categories."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from model.columns import is_missing
from model.errors import UnsupportedEstimator
from model.onnx_export.boosting.models import is_boosted, known_categories, library_of, mistakes_unknown
from model.packing.training_data import (
    EXPRESSIBLE,
    dtype_of,
    inexact_integer,
    names_of_types,
    to_python,
    unlike,
    utc_strings,
)
from model.signature import TEXT, Dtype, Feature, Label, Missing
from model.sklearn_runtime.estimator_walk import walk

# The attribute of ColumnTransformer with the indices of each transformer's columns.
_PLACES: Final = "_transformer_to_input_indices"
# Attributes whose estimators get other columns than the estimator itself: computed columns, or the target.
_OF_OTHERS: Final = ("final_estimator_", "transformer_", "_encoder", "one_hot_encoder_")
# For each column of a step, the name of the input column, or None if it was computed; empty if nothing is known.
_Columns = list[str | None]


@dataclass(frozen=True)
class ColumnFacts:
    """What an estimator knows of one column: its dtype (or None), its categories, and its Feature's `missing`.

    `closed` means that other categories are refused without a trial, because the model would mistake some for known
    ones. `fault` says why no request can express the column.
    """

    dtype: Dtype | None = None
    values: tuple[Label, ...] = ()
    missing: Missing = "nan"
    closed: bool = False
    fault: str | None = None


def takes_strings(estimator: Any) -> bool:
    """Return whether each row is a string: then the first step is a vectoriser, which does not count columns."""
    return not hasattr(estimator, "n_features_in_") and any(
        hasattr(part, "build_analyzer") for part, _ in walk(estimator)
    )


def fitted_names(estimator: Any, present: Sequence[Any] = ()) -> list[str] | None:
    """Return the names of the columns that the estimator was fitted on, or None if they had no names.

    LightGBM replaces spaces in names by underscores; the original names are looked up among those that are `present`.
    """
    names = getattr(estimator, "feature_names_in_", None)
    if names is None and library_of(estimator) == "catboost" and hasattr(estimator, "feature_names_"):
        names = estimator.feature_names_
        names = None if names == [str(index) for index in range(len(names))] else names
    if names is None:
        return None
    given = set(map(str, present))
    if given and any(library_of(part) == "lightgbm" for part, _ in walk(estimator)):
        written = {name.replace(" ", "_"): name for name in given}
        return [name if name in given else written.get(name, name) for name in map(str, names)]
    return [str(name) for name in names]


def fitted_or_generated_names(estimator: Any, present: Sequence[str] = ()) -> list[str]:
    """Return an estimator's column names, or generated ones; raises UnsupportedEstimator if their number is unknown."""
    names = fitted_names(estimator, present)
    if names is not None:
        return names
    if takes_strings(estimator):
        return [TEXT]
    for part, _ in walk(estimator):  # the first step of a pipeline may not count its columns
        if count := width_of(part):
            return [f"x{position}" for position in range(count)]
    raise UnsupportedEstimator(
        f"{type(estimator).__name__} does not know what columns it was fitted on; pass its training data."
    )


def width_of(estimator: Any) -> int | None:
    """Return how many columns the estimator was fitted on, or None if it does not know.

    CatBoost loses the number in a file or a copy, but keeps the names, which are numbers if the columns had no names.
    """
    if library_of(estimator) == "catboost" and hasattr(estimator, "feature_names_"):
        return len(estimator.feature_names_ or ()) or None
    return getattr(estimator, "n_features_in_", None) or None


def is_fitted(estimator: Any) -> bool:
    """Return whether an estimator says that it is fitted, has a fitted attribute, or is not scikit-learn's own.

    By scikit-learn's convention, names of fitted attributes end in `_`. Classes of others need not follow it; whether
    these are fitted shows when they predict.
    """
    if _has_fitted_attributes(estimator):
        return True
    last = estimator
    while hasattr(last, "steps"):  # a pipeline answers for its last step, and says no if that does not answer
        last = last.steps[-1][1]
    if hasattr(last, "__sklearn_is_fitted__"):
        return bool(last.__sklearn_is_fitted__())
    return any(type(part).__module__.partition(".")[0] != "sklearn" for part, _ in walk(estimator))


def _has_fitted_attributes(estimator: Any) -> bool:
    parts = [part for part, _ in walk(estimator) if hasattr(part, "__dict__")]
    return any(name.endswith("_") and not name.startswith("_") for part in parts for name in vars(part))


def column_facts(estimator: Any, names: Sequence[str]) -> dict[str, ColumnFacts]:
    """Return, by name, what the encoders, vectorisers and imputers inside the estimator know of its columns.

    Raises UnsupportedEstimator for categories that a request cannot express.
    """
    if takes_strings(estimator):
        return {TEXT: ColumnFacts("string")}
    notes = _Notes()
    _follow(estimator, list(names), notes)
    for name, column in notes.known.items():
        if fault := column.fault or inexact_integer(column.values):
            raise UnsupportedEstimator(f"the column {name!r} contains {fault}.")
    for name in notes.nones:
        if (facts := notes.known.get(name, ColumnFacts())).missing != "category":
            notes.known[name] = replace(facts, missing="none")
    return dict.fromkeys(notes.dropped - notes.used, ColumnFacts("any")) | notes.known


def groups_of_columns(estimator: Any, features: Sequence[Feature]) -> list[tuple[str, ...]]:
    """Return a group for each column: its dtype, and the names of the first step's transformers that get the column.

    The model treats columns of one group alike, apart from what they contained when it was fitted.
    """
    step = estimator
    while getattr(step, "steps", None):
        step = step.steps[0][1]
    whole = getattr(step, "n_features_in_", 0) == len(features)
    given = getattr(step, "__dict__", {}).get(_PLACES, {}) if whole else {}
    groups: list[tuple[str, ...]] = [(feature.dtype,) for feature in features]
    for name, indices in given.items():
        for index in indices:
            groups[index] += (name,)
    return groups


@dataclass
class _Notes:
    """Facts collected while the columns are followed through an estimator."""

    known: dict[str, ColumnFacts] = field(default_factory=dict)
    nones: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    dropped: set[str] = field(default_factory=set)


def _follow(part: Any, given: _Columns, notes: _Notes) -> _Columns:
    """Note what a component knows of its input columns, and return which of its output columns are input columns."""
    if part is None or part == "passthrough":
        return given
    given = _own_order(part, given)
    if hasattr(part, "steps"):
        for _, step in part.steps:
            given = _follow(step, given, notes)
        return given
    if _PLACES in getattr(part, "__dict__", {}):
        return _by_columns(part, given, notes)
    if hasattr(part, "transformer_list"):
        made = [_follow(each, given, notes) for _, each in part.transformer_list if each != "drop"]
        return [name for each in made for name in each] if all(made) else []
    _note(part, given, notes)
    for member, columns in _members(part, given):
        _follow(member, columns, notes)
    return given if _keeps(part) else []


def _own_order(part: Any, given: _Columns) -> _Columns:
    """Return the columns in the order that the component was fitted on: earlier code may have selected them by name."""
    own = fitted_names(part)
    if own is not None and set(own) <= set(given):
        return [*own]
    return given if (width_of(part) or len(given)) == len(given) else []


def _by_columns(part: Any, given: _Columns, notes: _Notes) -> _Columns:
    """Follow the columns through each transformer of a ColumnTransformer."""
    given = given or [None] * part.n_features_in_
    made: _Columns = [None] * max(each.stop for each in part.output_indices_.values())
    for name, transformer, _ in part.transformers_:
        chosen = [given[index] for index in vars(part)[_PLACES][name]]
        if isinstance(transformer, str) and transformer == "drop":
            notes.dropped.update(column for column in chosen if column is not None)
        elif chosen:
            indices = part.output_indices_[name]
            found = _follow(transformer, chosen, notes)
            if len(found) == indices.stop - indices.start:
                made[indices] = found
    return made


def _members(part: Any, given: _Columns) -> list[tuple[Any, _Columns]]:
    """Return the fitted estimators inside a component, each with its columns."""
    if given and hasattr(part, "estimators_features_"):
        chosen = zip(part.estimators_, part.estimators_features_, strict=True)
        return [(member, [given[index] for index in indices]) for member, indices in chosen]
    own = {name: value for name, value in getattr(part, "__dict__", {}).items() if name not in _OF_OTHERS}
    members = [member for member, owner in walk(own) if owner is None and hasattr(member, "get_params")]
    return [(member, given) for member in members if _has_fitted_attributes(member)]


def _keeps(part: Any) -> bool:
    """Return whether a transformer returns the same columns, with all present values unchanged."""
    if type(part).__name__ == "FunctionTransformer":
        return part.func is None or any(part.func is each for each in (np.asarray, np.ravel, np.squeeze))
    return (
        type(part).__name__ == "SimpleImputer"
        and is_missing(part.missing_values)
        and len(part.get_feature_names_out()) == part.n_features_in_
        and not part.add_indicator
    )


def _note(part: Any, given: _Columns, notes: _Notes) -> None:
    facts: list[ColumnFacts] = []
    if hasattr(part, "categories_"):
        facts = [_facts_of(values) for values in part.categories_]
    elif hasattr(part, "n_categories_"):  # CategoricalNB, whose categories are 0, 1, …
        facts = [ColumnFacts("float64", tuple(range(count))) for count in part.n_categories_]
    elif hasattr(part, "build_analyzer"):
        facts = [ColumnFacts("string")]
    elif is_boosted(part):
        notes.known |= _facts_of_boosted(part, given)
    names = [name for name in given if name is not None]
    notes.used.update(names)
    if getattr(part, "missing_values", np.nan) is None:
        notes.nones.update(names)
    if len(facts) == len(given):
        notes.known |= {name: each for name, each in zip(given, facts, strict=True) if name is not None}


def _facts_of_boosted(part: Any, given: _Columns) -> dict[str, ColumnFacts]:
    """Return the facts of the columns of categories of a boosting library's estimator, by name."""
    named = [(given[index], values) for index, values in known_categories(part).items() if index < len(given)]
    closed = mistakes_unknown(part)
    return {
        name: ColumnFacts(dtype_of(values) if values else None, values, "category", closed)
        for name, values in named
        if name is not None
    }


def _facts_of(categories: Any) -> ColumnFacts:
    values = np.asarray(categories)
    if values.dtype.kind == "M":
        iso = np.datetime_as_string(values.astype("datetime64[us]"))
        return ColumnFacts("datetime", tuple(str(value) for value in iso if value != "NaT"))
    if values.dtype.kind not in EXPRESSIBLE:
        return ColumnFacts("any", fault=unlike(str(values.dtype)))
    cells = list(map(to_python, values.tolist()))
    present, nones = [cell for cell in cells if not is_missing(cell)], [cell is None for cell in cells]
    if sum(nones) < len(cells) - len(present) and any(nones):
        return ColumnFacts("any", fault="both None and NaN as categories, and JSON has only null; make them one")
    if dates := utc_strings(present):
        lost = "missing values among dates as categories, where a request's are not found; fill them before fitting"
        return ColumnFacts("datetime", tuple(dates), fault=lost if len(present) < len(cells) else None)
    dtype = dtype_of(present)
    if dtype == "any" and present:
        return ColumnFacts(dtype, fault=unlike(names_of_types(present)))
    objects = values.dtype.kind == "O" and dtype in ("float64", "bool")
    return ColumnFacts(dtype, tuple(present), "none" if any(nones) else "object" if objects else "nan")
