"""Which columns a boosting library was given as categories of a data frame, asked of its fitted models.

The libraries are not imported here: a model is known by the module of its type.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from model.signature import Signature
from model.sklearn_runtime.estimator_walk import walk


def category_columns(estimator: Any, signature: Signature) -> frozenset[str]:
    """Return the names of the signature's columns that models inside the estimator take as categories."""
    names = frozenset(signature.names)
    found: set[str] = set()
    for part, _ in walk(estimator):
        ask = _ASKED.get(type(part).__module__.partition(".")[0])
        if ask is not None and part.__sklearn_is_fitted__():
            found.update(name for name in ask(part, signature) if name in names)
    return frozenset(found)


def _xgboost(part: Any, _signature: Signature) -> Iterator[str]:
    booster = part.get_booster()
    for name, kind in zip(booster.feature_names or (), booster.feature_types or (), strict=False):
        if kind == "c":
            yield name


def _lightgbm(part: Any, signature: Signature) -> Iterator[str]:
    """Yield the columns of strings, and those that its document lists the values of; it writes spaces in names as _."""
    document = part.booster_.dump_model(num_iteration=1)
    listed = {name for name, info in document["feature_infos"].items() if info["values"]}
    if document["pandas_categorical"]:
        for feature in signature.features:
            if feature.dtype == "string" or feature.name.replace(" ", "_") in listed:
                yield feature.name


_ASKED: Final[dict[str, Callable[[Any, Signature], Iterator[str]]]] = {"xgboost": _xgboost, "lightgbm": _lightgbm}
