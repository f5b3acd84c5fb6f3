"""What the OpenAPI document says of the Open Inference Protocol, V2."""

from typing import Any, Final

from service.protocols.described_shapes import error_string
from service.protocols.description import (
    JSON,
    STRING,
    Description,
    Example,
    ModelFacts,
    Operation,
    Schema,
    list_of,
    object_of,
    ref,
)
from service.protocols.open_inference.descriptions import ALL_FEATURES, MODEL, VERSION, datatype_of, takes_matrix
from service.protocols.open_inference.parameters import CONTENT_TYPES, OF_OUTPUT, OF_REQUEST, OF_TENSOR
from service.protocols.open_inference.tensors import DATATYPES, OCTETS

_TEXT: Final = (
    "One tensor with all features in order, of shape [rows, features], or one tensor of shape [rows] for each feature "
    "by name. `data` is flat, in row-major order, or nested as `shape` says; null is a missing value. `outputs` "
    "chooses outputs by the names that the metadata have.\n\n"
    "Binary tensors (`application/octet-stream`): the request is the JSON, then the bytes of the tensors whose "
    "`parameters` have `binary_data_size` in place of `data`, little-endian and in order; a string is its length in "
    "four bytes and its UTF-8. `Inference-Header-Content-Length` is the length of the JSON; 0 says that the body is "
    "the data of the only input. With `binary_data`, or `binary_data_output` for all outputs, the answer has that form."
)
_REQUEST, _INPUT, _OUTPUT, _ANSWER = "InferRequest", "InferInput", "InferOutput", "InferResponse"
_METADATA, _STATISTICS = "ModelMetadata", "ModelStatistics"
_SHAPE: Final[Schema] = {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1, "maxItems": 8}
_DATA: Final[Schema] = {"type": "array", "items": {}}
_DATATYPE: Final[Schema] = {**STRING, "enum": sorted(DATATYPES)}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_TRUE: Final[Schema] = {"const": True}


def describe(facts: ModelFacts) -> Description:
    """Describe the routes below /v2."""
    binary: dict[str, Schema] = {OCTETS: {**STRING, "format": "binary"}}
    predict = Operation(
        "v2_infer",
        "Predict rows",
        {JSON: ref(_ANSWER), **binary},
        {JSON: ref(_REQUEST), **binary},
        _TEXT,
        [
            {
                "name": "Inference-Header-Content-Length",
                "in": "header",
                "description": "The length of the JSON before binary tensors, in bytes; empty where there are none.",
                "schema": {**STRING, "pattern": "^[0-9]{0,10}$"},
            }
        ],
        _examples(facts),
    )
    text = "Open Inference Protocol V2, with its binary extension and Triton's statistics."
    return Description("Open Inference Protocol V2", text, predict, _pages(facts), _schemas(facts), error_string())


def _schemas(facts: ModelFacts) -> dict[str, Schema]:
    tensor = {"name": STRING, "shape": _SHAPE, "datatype": _DATATYPE, "data": _DATA}
    given = {**tensor, "parameters": _parameters(OF_TENSOR[1:])}
    chosen = object_of({"name": _one_of(facts), "parameters": _parameters(OF_OUTPUT)}, ("parameters",))
    request = {
        "id": {"type": ["string", "null"]},
        "inputs": list_of(ref(_INPUT)),
        "outputs": {"type": ["array", "null"], "items": chosen, "uniqueItems": True},
        "parameters": _parameters(OF_REQUEST),
        "model_name": _known(facts.served_as, nullable=True),
        "model_version": _known(facts.version, nullable=True),
    }
    output = {**tensor, "name": _one_of(facts)}
    identity = {"model_name": _known(facts.served_as), "model_version": _known(facts.version)}
    sized = object_of({"binary_data_size": _COUNT})
    answer = {**identity, "id": STRING, "outputs": list_of(ref(_OUTPUT))}
    return {
        _REQUEST: object_of(request, [name for name in request if name != "inputs"]),
        _INPUT: object_of(given, ("parameters",)),
        _OUTPUT: object_of({**output, "parameters": sized}, ("data", "parameters")),
        _ANSWER: object_of(answer, ("id",)),
        _METADATA: _metadata(facts),
        _STATISTICS: _statistics(facts),
    }


def _pages(facts: ModelFacts) -> dict[str, Operation]:
    server = object_of({"name": STRING, "version": STRING, "extensions": {"type": "array", "items": STRING}})
    live, ready = object_of({"live": _TRUE}), object_of({"live": _TRUE, "ready": _TRUE})
    named = object_of({"name": _known(facts.served_as), "ready": _TRUE})
    metadata = Operation("v2_model", "The inputs and outputs of the model", {JSON: ref(_METADATA)})
    is_ready = Operation("v2_model_ready", "Whether predictions would be answered", {JSON: named})
    statistics = Operation("v2_model_statistics", "Counts of requests by outcome", {JSON: ref(_STATISTICS)})
    return {
        "/v2": Operation("v2_server", "The server and its extensions", {JSON: server}),
        "/v2/health/live": Operation("v2_live", "Whether the process answers", {JSON: live}),
        "/v2/health/ready": Operation("v2_ready", "Whether predictions would be answered", {JSON: ready}),
        **dict.fromkeys((MODEL, VERSION), metadata),
        **dict.fromkeys((f"{MODEL}/ready", f"{VERSION}/ready"), is_ready),
        **dict.fromkeys((f"{MODEL}/stats", f"{VERSION}/stats"), statistics),
        "/v2/models/stats": Operation("v2_statistics", "Counts of requests by outcome", {JSON: ref(_STATISTICS)}),
    }


def _metadata(facts: ModelFacts) -> Schema:
    shape = {"type": "array", "items": {"type": "integer", "minimum": -1}}
    tensors = list_of(object_of({"name": STRING, "datatype": _DATATYPE, "shape": shape}))
    versions = {"type": "array", "items": _known(facts.version)}
    members = {"name": _known(facts.served_as), "versions": versions, "platform": STRING}
    return object_of({**members, "inputs": tensors, "outputs": tensors})


def _statistics(facts: ModelFacts) -> Schema:
    spent = object_of({"count": _COUNT, "ns": _COUNT})
    model = object_of(
        {
            "name": _known(facts.served_as),
            "version": _known(facts.version),
            "inference_count": {**_COUNT, "description": "Rows predicted."},
            "execution_count": {**_COUNT, "description": "Requests answered."},
            "inference_stats": object_of({"success": spent, "fail": spent}),
            "batch_stats": {"type": "array", "items": {}, "maxItems": 0},
        }
    )
    return object_of({"model_stats": list_of(model)})


def _parameters(known: tuple[str, ...]) -> Schema:
    """Return the parameters of a part of a request; those that are null count as absent."""
    types: dict[str, Schema] = {
        "content_type": {"enum": [*CONTENT_TYPES, None]},
        "binary_data": {"type": ["boolean", "null"]},
        "binary_data_output": {"type": ["boolean", "null"]},
    }
    members = {name: types.get(name, {}) for name in known}
    return {"type": ["object", "null"], "properties": members, "additionalProperties": {"type": "null"}}


def _known(value: str | None, *, nullable: bool = False) -> Schema:
    if value is None:
        return {"type": ["string", "null"]} if nullable else STRING
    return {"enum": [value, None]} if nullable else {"const": value}


def _one_of(facts: ModelFacts) -> Schema:
    names = [spec.name for spec in facts.outputs]
    if facts.row_id is not None:
        names.append(facts.row_id)
    return {**STRING, "enum": names} if facts.outputs else STRING


def _examples(facts: ModelFacts) -> dict[str, Example]:
    if not facts.samples or facts.signature is None:
        return {}
    rows, features = facts.samples, facts.signature.features

    inputs: list[dict[str, Any]] = [
        {
            "name": feature.name,
            "shape": [len(rows)],
            "datatype": datatype_of(feature),
            "data": [row[column] for row in rows],
        }
        for column, feature in enumerate(features)
    ]
    examples = {"tensors": Example("A tensor for each feature", {"inputs": inputs})}
    if takes_matrix(facts.signature):
        flat = [cell for row in rows for cell in row]
        inputs = [{"name": ALL_FEATURES, "shape": [len(rows), len(features)], "datatype": "FP64", "data": flat}]
        examples = {"tensor": Example("One tensor of all features", {"inputs": inputs}), **examples}
    body = {"id": "7", "inputs": inputs, "outputs": [{"name": spec.name} for spec in facts.outputs]}
    return {**examples, "outputs": Example("Outputs by name", body)}
