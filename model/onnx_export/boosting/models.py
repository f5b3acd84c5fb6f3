"""All boosting libraries' estimators: how they compile, and what is known of their columns."""

from collections.abc import Callable
from typing import Any, Final

from model.onnx_export.boosting import catboost_models, lightgbm_models, native, xgboost_models
from model.onnx_export.graph import NotCompiled, PredictorOutput, qualified_name
from model.signature import Label

PREDICTORS: Final[dict[str, Callable[..., PredictorOutput]]] = {
    **catboost_models.PREDICTORS,
    **lightgbm_models.PREDICTORS,
    **xgboost_models.PREDICTORS,
    **native.PREDICTORS,
}
# The categories of the columns that had the dtype for them, by column; raises NotCompiled where they are not known.
_CATEGORIES: Final[dict[str, Callable[[Any], dict[int, tuple[Label, ...]]]]] = {
    **dict.fromkeys(lightgbm_models.PREDICTORS, lightgbm_models.categories_of),
    **dict.fromkeys(xgboost_models.PREDICTORS, xgboost_models.categories_of),
}


def is_boosted(estimator: Any) -> bool:
    """Return whether this is a fitted estimator of one of the libraries."""
    return qualified_name(type(estimator)) in PREDICTORS


def known_categories(estimator: Any) -> dict[int, tuple[Label, ...]]:
    """Return the categories of its columns of categories, by column, as far as its document has them."""
    ask = _CATEGORIES.get(qualified_name(type(estimator)))
    try:
        return ask(estimator) if ask else {}
    except NotCompiled:
        return {}


def mistakes_unknown(estimator: Any) -> bool:
    """Return whether it takes some categories that it was not fitted on for one of its own, and refuses others.

    XGBoost 3.2 does: its look-up of strings does not compare what it finds. There is no answer to reproduce.
    """
    return qualified_name(type(estimator)) in xgboost_models.PREDICTORS
