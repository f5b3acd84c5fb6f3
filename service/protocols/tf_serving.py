"""TensorFlow Serving's REST protocol, which KServe calls V1, and Vertex AI's, which is a part of it.

tensorflow/serving, docs/api_rest.md; Vertex AI, "Custom container requirements for prediction".
"""

from dataclasses import dataclass, replace
from typing import Any

from model.outputs import PREDICT
from model.prediction import Prediction
from service.formats import strict_json
from service.formats.media_types import check_media_type
from service.protocols.base import JSON, Answer, Call, Codec, Contract, Header
from service.protocols.error_shapes import error_string
from service.protocols.json_shapes import (
    object_at,
    read_columns,
    read_document,
    read_instances,
    row_ids,
    values_by_row,
)
from service.protocols.tf_serving_description import DEFAULT, MODEL, MODELS, SIGNATURE, VERSION, describe_v1
from service.validation.cells import shown
from service.validation.requests import check_members, invalid_request, only_member


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
    describe=describe_v1,
)
# The platform sets its routes; see registry.
VERTEX = Codec("vertex", (), decode, encode, error_string)
