"""TensorFlow Serving's REST protocol, which KServe calls V1, and Vertex AI's, which is a part of it.

tensorflow/serving, docs/api_rest.md; Vertex AI, "Custom container requirements for prediction".
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from model.outputs import PREDICT
from model.prediction import Prediction
from service.formats import strict_json
from service.formats.media_types import check_media_type
from service.protocols.base import JSON, Answer, Call, Codec, Contract, Header, error_string
from service.protocols.description import ERROR_STRING, Description, Example, ModelFacts, Operation
from service.protocols.json_shapes import (
    object_at,
    read_columns,
    read_document,
    read_instances,
    row_ids,
    values_by_row,
)
from service.protocols.schemas import STRING, Schema, constant, object_of, ref
from service.validation.requests import check_members, invalid_request, only_member, shown

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


@dataclass(frozen=True)
class Wanted:
    """What the answer must have: the output of a method, and the name of the member that holds it."""

    method: str
    member: str


def decode(body: bytes, header: Header, contract: Contract) -> Call:
    """Read `instances` (rows) or `inputs` (columns); a form's content type is accepted because curl sends it."""
    check_media_type(header("Content-Type"), (JSON, "application/x-www-form-urlencoded", ""))
    if (numbers := contract.rows.read_body(body, "instances")) is not None:
        return Call(contract.rows.read(numbers, "/instances"), single=False, wanted=_wanted({}, contract))
    document = read_document(body, contract)
    member = only_member(document, ("instances", "inputs"))
    if member is None:
        raise invalid_request("", "an object with either 'instances' or 'inputs'", shown(document))
    check_members(document, (member, SIGNATURE, "parameters"))
    wanted = _wanted(document, contract)
    further = contract.further(wanted.method)
    if member == "inputs":
        rows = read_columns(document["inputs"], contract, "/inputs")
        return Call(rows, single=False, wanted=replace(wanted, member="outputs"), further=further)
    rows = read_instances(document["instances"], contract, "/instances")
    return Call(rows, single=False, wanted=wanted, further=further)


def encode(call: Call, prediction: Prediction, contract: Contract) -> Answer:
    """Write one prediction for each row: its label, or the output of the method that was asked for."""
    answer = {call.wanted.member: values_by_row(prediction.of(call.wanted.method))}
    if contract.beside is not None:
        answer |= row_ids(prediction, contract)
    return Answer(strict_json.dumps(answer))


def _wanted(document: dict[str, Any], contract: Contract) -> Wanted:
    """Return what the caller asks for in TensorFlow Serving's `signature_name`, or in Vertex AI's `parameters`."""
    parameters: dict[str, Any] = {}
    if "parameters" in document:
        parameters = object_at(document, "parameters")
        check_members(parameters, (SIGNATURE,), "/parameters")
    name = document.get(SIGNATURE, parameters.get(SIGNATURE, DEFAULT))
    known = [DEFAULT, *contract.methods]
    if name not in known or parameters.get(SIGNATURE, name) != name:
        raise invalid_request(f"/{SIGNATURE}", f"one of {', '.join(known)}, in one place", shown(name))
    return Wanted(PREDICT if name == DEFAULT else name, "predictions")


def _status(contract: Contract) -> Answer:
    """Describe the model's state as TensorFlow Serving and KServe V1 do, in one object."""
    status = {"error_code": "OK", "error_message": ""}
    version = {"version": contract.identity.version, "state": "AVAILABLE", "status": status}
    document = {"name": contract.served_as, "ready": True, "model_version_status": [version]}
    return Answer(strict_json.dumps(document))


def _describe_v1(facts: ModelFacts) -> Description:
    """Describe the routes of V1."""
    asked = {SIGNATURE: facts.method(DEFAULT)}
    schemas = {
        _ROWS: facts.with_ids({"instances": facts.rows(), **asked}, (SIGNATURE,)),
        _COLUMNS: facts.with_ids({"inputs": facts.rows_or_columns(), **asked}, (SIGNATURE,)),
        _PREDICTIONS: facts.with_ids({"predictions": facts.answers()}),
        _OUTPUTS: facts.with_ids({"outputs": facts.answers()}),
        _STATUS: _status_schema(facts),
    }
    requests: dict[str, Schema] = {JSON: {"anyOf": [ref(_ROWS), ref(_COLUMNS)]}}
    answers: dict[str, Schema] = {JSON: {"anyOf": [ref(_PREDICTIONS), ref(_OUTPUTS)]}}
    examples = _examples(facts, lambda asked: {SIGNATURE: asked})
    if facts.samples:
        examples["columns"] = Example("Columns by name", {"inputs": facts.columns})
    predict = Operation("v1_predict", "Predict rows", answers, requests, _V1_TEXT, examples=examples)
    names = object_of({"models": {"type": "array", "items": constant(facts.served_as)}})
    pages = {
        MODELS: Operation("v1_models", "The name of the model", {JSON: names}),
        MODEL: Operation("v1_model", "The state of the model", {JSON: ref(_STATUS)}),
        VERSION: Operation("v1_model", "The state of the model", {JSON: ref(_STATUS)}),
        "/": Operation("v1_alive", "Whether the process answers", {JSON: object_of({"status": {"const": "alive"}})}),
    }
    text = "TensorFlow Serving's REST protocol, which KServe calls V1."
    return Description("TensorFlow Serving, KServe V1", text, predict, pages, schemas, ERROR_STRING)


def _describe_vertex(facts: ModelFacts, health: str | None) -> Description:
    """Describe the routes that Vertex AI sets; `health` is the path of health checks, if there is one."""
    request, answer = "VertexRequest", "VertexPredictions"
    asked = object_of({SIGNATURE: facts.method(DEFAULT)}, (SIGNATURE,))
    parameters = {"anyOf": [asked, {"type": "null"}]}
    schemas = {
        request: facts.with_ids({"instances": facts.rows(), "parameters": parameters}, ("parameters",)),
        answer: facts.with_ids({"predictions": facts.answers()}),
    }
    examples = _examples(facts, lambda asked: {"parameters": {SIGNATURE: asked}})
    predict = Operation(
        "vertex_predict", "Predict rows", {JSON: ref(answer)}, {JSON: ref(request)}, _VERTEX_TEXT, examples=examples
    )
    pages = {health: Operation("vertex_health", "Whether predictions would be answered", {})} if health else {}
    return Description("Vertex AI", "The routes that the platform sets.", predict, pages, schemas, ERROR_STRING)


def _examples(facts: ModelFacts, asking: Any) -> dict[str, Example]:
    if not facts.samples:
        return {}
    rows = facts.samples
    examples = {
        "rows": Example("Several rows", {"instances": rows}),
        "rows_by_name": Example("Several rows, by name", {"instances": facts.objects}),
    }
    if asked := facts.other_method:
        examples["method"] = Example(f"What {asked} answers", {"instances": rows, **asking(asked)})
    return examples


def _status_schema(facts: ModelFacts) -> Schema:
    status = object_of({"error_code": {"const": "OK"}, "error_message": STRING})
    states = object_of({"version": constant(facts.version), "state": {"const": "AVAILABLE"}, "status": status})
    members = {
        "name": constant(facts.served_as),
        "ready": {"const": True},
        "model_version_status": {"type": "array", "items": states},
    }
    return object_of(members)


V1 = Codec(
    "v1",
    (f"{MODEL}:predict", f"{VERSION}:predict"),
    decode,
    encode,
    error_string,
    prefixes=("/v1",),
    pages={
        MODELS: lambda contract: Answer(strict_json.dumps({"models": [contract.served_as]})),
        MODEL: _status,
        VERSION: _status,
    },
    alive={"/": Answer(strict_json.dumps({"status": "alive"}))},
    health=frozenset({MODEL, VERSION}),  # KServe's agents ask these whether the model is ready
    describe=_describe_v1,
)


def vertex(route: str | None, health: str | None) -> Codec:
    """Return the codec of Vertex AI, with the routes that the platform sets for predictions and for health checks."""
    pages = {health: lambda _contract: Answer(b"")} if health else {}
    return Codec(
        "vertex",
        (route,) if route else (),
        decode,
        encode,
        error_string,
        pages=pages,
        health=frozenset(pages),
        describe=partial(_describe_vertex, health=health),
    )
