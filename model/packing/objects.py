"""Takes a model out of what a file or a caller gives, and refuses objects that are none, or that no server can import.

Besides estimators, these are boosters as the libraries' `train` functions return them, and dicts of regressors of
several quantiles, fitted separately.
"""

from collections.abc import Callable
from typing import Any, Final

from sklearn.ensemble import VotingRegressor
from sklearn.utils import Bunch

from model.errors import UnsupportedEstimator
from model.onnx_export.boosting.catboost_models import document_of
from model.onnx_export.boosting.library_files import estimator_of
from model.onnx_export.graph import NotCompiled, qualified_name
from model.packing.model_files import MAIN
from model.sklearn_runtime.further_outputs import quantile_of
from model.sklearn_runtime.skops_io import names_in_main

_MOST_NAMED: Final = 5


def model_in(found: Any) -> Any:
    """Return an estimator as it is, a booster or dict of quantiles as one; raises UnsupportedEstimator."""
    found = _booster_as_estimator(_quantiles_as_estimator(found))
    _refuse_others(found)
    return found


def refuse_main(estimator: Any) -> None:
    """Raise UnsupportedEstimator if the estimator needs a class or function of the script or notebook that runs."""
    if names := names_in_main(estimator):
        raise UnsupportedEstimator(f"{type(estimator).__name__} contains {', '.join(names[:_MOST_NAMED])}, {MAIN}.")


def _quantiles_as_estimator(found: Any) -> Any:
    """Return a dict of fitted regressors by quantile as one regressor, and any other object as it is.

    The regressor is a VotingRegressor in which only the median, or the quantile nearest to it, has a vote. The answers
    of all members are its output `predict_quantiles`.
    """
    if not isinstance(found, dict) or len(found) < 2 or not all(hasattr(each, "predict") for each in found.values()):
        return found
    quantiles = {name: quantile_of(name) for name in found}
    if None in quantiles.values():
        return found
    names = sorted(found, key=lambda name: quantiles[name] or 0.0)
    members = [(str(name), getattr(found[name], "best_estimator_", found[name])) for name in names]
    for attribute in ("n_features_in_", "feature_names_in_"):
        if len({str(getattr(member, attribute, None)) for _, member in members}) > 1:
            raise UnsupportedEstimator("the regressors of the quantiles were fitted on different columns.")
    middle = min(names, key=lambda name: abs((quantiles[name] or 0.0) - 0.5))
    model = VotingRegressor(members, weights=[int(name == middle) for name in names])
    model.estimators_ = [member for _, member in members]
    model.named_estimators_ = Bunch(**dict(members))
    if (columns := getattr(model.estimators_[0], "feature_names_in_", None)) is not None:
        model.feature_names_in_ = columns
    return model


def _booster_as_estimator(found: Any) -> Any:
    """Return a booster as the model that would be read from its file, and any other object as it is.

    The model is a classifier if the booster's objective is. Raises UnsupportedEstimator.
    """
    if qualified_name(type(found)) not in _WRITTEN:
        return found
    library, write = _WRITTEN[qualified_name(type(found))]
    try:
        return estimator_of(write(found), library)
    except NotCompiled as error:
        raise UnsupportedEstimator(f"this {type(found).__name__} of {library} cannot be packed: {error}.") from error


def _xgboost(booster: Any) -> bytes:
    if booster.attr("best_iteration") is not None:
        raise UnsupportedEstimator(
            "this Booster of XGBoost stopped early, and predicts with all of its trees unless it is told otherwise; "
            "pack booster[: booster.best_iteration + 1]."
        )
    return bytes(booster.save_raw("ubj"))


# By type: the library, and a function that returns the content of the booster's file.
_WRITTEN: Final[dict[str, tuple[str, Callable[[Any], bytes]]]] = {
    "catboost.core.CatBoost": ("catboost", document_of),
    "lightgbm.basic.Booster": ("lightgbm", lambda booster: booster.model_to_string().encode()),
    "xgboost.core.Booster": ("xgboost", _xgboost),
}


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
