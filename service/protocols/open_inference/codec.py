"""Open Inference Protocol V2, REST, with its binary tensor extension.

kserve/open-inference-protocol, specification/protocol/inference_rest.md; the extension as Triton has it,
triton-inference-server/server, docs/protocol/extension_binary_data.md.
"""

import math
import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.outputs import OutputSpec, further_methods
from model.prediction import Prediction, Rows
from service.errors import InvalidBody
from service.formats import duplicate_names, strict_json
from service.formats.media_types import check_media_type
from service.protocols.base import JSON, Answer, Call, Codec, Contract, Header, error_string
from service.protocols.open_inference import descriptions
from service.protocols.open_inference.parameters import (
    OF_OUTPUT,
    OF_REQUEST,
    OF_TENSOR,
    is_base64,
    read_flag,
    read_parameters,
    read_string,
)
from service.protocols.open_inference.tensors import (
    BYTES,
    DATATYPES,
    OCTETS,
    cells_of,
    datatype_of,
    from_base64,
    from_bytes,
    from_json,
    shape_of,
    strings_of,
    to_bytes,
    to_json,
)
from service.validation.column_policy import RequestColumns
from service.validation.columns import Column
from service.validation.requests import check_members, invalid_request, shown

_LENGTH: Final = "Inference-Header-Content-Length"

_SIZE: Final = "binary_data_size"
_MODEL, _VERSION = "model_name", "model_version"
_MEMBERS: Final = ("id", "inputs", "outputs", "parameters", _MODEL, _VERSION)
_OF_TENSOR: Final = ("name", "shape", "datatype", "parameters", "data")


@dataclass(frozen=True)
class Wanted:
    """What the answer must have: the request's id, and pairs of an output and whether it is sent as binary data.

    If `outputs` is empty, the answer has the usual outputs, as binary data if `binary`.
    """

    id: str | None
    outputs: tuple[tuple[OutputSpec, bool], ...]
    binary: bool


@dataclass(frozen=True)
class Tensor:
    """One input as it was sent: its elements in row-major order, and the pointer to it."""

    name: str
    shape: tuple[int, ...]
    values: Column
    pointer: str


def decode(body: bytes, header: Header, contract: Contract) -> Call:
    """Read a request; the length header, and not the content type, says whether binary tensors follow the JSON."""
    check_media_type(header("Content-Type"), (JSON, OCTETS, "application/x-www-form-urlencoded", ""))
    length = header(_LENGTH)
    if length and not re.fullmatch("[0-9]{1,10}", length):
        raise InvalidBody(f"Expected a number of bytes in {_LENGTH}, got {length[:40]!r}.")
    if length and int(length) == 0:
        return Call(_raw(body, contract), single=False, wanted=Wanted(None, (), binary=True))
    size = int(length) if length else len(body)
    if size > len(body):
        raise InvalidBody(f"Expected {size} bytes of JSON as {_LENGTH} says, got {len(body)}.")
    document = duplicate_names.read(body[:size], contract.documents.read_tensors)
    if not isinstance(document, dict):
        raise invalid_request("", "an object with 'inputs'", shown(document))
    check_members(document, _MEMBERS)
    if _MODEL in document or _VERSION in document:  # KServe's clients repeat what the path says
        contract.check_name(read_string(document, _MODEL), read_string(document, _VERSION))
    parameters = read_parameters(document, "", OF_REQUEST)
    tensors = _tensors(document, memoryview(body)[size:], contract, base64=is_base64(parameters))
    rows = _rows(tensors, contract)
    wanted = _wanted(document, parameters, contract)
    return Call(rows, single=False, wanted=wanted, further=further_methods(spec for spec, _ in wanted.outputs))


def encode(call: Call, prediction: Prediction, contract: Contract) -> Answer:
    """Write the chosen outputs, in the JSON or as binary data after it."""
    wanted: Wanted = call.wanted
    chosen = wanted.outputs or tuple((spec, wanted.binary) for spec in contract.usual_outputs)
    document: dict[str, Any] = {"model_name": contract.served_as, "model_version": contract.identity.version}
    if wanted.id is not None:
        document["id"] = wanted.id
    document["outputs"] = outputs = []
    pieces = []
    for spec, binary in chosen:
        values = spec.values(prediction)
        output: dict[str, Any] = {"name": spec.name, "datatype": datatype_of(values), "shape": values.shape}
        if binary:
            pieces.append(to_bytes(values))
            output["parameters"] = {_SIZE: len(pieces[-1])}
        else:
            output["data"] = to_json(values)
        outputs.append(output)
    content = strict_json.dumps(document)
    if not pieces:
        return Answer(content)
    return Answer(b"".join([content, *pieces]), OCTETS, {_LENGTH: str(len(content))})


def _wanted(document: dict[str, Any], parameters: dict[str, Any], contract: Contract) -> Wanted:
    given = read_string(document, "id")
    outputs = document.get("outputs")
    if not isinstance(outputs, list | None):
        raise invalid_request("/outputs", "a list of outputs", shown(outputs))
    binary = read_flag(parameters, "binary_data_output", "/parameters", default=False)
    if not outputs:
        return Wanted(given, (), binary)
    declared = {spec.name: spec for spec in (*contract.outputs, *contract.row_id_output)}
    chosen: dict[str, tuple[OutputSpec, bool]] = {}
    for number, output in enumerate(outputs):
        pointer = f"/outputs/{number}"
        name = output.get("name") if isinstance(output, dict) else None
        if not isinstance(name, str) or name not in declared or name in chosen:
            raise invalid_request(f"{pointer}/name", f"one of {', '.join(declared)}, each once", shown(name))
        check_members(output, ("name", "parameters"), pointer)
        own = read_parameters(output, pointer, OF_OUTPUT)
        chosen[name] = declared[name], read_flag(own, "binary_data", f"{pointer}/parameters", default=binary)
    return Wanted(given, tuple(chosen.values()), binary)


def _tensors(document: dict[str, Any], binary: memoryview, contract: Contract, *, base64: bool) -> list[Tensor]:
    inputs, most = document.get("inputs"), contract.tables.most_columns
    if not isinstance(inputs, list) or not 0 < len(inputs) <= most:
        raise invalid_request("/inputs", f"a list of at most {most} tensors", shown(inputs))
    tensors: dict[str, Tensor] = {}
    for number, given in enumerate(inputs):
        pointer = f"/inputs/{number}"
        if not isinstance(given, dict):
            raise invalid_request(pointer, "a tensor", shown(given))
        check_members(given, _OF_TENSOR, pointer)
        name = given.get("name")
        if not isinstance(name, str) or name in tensors:
            raise invalid_request(f"{pointer}/name", "a name that no other tensor has", shown(name))
        tensors[name], binary = _tensor(name, given, pointer, binary, contract, base64=base64)
    if binary:
        raise InvalidBody(f"Expected no bytes after the tensors, got {len(binary)}.")
    return list(tensors.values())


def _tensor(
    name: str, given: dict[str, Any], pointer: str, binary: memoryview, contract: Contract, *, base64: bool
) -> tuple[Tensor, memoryview]:
    """Return a tensor, and the binary data that follow its own."""
    datatype = given.get("datatype")
    if not isinstance(datatype, str) or datatype not in DATATYPES:
        raise invalid_request(f"{pointer}/datatype", f"one of {', '.join(sorted(DATATYPES))}", shown(datatype))
    shape = shape_of(given.get("shape"), f"{pointer}/shape")
    parameters = read_parameters(given, pointer, OF_TENSOR)
    _check_size(shape, contract, f"{pointer}/shape")
    if _SIZE in parameters:
        size = parameters[_SIZE]
        if type(size) is not int or not 0 <= size <= len(binary) or "data" in given:
            raise invalid_request(f"{pointer}/parameters/{_SIZE}", f"at most the {len(binary)} bytes left", shown(size))
        values, binary = from_bytes(binary[:size], datatype, shape, pointer), binary[size:]
    elif contract.beside is not None and name == contract.row_id:
        values = cells_of(given.get("data"), shape, f"{pointer}/data")  # numbers as they are, not as float64
    else:
        values = from_json(given.get("data"), datatype, shape, f"{pointer}/data")
    if datatype == BYTES and is_base64(parameters, default=base64):
        values = [from_base64(cell, pointer) for cell in values]
    return Tensor(name, shape, values, pointer), binary


def _check_size(shape: tuple[int, ...], contract: Contract, pointer: str) -> None:
    """Raise InvalidRows, before any element is read, for more elements than rows of this model can have."""
    if shape[0] > contract.tables.max_rows:
        contract.tables.check_row_count(shape[0], pointer)
    if math.prod(shape[1:]) > len(contract.signature.names):
        raise contract.tables.wrong_shape(shape, pointer)


def _rows(tensors: list[Tensor], contract: Contract) -> Rows:
    """Return rows from one tensor of all features in order, or from one tensor for each feature by name."""
    if contract.beside is not None:
        tensors = _without_ids(tensors, contract.beside)
    names, first = contract.signature.names, tensors[0]
    if len(tensors) == 1 and (first.name not in names or first.shape[1:] == (len(names),)):
        return _matrix(first, contract)
    columns: dict[str, Column] = {}
    for tensor in tensors:
        if tensor.shape[1:] not in ((), (1,)):
            raise invalid_request(
                f"{tensor.pointer}/shape", "[rows] or [rows, 1] for one feature", str(list(tensor.shape))
            )
        columns[tensor.name] = tensor.values
    pointers = {tensor.name: tensor.pointer for tensor in tensors}
    return contract.tables.read(columns, lambda name, row: f"{pointers[name]}/data/{row}")


def _without_ids(tensors: list[Tensor], beside: RequestColumns) -> list[Tensor]:
    """Return the tensors without the one that holds the row ids, and take the ids; a tensor that is alone stays."""
    kept = [tensor for tensor in tensors if tensor.name != beside.policy.row_id]
    for tensor in tensors if kept else ():
        if tensor.name == beside.policy.row_id:
            beside.take_ids(tensor.values, f"{tensor.pointer}/data")
    return kept or tensors


def _matrix(tensor: Tensor, contract: Contract) -> Rows:
    names = contract.signature.names
    width = tensor.shape[1] if len(tensor.shape) == 2 else 1 if len(tensor.shape) == len(names) == 1 else 0
    if width != len(names):
        raise contract.tables.wrong_shape(tensor.shape, f"{tensor.pointer}/shape")
    positions = {name: position for position, name in enumerate(names)}

    def pointer_to(name: str, row: int) -> str:
        return f"{tensor.pointer}/data/{row * width + positions[name]}"

    if isinstance(tensor.values, np.ndarray):
        matrix: NDArray[Any] = tensor.values.reshape(-1, width)
        return contract.tables.read_matrix(matrix, pointer_to)
    return contract.tables.read({name: tensor.values[start::width] for name, start in positions.items()}, pointer_to)


def _raw(body: bytes, contract: Contract) -> Rows:
    """Return rows from a body that consists of the data of the model's only input tensor."""
    inputs = descriptions.inputs_of(contract.signature)
    if len(inputs) != 1:
        raise invalid_request("", f"JSON with the model's {len(inputs)} inputs", "the raw form, which takes one")
    (only,) = inputs
    content, datatype = memoryview(body), only["datatype"]
    width = len(contract.signature.names)
    if datatype == BYTES:
        return contract.tables.read({only["name"]: strings_of(content, "", contract.tables.max_rows)})
    if len(body) % (8 * width):
        raise InvalidBody(f"Expected rows of {width} float64 numbers, {8 * width} bytes each; got {len(body)} bytes.")
    shape = (len(body) // (8 * width), width)
    return contract.tables.read_matrix(np.asarray(from_bytes(content, datatype, shape, "")).reshape(shape))


V2 = Codec(
    "v2",
    (f"{descriptions.MODEL}/infer", f"{descriptions.VERSION}/infer"),
    decode,
    encode,
    error_string,
    prefixes=("/v2",),
    pages=descriptions.PAGES,
    statistics=descriptions.STATISTICS,
    alive=descriptions.ALIVE,
    health=descriptions.HEALTH,
    describe=descriptions.describe,
)
