"""Reduces a fitted estimator to what predicting needs: what only fitting used is left out, and not stored.

A search becomes its best estimator. Scorers, splitters, caches, callbacks, and functions that chose columns or scored
features are dropped, so that a model is not refused because of parts that cannot be stored, or are not trusted, if it
does not need them. The caller's objects stay as they are: a component that loses something is a shallow copy.
"""

import copy
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor

from model.packing.plain_values import plain_values
from model.packing.resampling import rebuilt, without_resampling

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
        kinds: tuple[tuple[type, Callable[[Any], Any]], ...]
        kinds = (dict, self._dict), (tuple, self._tuple), (list, self._list), (np.ndarray, self._array)
        for kind, prune in kinds:
            if isinstance(value, kind):
                return prune(value)
        if any(each.__name__ == "BaseSearchCV" for each in type(value).__mro__) and hasattr(value, "best_estimator_"):
            return self.prune(value.best_estimator_)
        return self._component(without_resampling(value)) if _is_component(value) else value

    def _list(self, value: list[Any]) -> list[Any]:
        items = [self.prune(item) for item in value]
        return value if _same(items, value) else items

    def _tuple(self, value: tuple[Any, ...]) -> Any:
        items = [self.prune(item) for item in value]
        return value if _same(items, value) else getattr(type(value), "_make", tuple)(items)

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
            kept |= _instead(part) | plain_values(part)
        kept = {name: self.prune(item) for name, item in kept.items()}
        if len(kept) == len(own) and _same(kept.values(), own.values()):
            return part
        return rebuilt(type(part), kept)


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
        return {"func": None, "transformer_": rebuilt(type(inverse), vars(inverse) | {"func": None})}
    return {}
