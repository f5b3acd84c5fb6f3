"""Models in the libraries' own files, as estimators: they predict by numpy, and are compiled as the library's are.

A file is data and may come from anyone. No library is needed to read it, and no server ever does.
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
    """What is read from a file: its columns, its answers, and by which library's estimator it is compiled.

    `names` are None if the model was fitted on columns without names, and `labels` if it is a regressor. `categories`
    has those of each column of categories. `content` is what is read, and
    `original` what the file holds. `stands_for` is the qualified name of the estimator.
    `answers_probabilities` says whether the Booster of a classifier does.
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
        """Return the numbers, or for a classifier the probabilities: of shape (n, classes), or (n, labels)."""
        ...

    def choose(self, probabilities: NDArray[Any]) -> NDArray[Any]:
        """Return the indices of the labels, or whether each of several labels is there."""
        ...


class _Native(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """What both kinds have in common."""

    def __init__(self, file: Any = None) -> None:
        self.file = file

    def __sklearn_is_fitted__(self) -> bool:
        """Say that a model that was read from a file is fitted."""
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
        """Return the rows with the indices of their categories."""
        names = self.file.names  # LightGBM's differ from the data's in their spaces: then the order counts
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
        """Return what the file's trees answer."""
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
    """Return the model of a file of a library, with `numbers` as one that answers numbers; raises ModelError."""
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
