"""Compiles an estimator to an ONNX file, and assigns a number to each string that it knows."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from model.bundle.manifest import FINGERPRINT, fingerprint
from model.onnx_export import (
    bayes,
    composites,
    encoders,
    kernels,
    libraries,
    linear,
    meta_estimators,
    networks,
    scaling,
    tree_ensembles,
)
from model.onnx_export.boosting import models as boosting
from model.onnx_export.graph import Codes, ColumnTensor, Graph, NotCompiled, PredictorOutput, Predictors, Transformers
from model.signature import Signature, Task

PREDICTORS: Predictors = {
    **linear.PREDICTORS,
    **tree_ensembles.PREDICTORS,
    **bayes.PREDICTORS,
    **kernels.PREDICTORS,
    **networks.PREDICTORS,
    **composites.PREDICTORS,
    **meta_estimators.PREDICTORS,
    **libraries.PREDICTORS,
    **boosting.PREDICTORS,
}
TRANSFORMERS: Transformers = {
    **scaling.TRANSFORMERS,
    **encoders.TRANSFORMERS,
    **composites.TRANSFORMERS,
    **libraries.TRANSFORMERS,
}


@dataclass(frozen=True)
class CompiledModel:
    """An ONNX file, and for each string feature the code of each string that the model knows."""

    content: bytes
    codes: Mapping[str, Mapping[str, float]]
    further: tuple[str, ...] = ()


def compile_model(estimator: Any, signature: Signature, further: Collection[str] = ()) -> CompiledModel:
    """Return the compiled form of a fitted estimator, not yet verified; raises NotCompiled.

    Of the `further` outputs, it has those that the graph computes anyway.
    """
    if signature.layout == "text" or any(feature.dtype == "datetime" for feature in signature.features):
        raise NotCompiled("free text and dates have no compiled form")
    # A column that the model drops may contain anything, and gets no codes.
    coded = ("string", "any")
    codes: tuple[Codes, ...] = tuple({} if feature.dtype in coded else None for feature in signature.features)
    graph = Graph(PREDICTORS, TRANSFORMERS)
    outcome = _outcome(graph, estimator, ColumnTensor("rows", codes, names=signature.names), signature.task)
    if signature.probabilities != (outcome.probabilities is not None):
        raise NotCompiled(f"the probabilities of {type(estimator).__name__} have no compiled form")
    named = {feature.name: each for feature, each in zip(signature.features, codes, strict=True) if each is not None}
    known = {**outcome.further, **({"decision_function": outcome.scores} if outcome.scores else {})}
    more = {method: name for method, name in known.items() if method in further}
    properties = {FINGERPRINT: fingerprint(signature, named)}
    content = graph.build(outcome, len(codes), signature.outputs, properties, more)
    return CompiledModel(content, named, tuple(more))


def _outcome(graph: Graph, estimator: Any, rows: ColumnTensor, task: Task) -> PredictorOutput:
    if task != "transformer":
        return graph.predict(estimator, rows)
    columns = graph.transform(estimator, rows)
    if any(codes is not None for codes in columns.codes):
        raise NotCompiled("a transformer that answers strings has no compiled form")
    return PredictorOutput(columns.name)
