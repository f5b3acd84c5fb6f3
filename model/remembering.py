"""What a fitted estimator remembers of the columns it was fitted on: their names, kinds and categories."""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from model.columns import is_missing
from model.components import walk
from model.errors import UnsupportedEstimator
from model.signature import TEXT, Dtype, Label

# Where a ColumnTransformer keeps which columns each of its transformers was fitted on.
_PLACES: Final = "_transformer_to_input_indices"
_KINDS: Final[tuple[tuple[Dtype, tuple[type, ...]], ...]] = (
    ("bool", (bool, np.bool_)),
    ("float64", (int, float)),
    ("string", (str,)),
    ("datetime", (datetime.datetime, datetime.date)),
)


@dataclass(frozen=True)
class Known:
    """What is remembered of one column: its kind, the categories seen, and whether None was one of them."""

    dtype: Dtype
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


def known_columns(estimator: Any, names: list[str]) -> dict[str, Known]:
    """Return what encoders and vectorisers inside the estimator say of its columns, by name."""
    if takes_texts(estimator):
        return {TEXT: Known("string")}
    counts = getattr(estimator, "n_categories_", ())  # naive Bayes over codes
    found = {name: Known("float64", tuple(range(count))) for name, count in zip(names, counts, strict=False)}
    for transformer, columns in _steps(estimator, names):
        if isinstance(transformer, str):
            found |= {name: Known("any") for name in columns if transformer == "drop"}
            continue
        for part, _ in walk(transformer):
            lists = getattr(part, "categories_", None)
            if lists is not None and len(lists) == len(columns):
                found |= {name: _of(values) for name, values in zip(columns, lists, strict=True)}
            elif hasattr(part, "vocabulary_") and len(columns) == 1:
                found[columns[0]] = Known("string")
    return found


def _steps(estimator: Any, names: list[str]) -> Iterator[tuple[Any, Sequence[str]]]:
    """Yield each transformer with the names of the columns that it gets, the estimator itself first."""
    yield estimator, names
    for part, _ in walk(estimator):
        if hasattr(part, "__dict__") and _PLACES in vars(part):
            own = names_of(part) or names
            for name, transformer, _ in part.transformers_:
                yield transformer, [own[place] for place in vars(part)[_PLACES][name]]


def _of(categories: Any) -> Known:
    values: list[Any] = np.asarray(categories).tolist()
    present = [value for value in values if not is_missing(value)]
    if np.asarray(categories).dtype.kind == "M":
        iso = np.datetime_as_string(np.asarray(categories).astype("datetime64[us]"))
        return Known("datetime", tuple(str(value) for value in iso if value != "NaT"))
    for dtype, types in _KINDS:
        if present and all(isinstance(value, types) for value in present):
            return Known(dtype, tuple(map(_plain, present)), any(value is None for value in values))
    return Known("any")


def _plain(value: Any) -> Any:
    """Return a category as what JSON has for it."""
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    return str(value) if isinstance(value, str) else value
