"""All boosting libraries' estimators: their converters, trees and categories."""

from collections.abc import Callable
from typing import Any, Final

from model.onnx_export.boosting import catboost_models, lightgbm_models, native, xgboost_models
from model.onnx_export.boosting.ensemble import BoostedTrees
from model.onnx_export.graph import NotCompiled, PredictorOutput, qualified_name
from model.signature import Label

PREDICTORS: Final[dict[Any, Callable[..., PredictorOutput]]] = {
    **catboost_models.PREDICTORS,
    **lightgbm_models.PREDICTORS,
    **xgboost_models.PREDICTORS,
    **native.PREDICTORS,
}
_LIBRARIES: Final = (catboost_models, lightgbm_models, xgboost_models)
# Functions that return the categories of the columns of categories, by column; raise NotCompiled if they are unknown.
_CATEGORIES: Final[dict[str, Callable[[Any], dict[int, tuple[Label, ...]]]]] = {
    name: library.categories_of for library in _LIBRARIES for name in library.PREDICTORS
}
# Functions that read the trees of an estimator; raise NotCompiled.
_TREES: Final[dict[str, Callable[[Any], BoostedTrees]]] = {
    name: library.trees_of for library in _LIBRARIES for name in library.PREDICTORS
}


def is_boosted(estimator: Any) -> bool:
    """Return whether this is a fitted estimator of one of the libraries."""
    return type(estimator) in PREDICTORS or qualified_name(type(estimator)) in PREDICTORS


def known_categories(estimator: Any) -> dict[int, tuple[Label, ...]]:
    """Return the categories of each column of categories, () if the document does not have them."""
    if type(estimator) in native.PREDICTORS:
        return dict(estimator.file.categories)
    ask = _CATEGORIES.get(qualified_name(type(estimator)))
    try:
        return ask(estimator) if ask else {}
    except NotCompiled:
        return {}


def trees_of(estimator: Any) -> BoostedTrees | None:
    """Return the trees of a fitted boosting estimator, None for any other estimator; raises NotCompiled."""
    read = _TREES.get(name_of(estimator))
    if read is None or not (
        estimator.__sklearn_is_fitted__() if hasattr(estimator, "__sklearn_is_fitted__") else estimator.is_fitted()
    ):
        return None
    return read(estimator.file if type(estimator) in native.PREDICTORS else estimator)


def takes_unknown(estimator: Any) -> bool:
    """Return whether the estimator treats an unknown category as a missing value."""
    return name_of(estimator) in lightgbm_models.PREDICTORS


def name_of(estimator: Any) -> str:
    """Return the qualified name of an estimator's type; for a model from a library's file, the library's type."""
    if type(estimator) in native.PREDICTORS:
        stands_for: str = estimator.file.stands_for
        return stands_for
    return qualified_name(type(estimator))


def answers_by(estimator: Any) -> str:
    """Return the name of the library that computes an estimator's answers; numpy for models from libraries' files."""
    if type(estimator) in native.PREDICTORS:
        return "numpy"
    return qualified_name(type(estimator)).partition(".")[0] if is_boosted(estimator) else "scikit-learn"


def mistakes_unknown(estimator: Any) -> bool:
    """Return whether the estimator may mistake a category that it was not fitted on for a known one.

    XGBoost 3.2 does, and refuses others: its look-up of strings does not compare the string that it finds. So there is
    no answer to reproduce.
    """
    return name_of(estimator) in xgboost_models.PREDICTORS
