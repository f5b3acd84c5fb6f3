"""A model in CatBoost's own file, binary or JSON, as `save_model` writes it."""

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.errors import UnsupportedEstimator, describe
from model.onnx_export.boosting.catboost_binary import MAGIC, read_binary
from model.onnx_export.boosting.catboost_json import read_catboost
from model.onnx_export.boosting.tree_walk import catboost_sums, check_depth, softmax
from model.signature import Label

_BINARY: Final = ("Logloss", "CrossEntropy")
_SEVERAL: Final = ("MultiLogloss", "MultiCrossEntropy")
_CLASSES: Final = (*_BINARY, *_SEVERAL, "MultiClass", "MultiClassOneVsAll")


class CatBoostFile:
    """Takes the place of the library's estimator; `save_model` writes the file's document."""

    library = "catboost"
    unknown = np.nan

    def __init__(self, content: bytes, numbers: bool = False) -> None:  # noqa: FBT001, FBT002  # of one kind of maker
        self.original, binary = content, content.startswith(MAGIC)
        try:
            content = read_binary(content) if binary else content
        except ValueError as error:
            raise UnsupportedEstimator(f"this is not a model as CatBoost writes it ({describe(error)}).") from None
        self.described = f"a file of CatBoost ({'binary' if binary else 'JSON'})"
        model = self._model = read_catboost(content)
        if model.others:
            raise UnsupportedEstimator(
                f"this model of CatBoost has {' and '.join(model.others)} features of its own, which are not packed "
                "from its file; load it with catboost, and pack that with --allow-pickle."
            )
        if model.loss in _CLASSES and model.labels and len(model.labels) != max(2, len(model.bias)):
            raise UnsupportedEstimator("this model of CatBoost has other labels than its trees have outputs.")
        if not all(isinstance(label, (str, int, float)) for label in model.labels):
            raise UnsupportedEstimator("this model of CatBoost has labels that are neither strings nor numbers.")
        try:
            for tree in model.trees:
                check_depth(tree.left, tree.right)
        except ValueError as error:
            raise UnsupportedEstimator(f"this model of CatBoost cannot be packed from its file: {error}.") from None
        self.content, self.width = content, len(model.names)
        self.names = None if model.names == tuple(map(str, range(self.width))) else model.names
        self.categories: dict[int, tuple[Label, ...]] = {}
        classifies = not numbers and model.loss in _CLASSES
        self.answers_probabilities = True
        labels: tuple[Label, ...] = model.labels or tuple(range(max(2, len(model.bias))))
        self.labels = labels if classifies else None
        self.stands_for = f"catboost.core.CatBoost{'Classifier' if classifies else 'Regressor'}"

    def save_model(self, path: str, format: str) -> None:  # noqa: A002, ARG002  # the library's name
        """Write the document."""
        Path(path).write_bytes(self.content)

    def get_cat_feature_indices(self) -> list[int]:
        """Return no columns: models with other features than numbers are refused."""
        return []

    def get_text_feature_indices(self) -> list[int]:
        """Return no columns."""
        return []

    def answer(self, rows: NDArray[np.float64]) -> NDArray[Any]:
        """Return the numbers or probabilities that the loss computes from the scores."""
        scores, loss = catboost_sums(self._model, rows.astype(np.float32)), self._model.loss
        if loss in ("Poisson", "Tweedie"):
            return np.exp(scores)
        if loss == "RMSEWithUncertainty":
            return np.stack([scores[:, 0], np.exp(2 * scores[:, 1])], axis=1)
        if loss == "MultiClass":
            return softmax(scores)
        if self.labels is None:
            return scores
        shares = 1 / (1 + np.exp(-scores))
        return np.concatenate([1 - shares, shares], axis=1) if shares.shape[1] == 1 else shares

    def choose(self, probabilities: NDArray[Any]) -> NDArray[Any]:
        """Return the indices of the labels, or for multilabel models 0 or 1 for each label."""
        if self._model.loss in _SEVERAL:
            return (probabilities > 0.5).astype(np.int64)
        if probabilities.shape[1] == 2:
            limit = 0.5 if self._model.threshold is None else self._model.threshold
            return (probabilities[:, 1] > limit).astype(np.int64)
        indices: NDArray[np.int64] = probabilities.argmax(axis=1)
        return indices
