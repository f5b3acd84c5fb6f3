"""Reads the files that XGBoost, LightGBM and CatBoost save.

A file is data and may come from anyone. Reading it needs no library; servers never read such files.
"""

import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.errors import UnsupportedEstimator, describe
from model.onnx_export.boosting import catboost_models, lightgbm_models, xgboost_models
from model.onnx_export.boosting.catboost_binary import MAGIC, read_binary
from model.onnx_export.boosting.catboost_models import CatBoostModel, read_catboost
from model.onnx_export.boosting.ensemble import BoostedTrees, check_trees
from model.onnx_export.boosting.lightgbm_text import LightGBMModel, read_lightgbm
from model.onnx_export.boosting.models import ModelFile, NativeClassifier, NativeRegressor
from model.onnx_export.boosting.tree_walk import catboost_sums, lightgbm_sums, softmax, xgboost_sums
from model.onnx_export.boosting.xgboost_document import LINKS, boosted_trees, is_json, read_document
from model.onnx_export.graph import NotCompiled
from model.signature import Label

MOST_COLUMNS: Final = 100_000
# The objectives of classifiers, where the file does not say what it is.
_XGBOOST: Final = ("binary:logistic", "binary:hinge", "multi:softmax", "multi:softprob")
_LIGHTGBM: Final = ("binary", "multiclass", "multiclassova")
_SEVERAL: Final = ("MultiLogloss", "MultiCrossEntropy")
_CATBOOST: Final = ("Logloss", "CrossEntropy", *_SEVERAL, "MultiClass", "MultiClassOneVsAll")
_GENERATED: Final = re.compile(r"Column_\d+")


def estimator_of(content: bytes, library: str, *, numbers: bool = False) -> NativeClassifier | NativeRegressor:
    """Return the model of a library's file; with `numbers`, always as a regressor. Raises ModelError."""
    try:
        file = _READERS[library](content, numbers=numbers)
    except MemoryError:
        raise UnsupportedEstimator(f"this model of {library} needs more memory than there is.") from None
    if file.trees.width > MOST_COLUMNS:
        raise UnsupportedEstimator(
            f"this model of {library} takes {file.trees.width} columns, more than {MOST_COLUMNS}."
        )
    return NativeRegressor(file) if file.labels is None else NativeClassifier(file)


def _xgboost(content: bytes, *, numbers: bool) -> ModelFile:
    """Return the model of a file in UBJSON or JSON."""
    try:
        document = read_document(content)
        learner = document["learner"]
        _check_counts(learner, len(content))
        trees = boosted_trees(document)
        _check_numbers(trees)
        kind = _kind(learner)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError, NotCompiled) as error:
        raise UnsupportedEstimator(
            f"this model of XGBoost cannot be packed from its file ({describe(error)}); load it with xgboost, and "
            "pack that estimator."
        ) from error
    count, classes = len(trees.start), LINKS[trees.objective] == "softmax"
    classifies = not numbers and (kind == "classifier" or (kind is None and trees.objective in _XGBOOST))
    form = xgboost_models.classifier if classifies else xgboost_models.regressor
    return ModelFile(
        library="xgboost",
        described=f"a file of XGBoost ({'JSON' if is_json(content) else 'UBJSON'})",
        content=content,
        trees=trees,
        names=trees.names,
        unknown=-1.0,
        labels=tuple(range(count if classes else 2)) if classifies else None,
        answer=partial(_xgboost_answer, document, trees, binary=classifies and count == 1),
        compile=lambda graph, x: form(graph, trees, x),
        several=not classes and count > 1,
        answers_probabilities=trees.objective != "multi:softmax",
    )


def _xgboost_answer(document: Any, trees: BoostedTrees, rows: NDArray[np.float64], *, binary: bool) -> NDArray[Any]:
    scores = xgboost_sums(document, trees.start, rows.astype(np.float32))
    match LINKS[trees.objective]:
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
    return np.concatenate([1 - second, second], axis=1) if binary else second


def _check_counts(learner: Any, size: int) -> None:
    """Raise ValueError for counts that do not fit the rest of the file, before arrays of that size are made.

    Each class and target has trees, so the file has at least a byte for each.
    """
    stated, names = learner["learner_model_param"], learner.get("feature_names", ())
    if not max(int(stated["num_class"]), int(stated.get("num_target", 1))) <= size:
        raise ValueError("it has fewer trees than classes")
    if len(names) not in (0, int(stated["num_feature"])):
        raise ValueError("the number of names is not the number of features")


def _check_numbers(model: BoostedTrees) -> None:
    """Raise ValueError for numbers that XGBoost does not write."""
    if not np.isfinite(model.start).all():
        raise ValueError("its base score is not finite")
    for tree, values, target in zip(model.trees, model.leaves, model.targets, strict=True):
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


def _lightgbm(content: bytes, *, numbers: bool) -> ModelFile:
    """Return the model of a text."""
    try:
        model = read_lightgbm(content.decode())
    except UnicodeDecodeError as error:
        raise UnsupportedEstimator(f"this is not a model as LightGBM writes it ({error}).") from None
    try:
        trees = lightgbm_models.boosted_trees(model, lightgbm_models.category_columns(model, frozenset()))
        check_trees(trees.trees, trees.width)
        if not np.isfinite(float(model.options.get("sigmoid", 1))):
            raise ValueError("its sigmoid is not finite")
    except (NotCompiled, ValueError) as error:
        raise UnsupportedEstimator(
            f"this model of LightGBM cannot be packed from its file: {error}; load it with lightgbm, and pack that."
        ) from None
    classifies = not numbers and model.objective in _LIGHTGBM
    form = lightgbm_models.classifier if classifies else lightgbm_models.regressor
    return ModelFile(
        library="lightgbm",
        described="a file of LightGBM",
        content=content,
        trees=trees,
        names=None if all(map(_GENERATED.fullmatch, model.names)) else model.names,
        unknown=np.nan,  # LightGBM treats an unknown category as a missing value
        labels=tuple(range(max(2, model.outputs))) if classifies else None,
        answer=partial(_lightgbm_answer, model, binary=classifies and model.objective == "binary"),
        compile=lambda graph, x: form(graph, model, x),
    )


def _lightgbm_answer(model: LightGBMModel, rows: NDArray[np.float64], *, binary: bool) -> NDArray[Any]:
    scores, name = lightgbm_sums(model, rows), model.objective
    if name in ("poisson", "gamma", "tweedie"):
        return np.exp(scores)
    if name == "multiclass":
        return softmax(scores)
    if name in ("binary", "multiclassova", "cross_entropy"):
        scores = 1 / (1 + np.exp(-scores * float(model.options.get("sigmoid", 1))))
    if name == "cross_entropy_lambda":
        return np.log1p(np.exp(scores))
    if "sqrt" in model.options:
        return np.sign(scores) * scores * scores
    return np.concatenate([1 - scores, scores], axis=1) if binary else scores


def _catboost(content: bytes, *, numbers: bool) -> ModelFile:
    """Return the model of a binary file or of JSON."""
    binary = content.startswith(MAGIC)
    try:
        model = read_catboost(read_binary(content) if binary else content)
    except ValueError as error:
        raise UnsupportedEstimator(f"this is not a model as CatBoost writes it ({describe(error)}).") from None
    if model.others:
        raise UnsupportedEstimator(
            f"this model of CatBoost has {' and '.join(model.others)} features of its own, which are not packed "
            "from its file; load it with catboost, and pack that with --allow-pickle."
        )
    outputs, names = len(model.trees.start), model.trees.names or ()
    if model.loss in _CATBOOST and model.labels and len(model.labels) != max(2, outputs):
        raise UnsupportedEstimator("this model of CatBoost has other labels than its trees have outputs.")
    if not all(isinstance(label, (str, int, float)) for label in model.labels):
        raise UnsupportedEstimator("this model of CatBoost has labels that are neither strings nor numbers.")
    try:
        check_trees(model.trees.trees[::outputs], model.trees.width)
    except ValueError as error:
        raise UnsupportedEstimator(f"this model of CatBoost cannot be packed from its file: {error}.") from None
    classifies = not numbers and model.loss in _CATBOOST
    labels: tuple[Label, ...] = model.labels or tuple(range(max(2, outputs)))
    form = catboost_models.classifier if classifies else catboost_models.regressor
    return ModelFile(
        library="catboost",
        described=f"a file of CatBoost ({'binary' if binary else 'JSON'})",
        content=content,
        trees=model.trees,
        names=None if names == tuple(map(str, range(len(names)))) else names,
        unknown=np.nan,
        labels=labels if classifies else None,
        answer=partial(_catboost_answer, model, classifies=classifies),
        compile=lambda graph, x: form(graph, model, x),
        several=model.loss in _SEVERAL,
        limit=model.threshold if len(labels) == 2 else None,
    )


def _catboost_answer(model: CatBoostModel, rows: NDArray[np.float64], *, classifies: bool) -> NDArray[Any]:
    scores, loss = catboost_sums(model.trees, rows.astype(np.float32)), model.loss
    if loss in ("Poisson", "Tweedie"):
        return np.exp(scores)
    if loss == "RMSEWithUncertainty":
        return np.stack([scores[:, 0], np.exp(2 * scores[:, 1])], axis=1)
    if loss == "MultiClass":
        return softmax(scores)
    if not classifies:
        return scores
    shares = 1 / (1 + np.exp(-scores))
    return np.concatenate([1 - shares, shares], axis=1) if shares.shape[1] == 1 else shares


_READERS: Final[dict[str, Callable[..., ModelFile]]] = {
    "xgboost": _xgboost,
    "lightgbm": _lightgbm,
    "catboost": _catboost,
}
