"""Boosters, as the libraries' `train` functions return them: models without a scikit-learn estimator around them."""

from collections.abc import Callable
from typing import Any, Final

from model.errors import UnsupportedEstimator
from model.onnx_export.boosting.catboost_models import document_of
from model.onnx_export.boosting.native import estimator_of
from model.onnx_export.graph import NotCompiled, qualified_name


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


def as_estimator(found: Any) -> Any:
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
