"""Converts imbalanced-learn's estimators to scikit-learn's, because only fitting resamples.

Its pipelines skip their samplers when they predict, and its ensembles inherit predicting from scikit-learn's classes.
The library is not imported: its types are recognised by the names of their modules.
"""

from typing import Any, Final

from sklearn.pipeline import Pipeline

_LIBRARY: Final = "imblearn"
_PREDICTING: Final = ("predict", "predict_proba", "decision_function", "_raw_predict", "_predict_proba")
_OF_SAMPLERS: Final = frozenset(
    {"base_sampler_", "pipelines_", "replacement", "sampler", "sampler_", "samplers_", "sampling_strategy"}
)


def without_resampling(part: Any) -> Any:
    """Return imbalanced-learn's pipeline or ensemble as scikit-learn's, with the same answers; any other as it is."""
    if type(part).__module__.partition(".")[0] != _LIBRARY:
        return part
    own = {name: value for name, value in vars(part).items() if name not in _OF_SAMPLERS}
    if isinstance(part, Pipeline):
        *before, last = part.steps
        own["steps"] = [*(step for step in before if not hasattr(step[1], "fit_resample")), last]
        return rebuilt(Pipeline, own)
    base = _base(type(part))
    return part if base is None else rebuilt(base, own)


def _base(cls: type) -> type | None:
    """Return the scikit-learn class whose predicting a class inherits unchanged, or None."""
    own, base = [], None
    for each in cls.__mro__:
        if each.__module__.startswith("sklearn."):
            base = each
            break
        own.append(each)
    overridden = any(name in vars(each) for each in own for name in _PREDICTING)
    return base if hasattr(base, "predict") and not overridden else None


def rebuilt(cls: Any, attributes: dict[str, Any]) -> Any:
    """Return an object of a class with these attributes, without running its constructor."""
    made = cls.__new__(cls)
    vars(made).update(attributes)
    return made
