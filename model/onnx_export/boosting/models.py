"""All boosting libraries' estimators: their converters, trees and categories."""

from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

from model.onnx_export.boosting import catboost_models, lightgbm_models, native, xgboost_models
from model.onnx_export.boosting.ensemble import BoostedTrees
from model.onnx_export.graph import ColumnTensor, Graph, NotCompiled, PredictorOutput, Predictors, qualified_name
from model.signature import Label

# Each has read_estimator, trees_of and categories_of for fitted estimators, and in FORMS, by the qualified name of an
# estimator's type (the library may not be installed), the function that adds the model that was read to a graph.
_LIBRARIES: Final[dict[str, ModuleType]] = {
    "catboost": catboost_models,
    "lightgbm": lightgbm_models,
    "xgboost": xgboost_models,
}


def _compile(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    library = _LIBRARIES[library_of(estimator)]
    form: Callable[..., PredictorOutput] = library.FORMS[qualified_name(type(estimator))]
    return form(graph, library.read_estimator(estimator), x)


PREDICTORS: Predictors = {
    **{name: _compile for library in _LIBRARIES.values() for name in library.FORMS},
    **native.PREDICTORS,
}


def is_boosted(estimator: Any) -> bool:
    """Return whether this is a fitted estimator of one of the libraries."""
    return type(estimator) in PREDICTORS or qualified_name(type(estimator)) in PREDICTORS


def known_categories(estimator: Any) -> dict[int, tuple[Label, ...]]:
    """Return the categories of each column of categories, () if the document does not have them."""
    if type(estimator) in native.PREDICTORS:
        return dict(estimator.file.trees.categories)
    try:
        found: dict[int, tuple[Label, ...]] = _LIBRARIES[library_of(estimator)].categories_of(estimator)
    except NotCompiled:
        return {}
    return found


def trees_of(estimator: Any) -> BoostedTrees | None:
    """Return the trees of a fitted boosting estimator, None for any other estimator; raises NotCompiled."""
    if type(estimator) in native.PREDICTORS:
        own: BoostedTrees = estimator.file.trees
        return own
    if not is_boosted(estimator) or not (
        estimator.__sklearn_is_fitted__() if hasattr(estimator, "__sklearn_is_fitted__") else estimator.is_fitted()
    ):
        return None
    found: BoostedTrees = _LIBRARIES[library_of(estimator)].trees_of(estimator)
    return found


def library_of(estimator: Any) -> str:
    """Return the package of an estimator's type; for a model from a library's file, the library's package."""
    if type(estimator) in native.PREDICTORS:
        library: str = estimator.file.library
        return library
    return qualified_name(type(estimator)).partition(".")[0]


def answers_by(estimator: Any) -> str:
    """Return the name of the library that computes an estimator's answers; numpy for models from libraries' files."""
    if type(estimator) in native.PREDICTORS:
        return "numpy"
    return library_of(estimator) if is_boosted(estimator) else "scikit-learn"


def mistakes_unknown(estimator: Any) -> bool:
    """Return whether a boosting estimator may mistake a category that it was not fitted on for a known one.

    XGBoost 3.2 does, and refuses others: its look-up of strings does not compare the string that it finds. So there is
    no answer to reproduce.
    """
    return library_of(estimator) == "xgboost"
