"""XGBoost's estimators (xgboost.sklearn), and its links in float32, rounded as C's `expf` rounds.

glibc's `expf` (sysdeps/ieee754/flt-32/e_expf.c) computes in float64: 2 to the power of a multiple of 1/32, times a
polynomial of the rest. The graph computes the same numbers, so that answers equal the library's to the last bit.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np

from model.onnx_export.boosting.ensemble import BoostedTrees, raw_scores
from model.onnx_export.boosting.xgboost_document import (
    LINKS,
    Link,
    boosted_trees,
    document_categories,
    read_document,
)
from model.onnx_export.graph import ColumnTensor, Graph, NotCompiled, PredictorOutput
from model.onnx_export.linear import argmax
from model.signature import Label

# XGBoost's limit of the exponent (src/common/math.h), beyond which float32 overflows.
_MOST_EXPONENT: Final = np.float32(88.7)
_PARTS: Final = 32
_INVERSE: Final = float.fromhex("0x1.71547652b82fep+0") * _PARTS  # 32 / log(2)
_CUBIC, _SQUARE, _LINEAR = (
    float.fromhex(number) / _PARTS**power
    for number, power in (("0x1.c6af84b912394p-5", 3), ("0x1.ebfce50fac4f3p-3", 2), ("0x1.62e42ff0c52d6p-1", 1))
)


def _exp(graph: Graph, scores: str) -> str:
    """Return e to the power of float32 numbers, as float32."""
    scaled = graph.add("Mul", graph.cast(scores, "double"), graph.constant(_INVERSE))
    whole = graph.add("Floor", graph.add("Add", scaled, graph.constant(0.5)))
    rest = graph.add("Sub", scaled, whole)
    upper = graph.add("Add", graph.add("Mul", rest, graph.constant(_CUBIC)), graph.constant(_SQUARE))
    lower = graph.add("Add", graph.add("Mul", rest, graph.constant(_LINEAR)), graph.constant(1))
    factor = graph.add("Add", graph.add("Mul", upper, graph.add("Mul", rest, rest)), lower)
    power = graph.add("Pow", graph.constant(2), graph.add("Mul", whole, graph.constant(1 / _PARTS)))
    return graph.cast(graph.add("Mul", factor, power), "float")


def _sigmoid(graph: Graph, scores: str) -> str:
    """Return 1 / (1 + exp(-x)) of float32 numbers, as float32."""
    below = graph.add("Min", graph.add("Neg", scores), graph.constant(_MOST_EXPONENT, np.float32))
    one = graph.constant(1, np.float32)
    return graph.add("Div", one, graph.add("Add", _exp(graph, below), one))


def _softmax(graph: Graph, scores: str) -> str:
    """Return the probabilities of float32 scores of shape (n, classes), as float32; the sum is taken in float64."""
    shifted = graph.add("Sub", scores, graph.reduce("ReduceMax", scores, keepdims=1))
    powers = _exp(graph, shifted)
    total = graph.reduce("ReduceSum", graph.cast(powers, "double"), keepdims=1)
    return graph.add("Div", powers, graph.cast(total, "float"))


def _hinge(graph: Graph, scores: str) -> str:
    return graph.cast(graph.add("Greater", scores, graph.constant(0, np.float32)), "float")


_LINKED: Final[dict[Link, Callable[[Graph, str], str]]] = {
    "identity": lambda _graph, scores: scores,
    "exp": _exp,
    "sigmoid": _sigmoid,
    "softmax": _softmax,
    "hinge": _hinge,
}


def read_estimator(estimator: Any) -> BoostedTrees:
    """Return the trees that a fitted estimator predicts with; raises NotCompiled."""
    missing = np.nan if estimator.missing is None else float(estimator.missing)
    try:
        return boosted_trees(_document_of(estimator), missing=missing)
    except ValueError as error:
        raise NotCompiled(f"the document of {type(estimator).__name__} cannot be read: {error}") from error


trees_of = read_estimator


def categories_of(estimator: Any) -> dict[int, tuple[Label, ...]]:
    """Return the categories of each column of categories of a fitted estimator."""
    return document_categories(_document_of(estimator)["learner"])


def _document_of(estimator: Any) -> dict[str, Any]:
    return read_document(bytes(estimator.get_booster().save_raw("ubj")))


def _linked(graph: Graph, model: BoostedTrees, x: ColumnTensor) -> str:
    """Return the booster's answers, of shape (n, sums), in float32; for softmax, probabilities."""
    if x.sparse:  # XGBoost treats values that a sparse matrix does not store as missing
        zero = graph.add("Equal", x.name, graph.constant(0))
        x = replace(x, name=graph.add("Where", zero, graph.constant(np.nan), x.name))
    return _LINKED[LINKS[model.objective]](graph, raw_scores(graph, model, x))


def regressor(graph: Graph, model: BoostedTrees, x: ColumnTensor) -> PredictorOutput:
    """Add a model that answers numbers; raises NotCompiled."""
    if LINKS[model.objective] == "softmax":
        raise NotCompiled("a regressor that answers classes has no compiled form")
    found = graph.cast(_linked(graph, model, x), "double")
    return PredictorOutput(found if len(model.start) > 1 else graph.squeeze(found))


def classifier(graph: Graph, model: BoostedTrees, x: ColumnTensor) -> PredictorOutput:
    """Add a model that answers labels; raises NotCompiled."""
    link = LINKS[model.objective]
    if link not in ("sigmoid", "softmax", "hinge"):
        raise NotCompiled(f"a classifier with the objective {model.objective} has no compiled form")
    shares = _linked(graph, model, x)
    half = graph.constant(0.5, np.float32)
    if link == "softmax":
        return PredictorOutput(argmax(graph, shares), (graph.cast(shares, "double"),))
    if len(model.start) > 1:  # multilabel: a row has each label or not
        return PredictorOutput(graph.compare("Greater", shares, half), (graph.cast(shares, "double"),))
    second = graph.squeeze(shares)
    first = graph.add("Sub", graph.constant(1, np.float32), second)
    both = graph.stack([first, second])
    return PredictorOutput(graph.compare("Greater", second, half), (graph.cast(both, "double"),))


FORMS: Final[Mapping[str, Callable[[Graph, BoostedTrees, ColumnTensor], PredictorOutput]]] = {
    "xgboost.sklearn.XGBClassifier": classifier,
    "xgboost.sklearn.XGBRFClassifier": classifier,
    "xgboost.sklearn.XGBRegressor": regressor,
    "xgboost.sklearn.XGBRFRegressor": regressor,
    "xgboost.sklearn.XGBRanker": regressor,
}
