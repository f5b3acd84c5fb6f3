"""Azure Machine Learning's `/score`, as its MLflow deployments and its inference server have it.

microsoft/azureml-inference-server; "Deploy MLflow models to online endpoints", for `input_data`.
"""

from typing import Final

from model.prediction import Prediction
from service.errors import Failure
from service.formats import duplicate_names, strict_json
from service.formats.media_types import check_media_type
from service.protocols.base import JSON, Answer, Codec, Contract, Header
from service.protocols.call import Call
from service.protocols.error_shapes import plain_status, told
from service.protocols.json_shapes import read_columns, read_instances, read_split
from service.validation.cells import shown
from service.validation.requests import invalid_request, only_member

_MEMBERS: Final = ("input_data", "data")


def decode(body: bytes, header: Header, contract: Contract) -> Call:
    """Read `input_data` or `data`: a data frame as pandas splits it, a list of rows, or columns by name."""
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
    """Say it as the inference server does, with its header where it was not the caller's fault."""
    headers = {"x-ms-run-function-failed": "True"} if failure.status == 500 else {}
    return Answer(strict_json.dumps({"message": told(failure)}), JSON, headers, plain_status(failure))


AZURE = Codec("azure", ("/score",), decode, encode, refuse, prefixes=("/score",))
