"""Refuses objects that are no models, and models with code that no server can import."""

from typing import Any, Final

from model.errors import UnsupportedEstimator
from model.packing.boosters import as_estimator
from model.packing.load_errors import MAIN
from model.packing.quantile_sets import as_one_model
from model.sklearn_runtime.skops_io import names_in_main

_MOST_NAMED: Final = 5


def model_in(found: Any) -> Any:
    """Return an estimator as it is, a booster or dict of quantiles as one; raises UnsupportedEstimator."""
    found = as_estimator(as_one_model(found))
    _refuse_others(found)
    return found


def _refuse_others(found: Any) -> None:
    """Raise UnsupportedEstimator for data, containers, classes and functions."""
    kind = type(found).__name__
    if isinstance(found, dict):
        _refuse_container(f"a {kind}", [(f"[{name!r}]", value) for name, value in found.items()])
    if isinstance(found, (list, tuple, set)):
        _refuse_container(f"a {kind}", [(f"[{index}]", value) for index, value in enumerate(found)])
    if isinstance(found, type):
        raise UnsupportedEstimator(f"this is the class {found.__name__}, not an object of it; pack one that is fitted.")
    if hasattr(found, "shape") and hasattr(found, "dtype" if not hasattr(found, "columns") else "columns"):
        shape = " x ".join(map(str, found.shape))
        raise UnsupportedEstimator(f"this is a {kind} of {shape}, which is data and no model; give it as the data.")
    if found is None or isinstance(found, (str, bytes, int, float)):
        raise UnsupportedEstimator(f"this is {repr(found)[:60]}, and no model; name the file of a fitted estimator.")


def refuse_main(estimator: Any) -> None:
    """Raise UnsupportedEstimator if the estimator needs a class or function of the script or notebook that runs."""
    if names := names_in_main(estimator):
        raise UnsupportedEstimator(f"{type(estimator).__name__} contains {', '.join(names[:_MOST_NAMED])}, {MAIN}.")


def _refuse_container(what: str, members: list[tuple[str, Any]]) -> None:
    models = [(where, type(value).__name__) for where, value in members if hasattr(value, "predict")]
    if len(models) == 1:
        where, name = models[0]
        raise UnsupportedEstimator(
            f"this is {what} whose {where} is a {name}; pack that alone (joblib.dump(found{where}, …)). If others of "
            "its members prepare the columns, put them and it into one Pipeline."
        )
    named = ", ".join(f"{where} {type(value).__name__}" for where, value in members[:_MOST_NAMED]) or "nothing"
    raise UnsupportedEstimator(f"this is {what} of {named}, and no model; pack one fitted estimator.")
