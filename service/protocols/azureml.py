"""`/score`, the route of Azure Machine Learning's MLflow deployments and of its inference server.

microsoft/azureml-inference-server; "Deploy MLflow models to online endpoints", for `input_data`.
"""

from typing import Any, Final

from model.prediction import Prediction
from service.errors import Failure
from service.formats import strict_json
from service.formats.media_types import check_media_type
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
    SPLIT,
    asked_method,
    is_split,
    known_method,
    read_columns,
    read_document,
    read_instances,
    read_split,
    values_by_row,
)
from service.protocols.schemas import COLUMNS, Schema, object_of, ref
from service.tracing.context import RequestIds
from service.validation.requests import check_members, invalid_request, only_member, shown

_MEMBERS: Final = ("input_data", "data")
_TEXT: Final = (
    "Rows, columns by name, or a data frame in pandas' split form, whose members may also stand in the document, "
    "beside `data`. `params` asks for another output than the labels, and so does `method`, which stands only beside "
    "`input_data` or `data`. The answer is a bare list: row ids do not come back."
)
_REQUEST, _FRAME = "ScoreRequest", "ScoreFrame"


def decode(body: bytes, header: Header, contract: Contract) -> Call:
    """Read `input_data` or `data`: a data frame in pandas' split form, a list of rows, or columns by name.

    The members of a split data frame may stand in the document itself, as pandas writes them.
    """
    check_media_type(header("Content-Type"), (JSON,))
    document = read_document(body, contract)
    name = only_member(document, _MEMBERS)
    if name is None:
        raise invalid_request("", f"an object with one of {', '.join(_MEMBERS)}", shown(document))
    framed = name == "data" and len(document) > 1
    beside = {each: document[each] for each in SPLIT if each in document} if framed else {}
    check_members(document, (name, "params", "method", *beside))
    value, pointer = document[name], f"/{name}"
    if len(beside) > 1:
        rows = read_split(beside, contract, "")
    elif isinstance(value, dict) and is_split(value, contract.signature.names):
        rows = read_split(value, contract, pointer)
    elif isinstance(value, dict):
        rows = read_columns(value, contract, pointer)
    else:
        rows = read_instances(value, contract, pointer)
    method = _method(document, contract)
    return Call(rows, single=False, wanted=method, further=contract.further(method))


def encode(call: Call, prediction: Prediction, _contract: Contract) -> Answer:
    """Write the list of labels, or of the output that was asked for, as an MLflow deployment does."""
    return Answer(strict_json.dumps(values_by_row(prediction.of(call.wanted))))


def refuse(failure: Failure, _ids: RequestIds) -> Answer:
    """Describe a failure as the inference server does, with its header where it is not the caller's fault."""
    headers = {"x-ms-run-function-failed": "True"} if failure.status == 500 else {}
    return Answer(strict_json.dumps({"message": code_and_message(failure)}), JSON, headers, status_without_422(failure))


def _method(document: dict[str, Any], contract: Contract) -> str:
    """Return the method that the caller asks for: in `params` as with MLflow, or in `method` as with automated ML."""
    if "method" not in document:
        return asked_method(document, contract)
    check_members(document, (*_MEMBERS, *SPLIT, "method"))  # not both
    return known_method(document["method"], contract, "/method")


def describe(facts: ModelFacts) -> Description:
    """Describe POST /score."""
    answers = {JSON: facts.answers()}
    requests: dict[str, Schema] = {JSON: {"anyOf": [ref(_REQUEST), ref(_FRAME)]}}
    predict = Operation("score", "Predict rows", answers, requests, _TEXT, examples=_examples(facts))
    error = object_of({"message": CODE_AND_MESSAGE})
    return Description("Azure Machine Learning", "`/score`.", predict, schemas=_schemas(facts), error=error)


def _schemas(facts: ModelFacts) -> dict[str, Schema]:
    rows = {"anyOf": [facts.rows(), ref(COLUMNS), ref(SPLIT_FRAME)]}
    asked = {"params": PARAMS_OR_NULL}, {"method": facts.method()}
    requests = {
        f"Score{name}With{''.join(each).capitalize()}": object_of({member: rows} | each, tuple(each))
        for name, member in (("InputData", "input_data"), ("Data", "data"))
        for each in asked
    }
    frame = facts.split_frame()
    named = object_of(frame["properties"] | asked[0], ("columns", "index", "params"))
    shared = {PARAMS: facts.mlflow_params(), SPLIT_FRAME: frame}
    return {**shared, **requests, _REQUEST: {"anyOf": [ref(name) for name in requests]}, _FRAME: named}


def _examples(facts: ModelFacts) -> dict[str, Example]:
    if not facts.samples:
        return {}
    rows = facts.samples
    frame = {"columns": facts.names, "index": list(range(len(rows))), "data": rows}
    examples = {
        "rows": Example("Several rows", {"input_data": rows}),
        "columns": Example("Columns by name", {"input_data": facts.columns}),
        "frame": Example("A data frame", {"input_data": frame}),
        "frame_in_the_document": Example("A data frame in the document itself", frame),
    }
    if asked := facts.other_method:
        examples["method"] = Example(f"What {asked} answers", {"data": rows, "method": asked})
    return examples


AZURE = Codec("azure", ("/score",), decode, encode, refuse, prefixes=("/score",), describe=describe)
