"""Adds CatBoost's models to a graph."""

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from model.onnx_export.boosting.catboost_json import CatBoostModel, read_catboost
from model.onnx_export.boosting.ensemble import BoostedTrees, raw_scores
from model.onnx_export.graph import ColumnTensor, Graph, NotCompiled, PredictorOutput
from model.onnx_export.linear import argmax, binary_probabilities
from model.signature import Label

_EXPONENTIAL: Final = ("Poisson", "Tweedie")
_MULTILABEL: Final = ("MultiLogloss", "MultiCrossEntropy")
_UNCERTAIN: Final = "RMSEWithUncertainty"
# The methods that return the columns of each kind that are not numbers.
_OTHERS: Final = {"categorical": "get_cat_feature_indices", "text": "get_text_feature_indices"}


def read_estimator(estimator: Any) -> CatBoostModel:
    """Return the model of a fitted estimator; raises NotCompiled."""
    model = read_catboost(document_of(estimator))
    _refuse_others(model.others)
    return model


def categories_of(estimator: Any) -> dict[int, tuple[Label, ...]]:
    """Return () for each column of categories of a fitted estimator: CatBoost only stores hashes of categories."""
    return dict.fromkeys(estimator.get_cat_feature_indices(), ())


def document_of(estimator: Any) -> bytes:
    """Return the document of a fitted estimator; raises NotCompiled."""
    _refuse_others([kind for kind, method in _OTHERS.items() if getattr(estimator, method)()])
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        estimator.save_model(str(path), format="json")
        return path.read_bytes()


def trees_of(estimator: Any) -> BoostedTrees:
    """Return the trees that a fitted estimator predicts with; raises NotCompiled."""
    return read_estimator(estimator).trees


def _refuse_others(kinds: Any) -> None:
    if kinds:
        raise NotCompiled(f"CatBoost with {' and '.join(kinds)} features of its own has no compiled form")


def regressor(graph: Graph, model: CatBoostModel, x: ColumnTensor) -> PredictorOutput:
    """Add a model that answers numbers; raises NotCompiled."""
    found = raw_scores(graph, model.trees, x)
    if model.loss == _UNCERTAIN:  # the mean, and the variance
        mean, deviation = (graph.gather_columns(found, [index]) for index in (0, 1))
        variance = graph.add("Exp", graph.add("Mul", graph.constant(2), deviation))
        return PredictorOutput(graph.add("Concat", mean, variance, axis=1))
    if model.loss in _EXPONENTIAL:
        found = graph.add("Exp", found)
    return PredictorOutput(graph.squeeze(found) if len(model.trees.start) == 1 else found)


def _ranker(graph: Graph, model: CatBoostModel, x: ColumnTensor) -> PredictorOutput:
    return PredictorOutput(graph.squeeze(raw_scores(graph, model.trees, x)))


def classifier(graph: Graph, model: CatBoostModel, x: ColumnTensor) -> PredictorOutput:
    """Add a model that answers labels; raises NotCompiled."""
    found = raw_scores(graph, model.trees, x)
    if len(model.trees.start) == 1:
        share, limit = graph.add("Sigmoid", graph.squeeze(found)), graph.constant(_limit(model.threshold))
        return PredictorOutput(
            graph.compare("Greater", graph.squeeze(found), limit), (binary_probabilities(graph, share),)
        )
    if model.loss in _MULTILABEL:
        return PredictorOutput(graph.compare("Greater", found, graph.constant(0)), (graph.add("Sigmoid", found),))
    shares = graph.add("Softmax", found, axis=1) if model.loss == "MultiClass" else graph.add("Sigmoid", found)
    return PredictorOutput(argmax(graph, found), (shares,))


def _limit(threshold: float | None) -> float:
    """Return the score above which the second class is the label; raises NotCompiled."""
    if threshold is None:
        return 0.0
    if not 0 < threshold < 1:
        raise NotCompiled(f"CatBoost with a probability threshold of {threshold} has no compiled form")
    return float(np.log(threshold / (1 - threshold)))


FORMS: Final[Mapping[str, Callable[[Graph, CatBoostModel, ColumnTensor], PredictorOutput]]] = {
    "catboost.core.CatBoostClassifier": classifier,
    "catboost.core.CatBoostRanker": _ranker,
    "catboost.core.CatBoostRegressor": regressor,
}
