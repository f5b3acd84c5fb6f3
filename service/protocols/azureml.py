"""`/score`, the route of Azure Machine Learning's MLflow deployments and of its inference server.

microsoft/azureml-inference-server; "Deploy MLflow models to online endpoints", for `input_data`.
"""

from typing import Final

from model.prediction import Prediction
from service.errors import Failure
from service.formats import duplicate_names, strict_json
from service.formats.media_types import check_media_type
from service.protocols.base import JSON, Answer, Call, Codec, Contract, Header
from service.protocols.error_shapes import code_and_message, status_without_422
from service.protocols.json_shapes import read_columns, read_instances, read_split
from service.validation.cells import shown
from service.validation.requests import invalid_request, only_member

_MEMBERS: Final = ("input_data", "data")


def decode(body: bytes, header: Header, contract: Contract) -> Call:
    """Read `input_data` or `data`: a data frame in pandas' split form, a list of rows, or columns by name."""
    check_media_type(header("Content-Type"), (JSON,))
    document = duplicate_names.read(body, contract.documents.read)
    name = only_member(document, _MEMBERS)
    if name is None:
        raise invalid_request("", f"an object with one of {', '.join(_MEMBERS)}", shown(document))
    value, pointer = document[name], f"/{name}"
    if isinstance(value, dict) and "data" in value and "data" not in contract.signature.names:
        rows = read_split(value, contract, pointer)
    elif isinstance(value, dict):
        rows = read_columns(value, contract, pointer)
    else:
        rows = read_instances(value, contract, pointer)
    return Call(rows, single=False)


def encode(_call: Call, prediction: Prediction, _contract: Contract) -> Answer:
    """Write the list of labels, as an MLflow deployment does."""
    return Answer(strict_json.dumps(prediction.labels.tolist()))


def refuse(failure: Failure, _request_id: str) -> Answer:
    """Describe a failure as the inference server does, with its header where it is not the caller's fault."""
    headers = {"x-ms-run-function-failed": "True"} if failure.status == 500 else {}
    return Answer(strict_json.dumps({"message": code_and_message(failure)}), JSON, headers, status_without_422(failure))


AZURE = Codec("azure", ("/score",), decode, encode, refuse, prefixes=("/score",))
