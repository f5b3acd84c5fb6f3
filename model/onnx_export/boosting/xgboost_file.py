"""A model in XGBoost's own file (UBJSON or JSON), as `save_model` writes it."""

import json
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.errors import UnsupportedEstimator, describe
from model.onnx_export.boosting.ensemble import BoostedTrees
from model.onnx_export.boosting.tree_walk import check_depth, softmax, xgboost_sums
from model.onnx_export.boosting.xgboost_document import boosted_trees, is_json, objective_of, read_document
from model.onnx_export.graph import NotCompiled
from model.signature import Label

_CLASSES: Final = ("binary:logistic", "binary:hinge", "multi:softmax", "multi:softprob")


class XGBoostFile:
    """Takes the place of the library's estimator; `get_booster().save_raw()` returns the file."""

    library = "xgboost"
    missing = np.nan
    unknown = -1.0

    def __init__(self, content: bytes, numbers: bool = False) -> None:  # noqa: FBT001, FBT002  # of one kind of maker
        try:
            self._document = read_document(content)
            learner = self._document["learner"]
            _check_counts(learner, len(content))
            self._trees: BoostedTrees = boosted_trees(self._document)
            _check_trees(self._trees)
            kind = _kind(learner)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError, NotCompiled) as error:
            raise UnsupportedEstimator(
                f"this model of XGBoost cannot be packed from its file ({describe(error)}); load it with xgboost, and "
                "pack that estimator."
            ) from error
        self.content = self.original = content
        self.described = f"a file of XGBoost ({'JSON' if is_json(content) else 'UBJSON'})"
        self.width, self.names = self._trees.width, self._trees.names
        self.categories = dict(self._trees.categories)
        count, objective = len(self._trees.start), objective_of(self._document)
        classifies = not numbers and (kind == "classifier" or (kind is None and objective in _CLASSES))
        self.answers_probabilities = objective != "multi:softmax"
        self._several = self._trees.link != "softmax" and count > 1
        labels = range(count if self._trees.link == "softmax" else 2)
        self.labels: tuple[Label, ...] | None = tuple(labels) if classifies else None
        self.stands_for = f"xgboost.sklearn.XGB{'Classifier' if classifies else 'Regressor'}"

    def get_booster(self) -> "XGBoostFile":
        """Return the object that has `save_raw`."""
        return self

    def save_raw(self, _format: str) -> bytes:
        """Return the document."""
        return self.content

    def answer(self, rows: NDArray[np.float64]) -> NDArray[Any]:
        """Return the numbers or probabilities that the objective computes from the sums."""
        scores = xgboost_sums(self._document, self._trees.start, rows.astype(np.float32))
        match self._trees.link:
            case "sigmoid":
                second = np.float32(1) / (np.float32(1) + np.exp(-scores))
            case "hinge":
                second = (scores > 0).astype(np.float32)
            case "softmax":
                return softmax(scores)
            case "exp":
                return np.exp(scores)
            case _:
                return scores
        return second if self.labels is None or self._several else np.concatenate([1 - second, second], axis=1)

    def choose(self, probabilities: NDArray[Any]) -> NDArray[Any]:
        """Return the indices of the most probable labels, or for multilabel models 1 for each label above one half."""
        if self._several:
            return (probabilities > 0.5).astype(np.int64)
        indices: NDArray[np.int64] = probabilities.argmax(axis=1)
        return indices


def _check_counts(learner: Any, size: int) -> None:
    """Raise ValueError for counts that do not fit the rest of the file, before arrays of that size are made.

    Each class and target has trees, so the file has at least a byte for each.
    """
    stated, names = learner["learner_model_param"], learner.get("feature_names", ())
    if not max(int(stated["num_class"]), int(stated.get("num_target", 1))) <= size:
        raise ValueError("it has fewer trees than classes")
    if len(names) not in (0, int(stated["num_feature"])):
        raise ValueError("the number of names is not the number of features")


def _check_trees(model: BoostedTrees) -> None:
    """Raise ValueError for numbers that XGBoost does not write."""
    if not np.isfinite(model.start).all():
        raise ValueError("its base score is not finite")
    for tree, values, target in zip(model.trees, model.leaves, model.targets, strict=True):
        check_depth(tree.left, tree.right, ~tree.leaves)
        if np.isnan(tree.threshold[~tree.leaves]).any() or not np.isfinite(np.asarray(values)[tree.leaves]).all():
            raise ValueError("a tree has a threshold or a leaf that is not a number")
        if not 0 <= target < len(model.start):
            raise ValueError("a tree adds to a sum that is not there")
        for node, members in tree.members.items():
            known = model.categories.get(int(tree.feature[node]))
            if any(not 0 <= int(each) < (1 << 24 if known is None else len(known)) for each in members):
                raise ValueError("a split has a category that is not there")


def _kind(learner: Any) -> str | None:
    """Return "classifier" or another kind, if scikit-learn's interface wrote the file."""
    said = json.loads(learner.get("attributes", {}).get("scikit_learn", "{}"))
    return said.get("_estimator_type") if isinstance(said, dict) else None
