"""What a fitted estimator remembers of the columns it was fitted on: their names, kinds and categories."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from model.columns import is_missing, rounded
from model.errors import UnsupportedEstimator
from model.signature import TEXT, Dtype, Label
from model.sklearn_runtime.estimator_walk import walk

# Where a ColumnTransformer keeps which columns each of its transformers was fitted on.
_PLACES: Final = "_transformer_to_input_indices"
# Attributes with estimators that are given other columns than the estimator itself: what others made, or the target.
_OF_OTHERS: Final = ("final_estimator_", "transformer_", "_encoder", "one_hot_encoder_")
# The input column that each of some columns is, None for one that was computed; empty where even the number is unknown.
_Columns = list[str | None]
_KINDS: Final[tuple[tuple[Dtype, tuple[type, ...]], ...]] = (
    ("bool", (bool, np.bool_)),
    ("float64", (int, float)),
    ("string", (str,)),
    ("datetime", (datetime.datetime, datetime.date)),
)


@dataclass(frozen=True)
class Known:
    """What is remembered of one column: its kind if that is said, the categories seen, and if None is a missing one."""

    dtype: Dtype | None
    values: tuple[Label, ...] = ()
    none: bool = False


def takes_texts(estimator: Any) -> bool:
    """Say whether each row is one text: the first step is a vectoriser, which counts no columns."""
    counted = hasattr(estimator, "n_features_in_")
    return not counted and any(hasattr(part, "build_analyzer") for part, _ in walk(estimator))


def names_of(estimator: Any) -> list[str] | None:
    """Return the names of the columns that the estimator was fitted on, if it was fitted on named ones."""
    names = getattr(estimator, "feature_names_in_", None)
    return None if names is None else [str(name) for name in names]


def all_names(estimator: Any) -> list[str]:
    """Return the names of its columns, generated ones where it has none; raises UnsupportedEstimator."""
    names = names_of(estimator)
    if names is not None:
        return names
    if takes_texts(estimator):
        return [TEXT]
    for part, _ in walk(estimator):  # a pipeline may begin with a step that counts nothing
        if hasattr(part, "n_features_in_"):
            return [f"x{position}" for position in range(part.n_features_in_)]
    raise UnsupportedEstimator(f"{type(estimator).__name__} does not say what it was fitted on; pass its data.")


def is_fitted(estimator: Any) -> bool:
    """Say whether there is anything of a fit in it (names ending in `_`, as scikit-learn has it)."""
    parts = [part for part, _ in walk(estimator) if hasattr(part, "__dict__")]
    return any(name.endswith("_") and not name.startswith("_") for part in parts for name in vars(part))


def known_columns(estimator: Any, names: Sequence[str]) -> dict[str, Known]:
    """Return what encoders, vectorisers and imputers inside the estimator say of its columns, by name.

    Raises UnsupportedEstimator where categories are numbers that no request can hold.
    """
    if takes_texts(estimator):
        return {TEXT: Known("string")}
    notes = _Notes()
    _follow(estimator, list(names), notes)
    for name, column in notes.known.items():
        if fault := rounded(column.values):
            raise UnsupportedEstimator(f"the column {name!r} holds {fault}.")
    dropped = dict.fromkeys(notes.dropped - notes.used, Known("any"))
    nones = {name: replace(notes.known.get(name, Known(None)), none=True) for name in notes.nones}
    return dropped | notes.known | nones


@dataclass
class _Notes:
    """What was found on the way of the columns through an estimator."""

    known: dict[str, Known] = field(default_factory=dict)
    nones: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    dropped: set[str] = field(default_factory=set)


def _follow(part: Any, given: _Columns, notes: _Notes) -> _Columns:
    """Note what a component says of the input columns among those that it is given; return what it makes of them."""
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
    """Return the columns as a component was fitted on them: its own code may choose them by name for it."""
    own = names_of(part)
    if own is not None and set(own) <= set(given):
        return [*own]
    return given if getattr(part, "n_features_in_", len(given)) == len(given) else []


def _by_columns(part: Any, given: _Columns, notes: _Notes) -> _Columns:
    """Follow the columns through each transformer of a ColumnTransformer."""
    given = given or [None] * part.n_features_in_
    made: _Columns = [None] * max(each.stop for each in part.output_indices_.values())
    for name, transformer, _ in part.transformers_:
        chosen = [given[place] for place in vars(part)[_PLACES][name]]
        if isinstance(transformer, str) and transformer == "drop":
            notes.dropped.update(column for column in chosen if column is not None)
        elif chosen:
            places = part.output_indices_[name]
            found = _follow(transformer, chosen, notes)
            if len(found) == places.stop - places.start:
                made[places] = found
    return made


def _members(part: Any, given: _Columns) -> list[tuple[Any, _Columns]]:
    """Return the fitted estimators that a component itself holds, with the columns that it gives to each."""
    if given and hasattr(part, "estimators_features_"):
        chosen = zip(part.estimators_, part.estimators_features_, strict=True)
        return [(member, [given[place] for place in places]) for member, places in chosen]
    own = {name: value for name, value in getattr(part, "__dict__", {}).items() if name not in _OF_OTHERS}
    members = [member for member, owner in walk(own) if owner is None and hasattr(member, "get_params")]
    return [(member, given) for member in members if is_fitted(member)]


def _keeps(part: Any) -> bool:
    """Say whether a transformer gives the columns that it is given, with the values that are there."""
    if type(part).__name__ == "FunctionTransformer":
        return part.func is None or any(part.func is each for each in (np.asarray, np.ravel, np.squeeze))
    return (
        type(part).__name__ == "SimpleImputer"
        and is_missing(part.missing_values)
        and len(part.get_feature_names_out()) == part.n_features_in_
        and not part.add_indicator
    )


def _note(part: Any, given: _Columns, notes: _Notes) -> None:
    said: list[Known] = []
    if hasattr(part, "categories_"):
        said = [_of(values) for values in part.categories_]
    elif hasattr(part, "n_categories_"):  # naive Bayes over codes
        said = [Known("float64", tuple(range(count))) for count in part.n_categories_]
    elif hasattr(part, "build_analyzer"):
        said = [Known("string")]
    names = [name for name in given if name is not None]
    notes.used.update(names)
    if getattr(part, "missing_values", np.nan) is None:
        notes.nones.update(names)
    if len(said) == len(given):
        notes.known |= {name: known for name, known in zip(given, said, strict=True) if name is not None}


def _of(categories: Any) -> Known:
    values: list[Any] = np.asarray(categories).tolist()
    present = [value for value in values if not is_missing(value)]
    if np.asarray(categories).dtype.kind == "M":
        iso = np.datetime_as_string(np.asarray(categories).astype("datetime64[us]"))
        return Known("datetime", tuple(str(value) for value in iso if value != "NaT"))
    for dtype, types in _KINDS:
        if present and all(isinstance(value, types) for value in present):
            return Known(dtype, tuple(map(_plain, present)), any(value is None for value in values))
    return Known("any", none=any(value is None for value in values))


def _plain(value: Any) -> Any:
    """Return a category as what JSON has for it."""
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    return str(value) if isinstance(value, str) else value
