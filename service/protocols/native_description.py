"""What the OpenAPI document says of the native protocol."""

from typing import Final

from model.outputs import PREDICT, OutputSpec
from service.formats import arrow, csv_text, npy
from service.protocols.described_shapes import csv_of
from service.protocols.description import (
    JSON,
    LABEL,
    PROBABILITIES,
    PROBABILITY,
    ROW,
    ROW_ID,
    STRING,
    Description,
    Example,
    ModelFacts,
    Operation,
    Schema,
    beside,
    component_of,
    list_of,
    object_of,
    ref,
)
from service.validation.request_schema import MANY, OUTPUTS, SINGLE

_TEXT: Final = (
    "Send one row as `features`, or a list of rows as `instances`. `outputs` names what the answer is to have, and "
    "then it has nothing else. Many rows may also be CSV, npy or Arrow. The answer is of the type that `Accept` "
    "asks for. Bodies may be compressed (`Content-Encoding: gzip` or `deflate`)."
)
_ONE, _MANY, _ONE_ANSWER, _MANY_ANSWER = "PredictOne", "PredictMany", "PredictedOne", "PredictedMany"
_CHOSEN: Final = "PredictedOutputs"


def describe(facts: ModelFacts) -> Description:
    """Describe POST /predict."""
    requests: dict[str, Schema] = {JSON: {"anyOf": [ref(_ONE), ref(_MANY)]}, csv_text.MEDIA_TYPE: STRING}
    answers: dict[str, Schema] = {
        JSON: {"anyOf": [ref(_ONE_ANSWER), ref(_MANY_ANSWER), ref(_CHOSEN)]},
        csv_text.MEDIA_TYPE: STRING,
    }
    requests |= {kind: {} for kind in (npy.MEDIA_TYPE, arrow.STREAM, arrow.FILE)}
    answers |= {kind: {} for kind in (npy.MEDIA_TYPE, arrow.STREAM)}
    predict = Operation("predict", "Predict one row or many", answers, requests, _TEXT, examples=_examples(facts))
    return Description("native", "The protocol of this service.", predict, schemas=_schemas(facts))


def _schemas(facts: ModelFacts) -> dict[str, Schema]:
    row, ids = ref(ROW), list_of(ref(ROW_ID), facts.max_rows)
    one, many = (facts.request.json_schema(rows, row, facts.max_rows) for rows in (SINGLE, MANY))
    one["properties"] |= beside(facts, ref(ROW_ID))
    many["properties"] |= beside(facts, ids)
    answer = {"prediction": ref(LABEL), "probability": ref(PROBABILITY)}
    answers = {"predictions": list_of(ref(LABEL)), "probabilities": list_of(ref(PROBABILITIES))}
    if not facts.has_probabilities:
        del answer["probability"], answers["probabilities"]
    optional = [] if facts.signature else ["probability", "probabilities"]
    optional += [facts.row_id] if facts.row_id else []
    return {
        _ONE: one,
        _MANY: many,
        _ONE_ANSWER: object_of(answer | beside(facts, ref(ROW_ID)), optional),
        _MANY_ANSWER: object_of(answers | beside(facts, ids), optional),
        _CHOSEN: _chosen(facts) | {"description": "The outputs that the request named."},
    }


def _chosen(facts: ModelFacts) -> Schema:
    """Return the schema of an answer to a request that names outputs: of one row, or lists for many."""
    if facts.signature is None:
        return {"type": "object"}
    members: dict[str, Schema] = {}
    for spec in facts.outputs:
        one, many = _value(spec), list_of(_value(spec))
        if spec.method == PREDICT:
            members |= {"prediction": one, spec.member: many}
        else:
            members[spec.member] = {"anyOf": [one, many]}
    ids = {"anyOf": [ref(ROW_ID), list_of(ref(ROW_ID))]}
    return {**object_of(members | beside(facts, ids)), "required": [], "minProperties": 1}


def _value(spec: OutputSpec) -> Schema:
    """Return the schema of an output that was asked for by name; labels of several types become strings there."""
    if spec.index is not None:
        size = spec.shape[0]
        return {"type": "array", "items": {"type": "number"}, "minItems": size, "maxItems": size}
    of_method = ref(component_of(spec.method))
    return {"anyOf": [of_method, STRING]} if spec.dtype == "string" and not spec.shape else of_method


def _examples(facts: ModelFacts) -> dict[str, Example]:
    """Return requests with the samples in each form; the one that names outputs names all that the model has."""
    if not facts.samples:
        return {}
    rows, first = facts.samples, facts.samples[0]
    text = facts.signature is not None and facts.signature.layout == "text"
    bare = {"string": Example("One row, as a bare string", {SINGLE: first[0]}, single=True)} if text else {}
    outputs = [spec.member for spec in facts.outputs]
    return {
        **bare,
        "row": Example("One row, by position", {SINGLE: first}, single=True),
        "row_by_name": Example("One row, by name", {SINGLE: facts.by_name(first)}, single=True),
        "rows": Example("Several rows", {MANY: rows}),
        "rows_by_name": Example("Several rows, by name", {MANY: [*map(facts.by_name, rows)]}),
        "outputs": Example("Outputs by name", {MANY: rows, OUTPUTS: outputs}),
        "csv": Example("Several rows as CSV", csv_of(rows, facts.names), "text/csv", {"Accept": "text/csv"}),
    }
