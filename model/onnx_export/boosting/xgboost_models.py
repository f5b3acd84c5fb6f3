"""XGBoost's estimators (xgboost.sklearn), by the qualified names of their types."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np

from model.onnx_export.boosting.ensemble import BoostedTrees, raw_scores
from model.onnx_export.boosting.links import exp, sigmoid, softmax
from model.onnx_export.boosting.xgboost_document import boosted_trees, document_categories, objective_of, read_document
from model.onnx_export.graph import ColumnTensor, Graph, NotCompiled, PredictorOutput
from model.onnx_export.linear import argmax
from model.signature import Label

_BINARY: Final = 2


def document_of(estimator: Any) -> dict[str, Any]:
    """Return the document of a fitted estimator, which its booster writes."""
    return read_document(bytes(estimator.get_booster().save_raw("ubj")))


def trees_of(estimator: Any) -> BoostedTrees:
    """Return the trees that a fitted estimator predicts with; raises NotCompiled."""
    missing = np.nan if estimator.missing is None else float(estimator.missing)
    try:
        return boosted_trees(document_of(estimator), missing=missing)
    except ValueError as error:
        raise NotCompiled(f"the document of {type(estimator).__name__} cannot be read: {error}") from error


def categories_of(estimator: Any) -> dict[int, tuple[Label, ...]]:
    """Return the categories of each column of categories of a fitted estimator."""
    return document_categories(document_of(estimator)["learner"])


def _linked(graph: Graph, model: BoostedTrees, x: ColumnTensor) -> str:
    """Return the booster's answers, of shape (n, sums), in float32; for softmax, probabilities."""
    if x.sparse:  # XGBoost treats values that a sparse matrix does not store as missing
        zero = graph.add("Equal", x.name, graph.constant(0))
        x = replace(x, name=graph.add("Where", zero, graph.constant(np.nan), x.name))
    scores = raw_scores(graph, model, x)
    match model.link:
        case "sigmoid":
            return sigmoid(graph, scores)
        case "exp":
            return exp(graph, scores)
        case "softmax":
            return softmax(graph, scores)
        case "hinge":
            return graph.cast(graph.add("Greater", scores, graph.constant(0, np.float32)), "float")
        case _:
            return scores


def _number(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    model = trees_of(estimator)
    if model.link == "softmax":
        raise NotCompiled("a regressor that answers classes has no compiled form")
    found = graph.cast(_linked(graph, model, x), "double")
    return PredictorOutput(found if len(model.start) > 1 else graph.squeeze(found))


def _class(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    model = trees_of(estimator)
    if model.link not in ("sigmoid", "softmax", "hinge"):
        raise NotCompiled(
            f"a classifier with the objective {objective_of(document_of(estimator))} has no compiled form"
        )
    shares = _linked(graph, model, x)
    half = graph.constant(0.5, np.float32)
    if model.link == "softmax":
        return PredictorOutput(argmax(graph, shares), (graph.cast(shares, "double"),))
    if len(model.start) > 1:  # multilabel: a row has each label or not
        return PredictorOutput(graph.compare("Greater", shares, half), (graph.cast(shares, "double"),))
    second = graph.squeeze(shares)
    first = graph.add("Sub", graph.constant(1, np.float32), second)
    both = graph.stack([first, second])
    return PredictorOutput(graph.compare("Greater", second, half), (graph.cast(both, "double"),))


# By the qualified name of the type, since the library may not be installed.
PREDICTORS: Final[dict[str, Callable[..., PredictorOutput]]] = {
    "xgboost.sklearn.XGBClassifier": _class,
    "xgboost.sklearn.XGBRFClassifier": _class,
    "xgboost.sklearn.XGBRegressor": _number,
    "xgboost.sklearn.XGBRFRegressor": _number,
    "xgboost.sklearn.XGBRanker": _number,
}
