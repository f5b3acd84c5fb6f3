"""Estimators of boosted trees: the libraries' own, and those of libraries' files, which predict by numpy."""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from model.columns import is_missing
from model.onnx_export.boosting import catboost_models, lightgbm_models, xgboost_models
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


@dataclass(frozen=True, eq=False, repr=False)
class ModelFile:
    """A file's model: its columns and answers.

    `names` are None if the model was fitted on columns without names, and `labels` if it is a regressor. `unknown` is
    the number of a category that is not among those of `trees`. `answer` returns numbers of shape (n, outputs), or for
    a classifier probabilities of shape (n, classes or labels). With `several`, a row has each label or not; else it has
    the most probable one, or of two the second if its probability is above `limit`. `compile` adds the model to a
    graph. `answers_probabilities` says whether the Booster of a classifier answers probabilities.
    """

    library: str
    described: str
    content: bytes
    trees: BoostedTrees
    names: tuple[str, ...] | None
    unknown: float
    labels: tuple[Label, ...] | None
    answer: Callable[[NDArray[np.float64]], NDArray[Any]]
    compile: Callable[[Graph, ColumnTensor], PredictorOutput]
    several: bool = False
    limit: float | None = None
    answers_probabilities: bool = True


class _Native(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """The common part of classifier and regressor."""

    def __init__(self, file: Any = None) -> None:
        self.file = file

    def __deepcopy__(self, memo: Any) -> "_Native":
        """Return an estimator with the same file, which nothing changes."""
        return type(self)(self.file)

    def __sklearn_is_fitted__(self) -> bool:
        """Return True: a model from a file is fitted."""
        return True

    @property
    def n_features_in_(self) -> int:
        """The number of columns."""
        width: int = self.file.trees.width
        return width

    @property
    def feature_names_in_(self) -> NDArray[Any]:
        """The columns' names, if the file has any."""
        if self.file.names is None:
            raise AttributeError("feature_names_in_")
        return np.array(self.file.names, dtype=object)

    def numbers(self, rows: Any) -> NDArray[np.float64]:
        """Return the rows as numbers, with indices in place of categories."""
        names = self.file.names  # LightGBM replaces spaces in names; if names differ from the data's, the order counts
        by_name = hasattr(rows, "columns") and names and set(names) <= set(rows.columns)
        given = np.asarray(rows[list(names)] if by_name else rows)
        numbers = np.empty(given.shape)
        for index in range(self.n_features_in_):
            known = self.file.trees.categories.get(index)
            if known is None:
                numbers[:, index] = given[:, index]
                continue
            codes: dict[Any, float] = {value: float(code) for code, value in enumerate(known)}
            cells = given[:, index].tolist()
            numbers[:, index] = [np.nan if is_missing(cell) else codes.get(cell, self.file.unknown) for cell in cells]
        return numbers

    def _answer(self, rows: Any) -> NDArray[Any]:
        """Return the numbers or probabilities that the file's trees answer."""
        with np.errstate(all="ignore"):
            found: NDArray[Any] = self.file.answer(self.numbers(rows))
        return found


class NativeRegressor(RegressorMixin, _Native):  # type: ignore[misc]  # likewise
    """A model that answers numbers."""

    def predict(self, rows: Any) -> NDArray[Any]:
        """Return the numbers."""
        found = self._answer(rows).astype(np.float64)
        return found[:, 0] if found.shape[1] == 1 else found


class NativeClassifier(ClassifierMixin, _Native):  # type: ignore[misc]  # likewise
    """A model that answers labels."""

    @property
    def classes_(self) -> NDArray[Any]:
        """The labels in the order of the probabilities."""
        return np.array(self.file.labels)

    def predict_proba(self, rows: Any) -> NDArray[np.float64]:
        """Return the probabilities."""
        return self._answer(rows).astype(np.float64)

    def predict(self, rows: Any) -> NDArray[Any]:
        """Return the labels, or for multilabel models 0 or 1 for each label."""
        found, limit = self._answer(rows), self.file.limit
        if self.file.several:
            return (found > 0.5).astype(np.int64)
        indices = found.argmax(axis=1) if limit is None else (found[:, 1] > limit).astype(np.int64)
        labels: NDArray[Any] = self.classes_[indices]
        return labels


def _compile(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    if file := _file_of(estimator):
        return file.compile(graph, x)
    library = _LIBRARIES[library_of(estimator)]
    form: Callable[..., PredictorOutput] = library.FORMS[qualified_name(type(estimator))]
    return form(graph, library.read_estimator(estimator), x)


PREDICTORS: Predictors = {
    **{name: _compile for library in _LIBRARIES.values() for name in library.FORMS},
    NativeClassifier: _compile,
    NativeRegressor: _compile,
}


def _file_of(estimator: Any) -> ModelFile | None:
    return estimator.file if isinstance(estimator, _Native) else None


def is_boosted(estimator: Any) -> bool:
    """Return whether this is a fitted estimator of one of the libraries."""
    return type(estimator) in PREDICTORS or qualified_name(type(estimator)) in PREDICTORS


def known_categories(estimator: Any) -> dict[int, tuple[Label, ...]]:
    """Return the categories of each column of categories, () if the document does not have them."""
    if file := _file_of(estimator):
        return dict(file.trees.categories)
    try:
        found: dict[int, tuple[Label, ...]] = _LIBRARIES[library_of(estimator)].categories_of(estimator)
    except NotCompiled:
        return {}
    return found


def trees_of(estimator: Any) -> BoostedTrees | None:
    """Return the trees of a fitted boosting estimator, None for any other estimator; raises NotCompiled."""
    if file := _file_of(estimator):
        return file.trees
    if not is_boosted(estimator) or not (
        estimator.__sklearn_is_fitted__() if hasattr(estimator, "__sklearn_is_fitted__") else estimator.is_fitted()
    ):
        return None
    found: BoostedTrees = _LIBRARIES[library_of(estimator)].trees_of(estimator)
    return found


def library_of(estimator: Any) -> str:
    """Return the package of an estimator's type; for a model from a library's file, the library's package."""
    file = _file_of(estimator)
    return file.library if file else qualified_name(type(estimator)).partition(".")[0]


def answers_by(estimator: Any) -> str:
    """Return the name of the library that computes an estimator's answers; numpy for models from libraries' files."""
    if _file_of(estimator):
        return "numpy"
    return library_of(estimator) if is_boosted(estimator) else "scikit-learn"


def mistakes_unknown(estimator: Any) -> bool:
    """Return whether a boosting estimator may mistake a category that it was not fitted on for a known one.

    XGBoost 3.2 does, and refuses others: its look-up of strings does not compare the string that it finds. So there is
    no answer to reproduce.
    """
    return library_of(estimator) == "xgboost"
