"""Reduces a fitted estimator to what predicting needs: what only fitting used is left out, and not stored.

A search becomes its best estimator. Scorers, splitters, caches, callbacks, and functions that chose columns or scored
features are dropped, so that a model is not refused because of parts that cannot be stored, or are not trusted, if it
does not need them. imbalanced-learn's estimators become scikit-learn's, because only fitting resamples. Categories
that are dates, and missing values, get the form that a served model is given. The caller's objects stay as they are: a
component that loses something is a shallow copy.
"""

import copy
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.pipeline import Pipeline

from model.packing.training_data import utc_strings

# Attributes that only fitting reads, in any component, and the types of values that may stay.
_ONLY_FITTING: Final[Mapping[str, tuple[type, ...]]] = {
    "cv": (int, str),
    "memory": (str,),
    "param_distributions": (),
    "param_grid": (),
    "refit": (bool, str),
    "score_func": (),
    "scorer_": (),
    "_scorer": (),
    "scoring": (str,),
}
# Attributes that predicting never reads.
_REMOVED: Final = frozenset({"_metadata_request", "_skl_callbacks"})
# scikit-learn's classes that are no estimators, but hold one, or a scorer.
_HOLDERS: Final = frozenset({"_CalibratedClassifier", "_CurveScorer"})
_ATOMS: Final = (str, int, float, bool, bytes, complex, type(None), np.generic)
# imbalanced-learn is not imported: its types are recognised by the names of their modules.
_RESAMPLING: Final = "imblearn"
_OF_SAMPLERS: Final = frozenset(
    {"base_sampler_", "pipelines_", "replacement", "sampler", "sampler_", "samplers_", "sampling_strategy"}
)
_PREDICTING: Final = ("predict", "predict_proba", "decision_function", "_raw_predict", "_predict_proba")


def keep_what_predicts(estimator: Any) -> Any:
    """Return a fitted estimator without what only fitting used; parts that lose nothing are shared, not copied."""
    return _Pruner().prune(getattr(estimator, "best_estimator_", estimator))


class _Pruner:
    """Prunes each object once, so that what was shared stays shared."""

    def __init__(self) -> None:
        self._pruned: dict[int, tuple[Any, Any]] = {}  # by id: the object, so that its id stays in use, and the result

    def prune(self, value: Any) -> Any:
        if isinstance(value, _ATOMS):
            return value
        if id(value) not in self._pruned:
            self._pruned[id(value)] = value, value  # for objects that contain themselves
            self._pruned[id(value)] = value, self._prune(value)
        return self._pruned[id(value)][1]

    def _prune(self, value: Any) -> Any:
        if isinstance(value, dict):
            return self._dict(value)
        if isinstance(value, (list, tuple)):
            return self._sequence(value)
        if isinstance(value, np.ndarray):
            return self._array(value)
        if any(each.__name__ == "BaseSearchCV" for each in type(value).__mro__) and hasattr(value, "best_estimator_"):
            return self.prune(value.best_estimator_)
        return self._component(_without_resampling(value)) if _is_component(value) else value

    def _sequence(self, value: Any) -> Any:
        items = [self.prune(item) for item in value]
        if _same(items, value):
            return value
        return items if isinstance(value, list) else getattr(type(value), "_make", tuple)(items)

    def _dict(self, value: dict[Any, Any]) -> dict[Any, Any]:
        items = {key: self.prune(item) for key, item in value.items()}
        if _same(items.values(), value.values()):
            return value
        made = copy.copy(value)
        made.update(items)
        return made

    def _array(self, value: Any) -> Any:
        if value.dtype != object or not any(map(_is_component, value.flat)):
            return value
        made = np.empty_like(value)
        for index, item in np.ndenumerate(value):
            made[index] = self.prune(item)
        return made

    def _component(self, part: Any) -> Any:
        own = vars(part)
        kept = {name: item for name, item in own.items() if name not in _REMOVED}
        if type(part).__module__.startswith("sklearn."):  # others may read attributes of these names later
            for name, plain in _ONLY_FITTING.items():
                if name in kept and not isinstance(kept[name], plain):
                    kept[name] = None
            kept |= _instead(part) | _plain_values(part)
        kept = {name: self.prune(item) for name, item in kept.items()}
        if len(kept) == len(own) and _same(kept.values(), own.values()):
            return part
        return _rebuilt(type(part), kept)


def _is_component(value: Any) -> bool:
    """Return whether a value is an estimator, or another object whose attributes are pruned."""
    known = hasattr(value, "get_params") or type(value).__name__ in _HOLDERS
    return known and not isinstance(value, type) and hasattr(value, "__dict__")


def _same(found: Any, given: Any) -> bool:
    return all(one is other for one, other in zip(found, given, strict=True))


def _instead(part: Any) -> dict[str, Any]:
    """Return attributes in which functions that only fitting used are replaced by what they chose."""
    own = vars(part)
    if isinstance(part, ColumnTransformer):
        chosen = {name: columns for name, _, columns in own.get("transformers_", ())}
        steps = [(*each[:2], chosen.get(each[0], []) if callable(each[2]) else each[2]) for each in part.transformers]
        return {"transformers": steps}
    if callable(own.get("max_features")) and "max_features_" in own:  # SelectFromModel
        return {"max_features": part.max_features_}
    if "support_" in own and "importance_getter" in own:  # RFE
        return {"importance_getter": "auto"}
    if type(part).__name__ == "_CurveScorer":  # TunedThresholdClassifierCV asks it for the positive label
        return {"_score_func": None, "_kwargs": {"pos_label": part._get_pos_label()}}  # noqa: SLF001  # there is no public way
    if isinstance(part, TransformedTargetRegressor) and part.func is not None and "transformer_" in own:
        inverse = part.transformer_
        return {"func": None, "transformer_": _rebuilt(type(inverse), vars(inverse) | {"func": None})}
    return {}


def _plain_values(part: Any) -> dict[str, Any]:
    """Return attributes in which dates and missing values get the form that a served model is given.

    Categories that are Python dates or pandas timestamps become numpy datetimes; a time with a zone is converted to
    UTC.
    """
    own = vars(part)
    found: dict[str, Any] = {}
    given = own.get("categories_")
    if isinstance(given, list) and not _same(made := list(map(_as_datetimes, given)), given):
        found["categories_"] = made
        found |= {} if isinstance(own.get("categories"), str) else {"categories": "auto"}
    if type(own.get("missing_values")).__name__ == "NAType":  # requests have NaN
        found["missing_values"] = np.nan
    return found


def _as_datetimes(categories: Any) -> Any:
    """Return an array of objects that are all dates or times as an array of datetimes, and any other value as it is."""
    if not isinstance(categories, np.ndarray) or categories.dtype != object:
        return categories
    strings = utc_strings(categories.tolist())
    return categories if strings is None else np.array(strings, dtype="datetime64[us]")


def _without_resampling(part: Any) -> Any:
    """Return imbalanced-learn's pipeline or ensemble as scikit-learn's, with the same answers; any other as it is."""
    if type(part).__module__.partition(".")[0] != _RESAMPLING:
        return part
    own = {name: value for name, value in vars(part).items() if name not in _OF_SAMPLERS}
    if isinstance(part, Pipeline):
        *before, last = part.steps
        own["steps"] = [*(step for step in before if not hasattr(step[1], "fit_resample")), last]
        return _rebuilt(Pipeline, own)
    base = _base(type(part))
    return part if base is None else _rebuilt(base, own)


def _base(cls: type) -> type | None:
    """Return the scikit-learn class whose predicting a class inherits unchanged, or None."""
    base = next((each for each in cls.__mro__ if each.__module__.startswith("sklearn.")), object)
    own = cls.__mro__[: cls.__mro__.index(base)]
    overridden = any(name in vars(each) for each in own for name in _PREDICTING)
    return base if hasattr(base, "predict") and not overridden else None


def _rebuilt(cls: Any, attributes: dict[str, Any]) -> Any:
    """Return an object of a class with these attributes, without running its constructor."""
    made = cls.__new__(cls)
    vars(made).update(attributes)
    return made
