"""Models from the libraries' own files, as estimators that predict by numpy and compile like the library's.

A file is data and may come from anyone. Reading it needs no library; servers never read such files.
"""

from collections.abc import Callable
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from model.errors import UnsupportedEstimator
from model.onnx_export.boosting import catboost_models, lightgbm_models, xgboost_models
from model.onnx_export.boosting.catboost_file import CatBoostFile
from model.onnx_export.boosting.lightgbm_file import LightGBMFile
from model.onnx_export.boosting.xgboost_file import XGBoostFile
from model.onnx_export.graph import ColumnTensor, Graph, PredictorOutput
from model.signature import Label

MOST_COLUMNS: Final = 100_000
_FORMS: Final = {**xgboost_models.PREDICTORS, **lightgbm_models.PREDICTORS, **catboost_models.PREDICTORS}


class ModelFile(Protocol):
    """A file's model: its columns and answers, and the library's estimator like which it compiles.

    `names` are None if the model was fitted on columns without names, and `labels` if it is a regressor. `categories`
    has the categories of each column of categories, and `unknown` is the number of any other category. `original` is
    the content of the file, and `content` the document that was read from it. `stands_for` is the qualified name of
    the library's estimator. `answers_probabilities` says whether the Booster of a classifier answers probabilities.
    """

    library: str
    described: str
    content: bytes
    original: bytes
    width: int
    names: tuple[str, ...] | None
    labels: tuple[Label, ...] | None
    categories: dict[int, tuple[Label, ...]]
    unknown: float
    stands_for: str
    answers_probabilities: bool

    def answer(self, rows: NDArray[np.float64]) -> NDArray[Any]:
        """Return numbers of shape (n, outputs), or for a classifier probabilities of shape (n, classes or labels)."""
        ...

    def choose(self, probabilities: NDArray[Any]) -> NDArray[Any]:
        """Return the indices of the labels, or for multilabel models 0 or 1 for each label."""
        ...


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
        width: int = self.file.width
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
        for index in range(self.file.width):
            known = self.file.categories.get(index)
            if known is None:
                numbers[:, index] = given[:, index]
                continue
            codes: dict[Any, float] = {value: float(code) for code, value in enumerate(known)}
            cells = given[:, index].tolist()
            numbers[:, index] = [np.nan if _is_nan(cell) else codes.get(cell, self.file.unknown) for cell in cells]
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
        """Return the labels."""
        found = self.file.choose(self._answer(rows))
        labels: NDArray[Any] = found if found.ndim > 1 else self.classes_[found]
        return labels


def _is_nan(cell: Any) -> bool:
    return cell is None or (isinstance(cell, float) and cell != cell)  # noqa: PLR0124


def estimator_of(content: bytes, library: str, *, numbers: bool = False) -> NativeClassifier | NativeRegressor:
    """Return the model of a library's file; with `numbers`, always as a regressor. Raises ModelError."""
    try:
        file = _READERS[library](content, numbers)
    except MemoryError:
        raise UnsupportedEstimator(f"this model of {library} needs more memory than there is.") from None
    if file.width > MOST_COLUMNS:
        raise UnsupportedEstimator(f"this model of {library} takes {file.width} columns, more than {MOST_COLUMNS}.")
    return NativeRegressor(file) if file.labels is None else NativeClassifier(file)


def _compile(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    return _FORMS[estimator.file.stands_for](graph, estimator.file, x)


_READERS: Final[dict[str, Callable[[bytes, bool], ModelFile]]] = {
    "xgboost": XGBoostFile,
    "lightgbm": LightGBMFile,
    "catboost": CatBoostFile,
}
PREDICTORS: Final[dict[Any, Callable[..., PredictorOutput]]] = {NativeClassifier: _compile, NativeRegressor: _compile}
