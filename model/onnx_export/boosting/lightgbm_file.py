"""A model in LightGBM's own text, as `Booster.save_model` writes it."""

import re
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.errors import UnsupportedEstimator
from model.onnx_export.boosting.lightgbm_models import boosted_trees, category_columns
from model.onnx_export.boosting.lightgbm_text import read_lightgbm
from model.onnx_export.boosting.tree_walk import check_depth, lightgbm_sums, softmax
from model.onnx_export.graph import NotCompiled
from model.signature import Label

_CLASSES: Final = ("binary", "multiclass", "multiclassova")
_GENERATED: Final = re.compile(r"Column_\d+")


class LightGBMFile:
    """Takes the place of the library's estimator; `booster_.model_to_string()` returns the file."""

    library = "lightgbm"
    described = "a file of LightGBM"
    unknown = np.nan  # LightGBM treats an unknown category as a missing value

    def __init__(self, content: bytes, numbers: bool = False) -> None:  # noqa: FBT001, FBT002  # of one kind of maker
        try:
            text = content.decode()
        except UnicodeDecodeError as error:
            raise UnsupportedEstimator(f"this is not a model as LightGBM writes it ({error}).") from None
        self._model = read_lightgbm(text)
        try:
            self.categories = category_columns(self._model, frozenset())
            boosted_trees(self._model, self.categories)
            for tree in self._model.trees:
                check_depth(tree.left, tree.right)
            self._options = dict(each.partition(":")[::2] for each in self._model.objective[1:])
            if not np.isfinite(float(self._options.get("sigmoid", 1))):
                raise ValueError("its sigmoid is not finite")
        except (NotCompiled, ValueError) as error:
            raise UnsupportedEstimator(
                f"this model of LightGBM cannot be packed from its file: {error}; load it with lightgbm, and pack that."
            ) from None
        self.content = self.original = content
        self._text = text
        self.width = len(self._model.names)
        generated = all(map(_GENERATED.fullmatch, self._model.names))
        self.names = None if generated else self._model.names
        objective = (self._model.objective or ("",))[0]
        classifies = not numbers and objective in _CLASSES
        self.answers_probabilities = True
        self.labels: tuple[Label, ...] | None = tuple(range(max(2, self._model.outputs))) if classifies else None
        self.classes_ = np.array(self.labels)
        self.stands_for = f"lightgbm.sklearn.LGBM{'Classifier' if classifies else 'Regressor'}"

    @property
    def booster_(self) -> "LightGBMFile":
        """The object that has `model_to_string`."""
        return self

    def model_to_string(self) -> str:
        """Return the text."""
        return self._text

    def answer(self, rows: NDArray[np.float64]) -> NDArray[Any]:
        """Return the numbers or probabilities that the objective computes from the sums."""
        scores, name = lightgbm_sums(self._model, rows), (self._model.objective or ("",))[0]
        if name in ("poisson", "gamma", "tweedie"):
            return np.exp(scores)
        if name == "multiclass":
            return softmax(scores)
        if name in ("binary", "multiclassova", "cross_entropy"):
            scores = 1 / (1 + np.exp(-scores * float(self._options.get("sigmoid", 1))))
        if name == "cross_entropy_lambda":
            return np.log1p(np.exp(scores))
        if "sqrt" in self._options:
            return np.sign(scores) * scores * scores
        return np.concatenate([1 - scores, scores], axis=1) if name == "binary" and self.labels else scores

    def choose(self, probabilities: NDArray[Any]) -> NDArray[Any]:
        """Return the indices of the most probable labels."""
        indices: NDArray[np.int64] = probabilities.argmax(axis=1)
        return indices
