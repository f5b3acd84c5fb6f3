"""What the Open Inference Protocol tells of server and model in its pages, and of itself in the OpenAPI document."""

from typing import Any, Final

from model.outputs import OutputDtype
from model.signature import Dtype, Signature
from service import VERSION as SERVER_VERSION
from service.formats import strict_json
from service.protocols.base import JSON, Answer, Contract, Statistics
from service.protocols.description import ERROR_STRING, Description, Example, ModelFacts, Operation
from service.protocols.open_inference.parameters import CONTENT_TYPES, OF_OUTPUT, OF_REQUEST, OF_TENSOR
from service.protocols.open_inference.tensors import BYTES, DATATYPES, OCTETS
from service.protocols.schemas import STRING, Schema, constant, header_of, list_of, object_of, ref

_SERVER: Final = {"name": "ml-service", "version": SERVER_VERSION, "extensions": ["binary_tensor_data", "statistics"]}
_DATATYPES: Final = {"float64": "FP64", "int64": "INT64", "uint64": "UINT64", "bool": "BOOL"}  # all others are BYTES
MODEL: Final = "/v2/models/<name:model>"
VERSION: Final = f"{MODEL}/versions/<name:version>"
ALL_FEATURES: Final = "features"
_TEXT: Final = (
    "One tensor with all features in order, of shape [rows, features], or one tensor of shape [rows] for each feature "
    "by name. `data` is flat, in row-major order, or nested as `shape` says; null is a missing value. `outputs` "
    "chooses outputs by the names that the metadata have.\n\n"
    "Binary tensors (`application/octet-stream`): the request is the JSON, then the bytes of the tensors whose "
    "`parameters` have `binary_data_size` in place of `data`, little-endian and in order; a string is its length in "
    "four bytes and its UTF-8. `Inference-Header-Content-Length` is the length of the JSON; 0 says that the body is "
    "the data of the only input. With `binary_data`, or `binary_data_output` for all outputs, the answer has that form."
)
_OF_LENGTH: Final = "The length of the JSON before binary tensors, in bytes; empty where there are none."
_REQUEST, _INPUT, _OUTPUT, _ANSWER = "InferRequest", "InferInput", "InferOutput", "InferResponse"
_METADATA, _STATISTICS = "ModelMetadata", "ModelStatistics"
_SHAPE: Final[Schema] = {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1, "maxItems": 8}
_DATA: Final[Schema] = {"type": "array", "items": {}}
_DATATYPE: Final[Schema] = {**STRING, "enum": sorted(DATATYPES)}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_TRUE: Final[Schema] = {"const": True}


def takes_matrix(signature: Signature) -> bool:
    """Return whether one tensor of all features is the model's input: all of them are numbers."""
    return all(feature.dtype == "float64" for feature in signature.features) and signature.layout == "matrix"


def datatype_of(dtype: Dtype | OutputDtype) -> str:
    """Return the datatype of a tensor with a feature or an output."""
    return _DATATYPES.get(dtype, BYTES)


def inputs_of(signature: Signature) -> list[dict[str, Any]]:
    """Return the model's input tensors: one of all features if all are numbers, else one for each feature."""
    features = signature.features
    if takes_matrix(signature):
        return [{"name": ALL_FEATURES, "datatype": "FP64", "shape": [-1, len(features)]}]
    return [{"name": feature.name, "datatype": datatype_of(feature.dtype), "shape": [-1]} for feature in features]


def _metadata(contract: Contract) -> Answer:
    document = {
        "name": contract.served_as,
        "versions": [contract.identity.version],
        "platform": contract.platform,
        "inputs": inputs_of(contract.signature),
        "outputs": [
            {"name": spec.name, "datatype": datatype_of(spec.dtype), "shape": [-1, *spec.shape]}
            for spec in contract.outputs
        ],
    }
    return Answer(strict_json.dumps(document))


def _ready(contract: Contract) -> Answer:
    return Answer(strict_json.dumps({"name": contract.served_as, "ready": True}))


def _counted(contract: Contract, statistics: Statistics) -> Answer:
    """Return the statistics in the shape of Triton's extension (docs/protocol/extension_statistics.md)."""

    def spent(count: int, seconds: float) -> dict[str, int]:
        return {"count": count, "ns": int(seconds * 1e9)}

    document = {
        "name": contract.served_as,
        "version": contract.identity.version,
        "inference_count": statistics.rows,
        "execution_count": statistics.succeeded,
        "inference_stats": {
            "success": spent(statistics.succeeded, statistics.succeeded_seconds),
            "fail": spent(statistics.failed, statistics.failed_seconds),
        },
        "batch_stats": [],
    }
    return Answer(strict_json.dumps({"model_stats": [document]}))


PAGES: Final = {
    "/v2/health/ready": lambda _contract: Answer(strict_json.dumps({"live": True, "ready": True})),
    MODEL: _metadata,
    VERSION: _metadata,
    f"{MODEL}/ready": _ready,
    f"{VERSION}/ready": _ready,
}
HEALTH: Final = frozenset({"/v2/health/live", "/v2/health/ready", f"{MODEL}/ready", f"{VERSION}/ready"})
STATISTICS: Final = dict.fromkeys(("/v2/models/stats", f"{MODEL}/stats", f"{VERSION}/stats"), _counted)
ALIVE: Final = {"/v2": Answer(strict_json.dumps(_SERVER)), "/v2/health/live": Answer(strict_json.dumps({"live": True}))}


def describe(facts: ModelFacts) -> Description:
    """Describe the routes below /v2."""
    binary: dict[str, Schema] = {OCTETS: {**STRING, "format": "binary"}}
    predict = Operation(
        "v2_infer",
        "Predict rows",
        {JSON: ref(_ANSWER), **binary},
        {JSON: ref(_REQUEST), **binary},
        _TEXT,
        [header_of("Inference-Header-Content-Length", _OF_LENGTH, {**STRING, "pattern": "^[0-9]{0,10}$"})],
        _examples(facts),
    )
    text = "Open Inference Protocol V2, with its binary extension and Triton's statistics."
    return Description("Open Inference Protocol V2", text, predict, _pages(facts), _schemas(facts), ERROR_STRING)


def _schemas(facts: ModelFacts) -> dict[str, Schema]:
    tensor = {"name": STRING, "shape": _SHAPE, "datatype": _DATATYPE, "data": _DATA}
    given = {**tensor, "parameters": _parameters(OF_TENSOR[1:])}
    chosen = object_of({"name": _one_of(facts), "parameters": _parameters(OF_OUTPUT)}, ("parameters",))
    request = {
        "id": {"type": ["string", "null"]},
        "inputs": list_of(ref(_INPUT)),
        "outputs": {"type": ["array", "null"], "items": chosen, "uniqueItems": True},
        "parameters": _parameters(OF_REQUEST),
        "model_name": constant(facts.served_as, nullable=True),
        "model_version": constant(facts.version, nullable=True),
    }
    output = {**tensor, "name": _one_of(facts)}
    identity = {"model_name": constant(facts.served_as), "model_version": constant(facts.version)}
    sized = object_of({"binary_data_size": _COUNT})
    answer = {**identity, "id": STRING, "outputs": list_of(ref(_OUTPUT))}
    return {
        _REQUEST: object_of(request, [name for name in request if name != "inputs"]),
        _INPUT: object_of(given, ("parameters",)),
        _OUTPUT: object_of({**output, "parameters": sized}, ("data", "parameters")),
        _ANSWER: object_of(answer, ("id",)),
        _METADATA: _metadata_schema(facts),
        _STATISTICS: _statistics_schema(facts),
    }


def _pages(facts: ModelFacts) -> dict[str, Operation]:
    server = object_of({"name": STRING, "version": STRING, "extensions": {"type": "array", "items": STRING}})
    live, ready = object_of({"live": _TRUE}), object_of({"live": _TRUE, "ready": _TRUE})
    named = object_of({"name": constant(facts.served_as), "ready": _TRUE})
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


def _metadata_schema(facts: ModelFacts) -> Schema:
    shape = {"type": "array", "items": {"type": "integer", "minimum": -1}}
    tensors = list_of(object_of({"name": STRING, "datatype": _DATATYPE, "shape": shape}))
    versions = {"type": "array", "items": constant(facts.version)}
    members = {"name": constant(facts.served_as), "versions": versions, "platform": STRING}
    return object_of({**members, "inputs": tensors, "outputs": tensors})


def _statistics_schema(facts: ModelFacts) -> Schema:
    spent = object_of({"count": _COUNT, "ns": _COUNT})
    model = object_of(
        {
            "name": constant(facts.served_as),
            "version": constant(facts.version),
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
            "datatype": datatype_of(feature.dtype),
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
