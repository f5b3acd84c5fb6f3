"""`/invocations`: MLflow's scoring server and SageMaker's containers share the path, but not the bodies.

mlflow/mlflow, mlflow/pyfunc/scoring_server/__init__.py; SageMaker, "Use your own inference code with hosting services".
An object with one of MLflow's members, and CSV with a header line, are MLflow's, and are answered as it does. A bare
list, CSV without a header line, JSON Lines and npy are SageMaker's, and are answered as `Accept` says.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

from model.outputs import OutputSpec
from model.prediction import Prediction, Rows
from service import VERSION
from service.errors import Failure, InvalidRows, Problem
from service.formats import csv_text, duplicate_names, npy, strict_json
from service.formats.media_types import check_media_type, choose, parse_content_type
from service.protocols import row_formats
from service.protocols.base import JSON, Answer, Call, Codec, Contract, Header, code_and_message, status_without_422
from service.protocols.description import (
    CODE_AND_MESSAGE,
    PARAMS,
    PARAMS_OR_NULL,
    SPLIT_FRAME,
    Description,
    Example,
    ModelFacts,
    Operation,
)
from service.protocols.json_shapes import (
    asked_method,
    read_columns,
    read_document,
    read_instances,
    read_split,
    row_ids,
    values_by_row,
)
from service.protocols.schemas import ROW, STRING, Schema, object_of, ref
from service.tracing.context import RequestIds
from service.validation.requests import check_members, invalid_request, only_member, shown

LINES: Final = "application/jsonlines"
_TEXT: Final = (
    "The body says whether MLflow or SageMaker is meant. An object with `dataframe_split`, `dataframe_records`, "
    "`instances` or `inputs`, and CSV with a header line, are MLflow's: the answer has `predictions`. A bare list, CSV "
    "without a header line, JSON Lines and npy are SageMaker's: the answer is a bare list, of the type that `Accept` "
    "asks for. Columns by name are lists of the same length."
)
_WRAPPED: Final = "WrappedRow"
_REQUEST, _LIST, _ANSWER = "InvocationsRequest", "InvocationsRows", "InvocationsPredictions"
_BODIES: Final = (JSON, csv_text.MEDIA_TYPE, LINES, "application/x-jsonlines", npy.MEDIA_TYPE)
_ANSWERS: Final = (JSON, csv_text.MEDIA_TYPE, LINES, npy.MEDIA_TYPE)


def _read_wrapped(rows: Any, contract: Contract, pointer: str) -> Rows:
    """Return rows that may be wrapped, as SageMaker's own algorithms take them: `{"features": row}`."""
    if isinstance(rows, list) and rows and isinstance(rows[0], dict) and len(rows[0]) == 1:
        rows = _unwrapped(rows, contract)
    return read_instances(rows, contract, pointer)


def _unwrapped(rows: list[Any], contract: Contract) -> list[Any]:
    """Unwrap rows; if the model has a feature of that name, an object with a bare value is a row and stays as it is."""
    wrapped = (list, dict) if "features" in contract.signature.names else object
    return [
        row["features"]
        if isinstance(row, dict) and row.keys() == {"features"} and isinstance(row["features"], wrapped)
        else row
        for row in rows
    ]


_MEMBERS: Final = {
    "dataframe_split": read_split,
    "dataframe_records": read_instances,
    "instances": _read_wrapped,
    "inputs": read_columns,
}
# MLflow's names of errors (mlflow/protos/databricks.proto) by status; all others are BAD_REQUEST.
_NAMES: Final = {404: "RESOURCE_DOES_NOT_EXIST", 500: "INTERNAL_ERROR", 503: "TEMPORARILY_UNAVAILABLE"}

_MOST_MB: Final = 100  # of all the requests that a batch transform job may send at once


@dataclass(frozen=True)
class Wanted:
    """What the answer must have: MLflow's envelope or none, a media type, the output of a method."""

    wrapped: bool
    media_type: str
    method: str


def decode(body: bytes, header: Header, contract: Contract) -> Call:
    """Read rows as the content type says; the shape of a JSON document says how to read its rows."""
    media_type = check_media_type(header("Content-Type"), _BODIES)
    wanted = Wanted(wrapped=False, media_type=choose(header("Accept"), _ANSWERS), method=contract.predict_fn)
    if media_type == csv_text.MEDIA_TYPE:
        rows, headed = csv_text.read(body, parse_content_type(header("Content-Type"))[1], contract.tables)
        wanted = replace(wanted, wrapped=headed and wanted.media_type == JSON)
    elif media_type == npy.MEDIA_TYPE:
        rows = row_formats.read_npy(body, contract)
    elif media_type != JSON:
        rows = _read_lines(body, contract)
    else:
        rows, wanted = _read_json(read_document(body, contract), wanted, contract)
    return Call(rows, single=False, wanted=wanted, further=contract.further(wanted.method))


def _read_json(document: Any, wanted: Wanted, contract: Contract) -> tuple[Rows, Wanted]:
    if isinstance(document, list):
        return _read_wrapped(document, contract, ""), wanted
    name = only_member(document, _MEMBERS)
    if name is None:
        expected = f"an object with one of {', '.join(_MEMBERS)} and perhaps params, or a list of rows"
        raise invalid_request("", expected, shown(document))
    check_members(document, (name, "params"))
    rows = _MEMBERS[name](document[name], contract, f"/{name}")
    return rows, Wanted(wrapped=True, media_type=JSON, method=asked_method(document, contract))


def encode(call: Call, prediction: Prediction, contract: Contract) -> Answer:
    """Write the output of the method that was asked for, in the format that the caller accepts."""
    wanted: Wanted = call.wanted
    if wanted.media_type in (npy.MEDIA_TYPE, csv_text.MEDIA_TYPE):
        return _table(wanted, prediction, [spec for spec in contract.outputs if spec.method == wanted.method])
    answer = values_by_row(prediction.of(wanted.method))
    if wanted.media_type == LINES:
        return Answer(b"".join(strict_json.dumps(each) + b"\n" for each in answer), LINES)
    if wanted.wrapped:
        answer = {"predictions": answer}
        if contract.beside is not None:
            answer |= row_ids(prediction, contract)
    return Answer(strict_json.dumps(answer))


def _table(wanted: Wanted, prediction: Prediction, specs: list[OutputSpec]) -> Answer:
    """Write outputs as an array, or as lines without a header line."""
    if wanted.media_type == csv_text.MEDIA_TYPE:
        columns = row_formats.flat_columns(prediction, specs)
        return Answer(csv_text.write(columns, head=False), f"{csv_text.MEDIA_TYPE}; charset=utf-8")
    if len(specs) == 1:
        return Answer(npy.write(npy.strings_as_array(specs[0].values(prediction))), npy.MEDIA_TYPE)
    return Answer(row_formats.WRITE[npy.MEDIA_TYPE](prediction, specs), npy.MEDIA_TYPE)


def refuse(failure: Failure, _ids: RequestIds) -> Answer:
    """Describe a failure as MLflow does: with its names of errors; an unsupported content type in plain text."""
    if failure.status == 415:
        return Answer(code_and_message(failure).encode(), "text/plain; charset=utf-8", status=415)
    status = status_without_422(failure)
    document = {"error_code": _NAMES.get(status, "BAD_REQUEST"), "message": code_and_message(failure)}
    return Answer(strict_json.dumps(document), status=status)


def _read_lines(body: bytes, contract: Contract) -> Rows:
    """Return rows from JSON Lines: lists, objects by name, bare values, or rows that are wrapped."""
    most = contract.tables.max_rows
    lines = body.split(b"\n", most + 1)
    if len(lines) > most + 1:
        raise InvalidRows((Problem("too_many_rows", "", f"at most {most} lines", "more"),))
    contract.documents.check(body, lines=True)
    rows = [duplicate_names.read(line, strict_json.loads) for line in lines if line.strip()]
    return read_instances(_unwrapped(rows, contract), contract, "")


def describe(facts: ModelFacts) -> Description:
    """Describe POST /invocations, and the pages that MLflow and SageMaker ask for."""
    texts: dict[str, Schema] = {csv_text.MEDIA_TYPE: STRING, LINES: STRING, npy.MEDIA_TYPE: {}}
    predict = Operation(
        "invocations",
        "Predict rows",
        {JSON: {"anyOf": [ref(_ANSWER), facts.answers()]}, **texts},
        {JSON: {"anyOf": [ref(_REQUEST), ref(_LIST)]}, **texts},
        _TEXT,
        examples=_examples(facts),
    )
    error = object_of({"error_code": STRING, "message": CODE_AND_MESSAGE})
    return Description("MLflow, SageMaker", "`/invocations`.", predict, _pages(), _schemas(facts), error)


def _pages() -> dict[str, Operation]:
    text: dict[str, Schema] = {"text/plain": STRING}
    transforms = object_of(
        {
            "MaxConcurrentTransforms": {"type": "integer"},
            "BatchStrategy": {"const": "MULTI_RECORD"},
            "MaxPayloadInMB": {"type": "integer"},
        }
    )
    return {
        "/ping": Operation("ping", "Whether predictions would be answered", text),
        "/version": Operation("server_version", "The version of the server", text),
        "/execution-parameters": Operation("execution_parameters", "How batch transform jobs ask", {JSON: transforms}),
    }


def _schemas(facts: ModelFacts) -> dict[str, Schema]:
    wrapped = facts.rows(ref(_WRAPPED))
    bodies: dict[str, Schema] = {
        "dataframe_split": ref(SPLIT_FRAME),
        "dataframe_records": facts.rows(),
        "instances": {"anyOf": [facts.rows(), wrapped]},
        "inputs": facts.rows_or_columns(),
    }
    requests = {
        f"Invocations{''.join(word.capitalize() for word in name.split('_'))}": facts.with_ids(
            {name: rows, "params": PARAMS_OR_NULL}, ("params",)
        )
        for name, rows in bodies.items()
    }
    return {
        PARAMS: facts.mlflow_params(),
        _WRAPPED: object_of({"features": ref(ROW)}),
        **requests,
        SPLIT_FRAME: facts.split_frame(),
        _REQUEST: {"anyOf": [ref(name) for name in requests]},
        _LIST: {"anyOf": [facts.rows(), wrapped]},
        _ANSWER: facts.with_ids({"predictions": facts.answers()}),
    }


def _examples(facts: ModelFacts) -> dict[str, Example]:
    if not facts.samples:
        return {}
    rows, csv = facts.samples, csv_text.MEDIA_TYPE
    lines = "".join(f"{strict_json.dumps(row).decode()}\n" for row in rows)
    examples = {
        "dataframe_split": Example(
            "MLflow: a data frame, split", {"dataframe_split": {"columns": facts.names, "data": rows}}
        ),
        "dataframe_records": Example("MLflow: a data frame, as records", {"dataframe_records": facts.objects}),
        "instances": Example("MLflow: rows", {"instances": rows}),
        "inputs": Example("MLflow: columns by name", {"inputs": facts.columns}),
        "list": Example("SageMaker: a bare list", rows),
        "wrapped": Example("SageMaker: rows that are wrapped", [{"features": row} for row in rows]),
        "csv_with_names": Example("MLflow: CSV with a header line", facts.csv(head=True), csv),
        "lines": Example("SageMaker: JSON Lines", lines, LINES, {"Accept": LINES}),
    }
    if facts.signature and all(feature.dtype == "float64" for feature in facts.signature.features):
        examples["csv"] = Example("SageMaker: CSV without names", facts.csv(head=False), csv, {"Accept": csv})
    if asked := facts.other_method:
        body = {"instances": rows, "params": {"predict_method": asked}}
        examples["method"] = Example(f"MLflow: what {asked} answers", body)
    return examples


def invocations(threads: int, max_body_bytes: int) -> Codec:
    """Return the codec of a server with this many threads in each worker, and this limit on bodies."""
    return Codec(
        "invocations",
        ("/invocations",),
        decode,
        encode,
        refuse,
        prefixes=("/invocations", "/ping", "/version", "/execution-parameters"),
        pages={"/ping": lambda _contract: Answer(b"\n", "text/plain; charset=utf-8")},
        health=frozenset({"/ping"}),
        alive={
            "/version": Answer(VERSION.encode(), "text/plain; charset=utf-8"),
            "/execution-parameters": _execution_parameters(threads, max_body_bytes),
        },
        describe=describe,
    )


def _execution_parameters(threads: int, max_body_bytes: int) -> Answer:
    """Tell batch transform jobs how many requests to send at once, and how large they may be.

    SageMaker refuses a job if the product of both is over 100 MB, and reads a size of 0 as no limit.
    """
    transforms = min(threads, _MOST_MB)
    size = max(1, min(max_body_bytes // 2**20, _MOST_MB // transforms))
    document = {"MaxConcurrentTransforms": transforms, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": size}
    return Answer(strict_json.dumps(document))
