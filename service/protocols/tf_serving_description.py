"""What the OpenAPI document says of TensorFlow Serving's REST protocol, which KServe calls V1, and of Vertex AI's."""

from typing import Any, Final

from service.protocols.described_shapes import (
    answers_of,
    columns_of,
    error_string,
    method,
    other_method,
    rows_of,
    rows_or_columns,
    with_ids,
)
from service.protocols.description import (
    JSON,
    STRING,
    Description,
    Example,
    ModelFacts,
    Operation,
    Schema,
    object_of,
    ref,
)

MODELS, MODEL = "/v1/models", "/v1/models/<name:model>"
VERSION: Final = f"{MODEL}/versions/<name:version>"
SIGNATURE, DEFAULT = "signature_name", "serving_default"
_ROWS, _COLUMNS, _PREDICTIONS, _OUTPUTS = "V1Rows", "V1Columns", "V1Predictions", "V1Outputs"
_V1_TEXT: Final = (
    "Rows as `instances`, or columns by name as `inputs`, each a list of values or of one-element lists, all of the "
    "same length. The answer has labels, unless `signature_name` asks for what another method answers."
)
_VERTEX_TEXT: Final = (
    "Rows as `instances`. The answer has labels, unless `signature_name` in `parameters` asks for what another method "
    "answers."
)
_STATUS: Final = "V1ModelStatus"


def describe_v1(facts: ModelFacts) -> Description:
    """Describe the routes of V1."""
    asked = {SIGNATURE: method(facts, DEFAULT)}
    schemas = {
        _ROWS: with_ids(facts, {"instances": rows_of(facts), **asked}, (SIGNATURE,)),
        _COLUMNS: with_ids(facts, {"inputs": rows_or_columns(facts), **asked}, (SIGNATURE,)),
        _PREDICTIONS: with_ids(facts, {"predictions": answers_of(facts)}),
        _OUTPUTS: with_ids(facts, {"outputs": answers_of(facts)}),
        _STATUS: _status(facts),
    }
    requests: dict[str, Schema] = {JSON: {"anyOf": [ref(_ROWS), ref(_COLUMNS)]}}
    answers: dict[str, Schema] = {JSON: {"anyOf": [ref(_PREDICTIONS), ref(_OUTPUTS)]}}
    examples = _examples(facts, lambda asked: {SIGNATURE: asked})
    if facts.samples:
        columns = {"inputs": columns_of(facts, facts.samples)}
        examples["columns"] = Example("Columns by name", columns)
    predict = Operation("v1_predict", "Predict rows", answers, requests, _V1_TEXT, examples=examples)
    names = object_of({"models": {"type": "array", "items": _name(facts)}})
    pages = {
        MODELS: Operation("v1_models", "The name of the model", {JSON: names}),
        MODEL: Operation("v1_model", "The state of the model", {JSON: ref(_STATUS)}),
        VERSION: Operation("v1_model", "The state of the model", {JSON: ref(_STATUS)}),
        "/": Operation("v1_alive", "Whether the process answers", {JSON: object_of({"status": {"const": "alive"}})}),
    }
    text = "TensorFlow Serving's REST protocol, which KServe calls V1."
    return Description("TensorFlow Serving, KServe V1", text, predict, pages, schemas, error_string())


def describe_vertex(facts: ModelFacts, health: str | None) -> Description:
    """Describe the routes that Vertex AI sets; `health` is the path of health checks, if there is one."""
    request, answer = "VertexRequest", "VertexPredictions"
    asked = object_of({SIGNATURE: method(facts, DEFAULT)}, (SIGNATURE,))
    parameters = {"anyOf": [asked, {"type": "null"}]}
    schemas = {
        request: with_ids(facts, {"instances": rows_of(facts), "parameters": parameters}, ("parameters",)),
        answer: with_ids(facts, {"predictions": answers_of(facts)}),
    }
    examples = _examples(facts, lambda asked: {"parameters": {SIGNATURE: asked}})
    predict = Operation(
        "vertex_predict", "Predict rows", {JSON: ref(answer)}, {JSON: ref(request)}, _VERTEX_TEXT, examples=examples
    )
    pages = {health: Operation("vertex_health", "Whether predictions would be answered", {})} if health else {}
    return Description("Vertex AI", "The routes that the platform sets.", predict, pages, schemas, error_string())


def _examples(facts: ModelFacts, asking: Any) -> dict[str, Example]:
    if not facts.samples:
        return {}
    rows = facts.samples
    examples = {
        "rows": Example("Several rows", {"instances": rows}),
        "rows_by_name": Example("Several rows, by name", {"instances": [*map(facts.by_name, rows)]}),
    }
    if asked := other_method(facts):
        examples["method"] = Example(f"What {asked} answers", {"instances": rows, **asking(asked)})
    return examples


def _name(facts: ModelFacts) -> Schema:
    return STRING if facts.served_as is None else {"const": facts.served_as}


def _status(facts: ModelFacts) -> Schema:
    version = STRING if facts.version is None else {"const": facts.version}
    status = object_of({"error_code": {"const": "OK"}, "error_message": STRING})
    states = object_of({"version": version, "state": {"const": "AVAILABLE"}, "status": status})
    members = {
        "name": _name(facts),
        "ready": {"const": True},
        "model_version_status": {"type": "array", "items": states},
    }
    return object_of(members)
