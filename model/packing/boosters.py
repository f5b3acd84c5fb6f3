"""Boosters, as the libraries' own `train` returns them: models that have no scikit-learn estimator around them."""

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


# Each library, and how a booster writes what its file would contain.
_WRITTEN: Final[dict[str, tuple[str, Callable[[Any], bytes]]]] = {
    "catboost.core.CatBoost": ("catboost", document_of),
    "lightgbm.basic.Booster": ("lightgbm", lambda booster: booster.model_to_string().encode()),
    "xgboost.core.Booster": ("xgboost", _xgboost),
}


def as_estimator(found: Any) -> Any:
    """Return a booster as the model that its own file would be, and anything else as it is.

    It answers labels where its objective is one of classes. Raises UnsupportedEstimator.
    """
    if qualified_name(type(found)) not in _WRITTEN:
        return found
    library, write = _WRITTEN[qualified_name(type(found))]
    try:
        return estimator_of(write(found), library)
    except NotCompiled as error:
        raise UnsupportedEstimator(f"this {type(found).__name__} of {library} cannot be packed: {error}.") from error
