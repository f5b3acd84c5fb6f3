"""The native protocol: `{"features": …}` or `{"instances": …}` as JSON, and its answers."""

from email.message import Message
from typing import Any

from model.engines import Prediction
from service import jsontext
from service.calls import Call
from service.errors import UnsupportedMediaType
from service.wire import Codec, Contract, duplicates

JSON = "application/json"


def decode(body: bytes, content_type: str, contract: Contract) -> Call:
    """Read a request; raises UnsupportedMediaType, InvalidJson and InvalidRows."""
    if content_type != JSON:
        _check(content_type)
    document = jsontext.loads(body)
    rows, single = contract.schema.load(document)
    duplicates.refuse(body, _count_names(document))
    return Call(rows, single)


def encode(call: Call, prediction: Prediction, contract: Contract) -> bytes:
    """Write the answer: labels as the estimator's own types, probabilities in the order of the classes."""
    labels = prediction.labels.tolist()
    probabilities = prediction.probabilities
    answer: dict[str, Any]
    if call.single:
        answer = {"prediction": labels[0]}
        if probabilities is not None:
            answer["probability"] = probabilities[0, contract.columns[labels[0]]].item()
    else:
        answer = {"predictions": labels}
        if probabilities is not None:
            answer["probabilities"] = probabilities
    return jsontext.dumps(answer)


NATIVE = Codec("native", JSON, decode, encode)


def _check(content_type: str) -> None:
    parsed = Message()
    parsed["Content-Type"] = content_type
    known = content_type and parsed.get_content_type() == JSON
    if not known or parsed.get_content_charset("utf-8") != "utf-8":
        got = repr(content_type[:100]) if content_type else "no Content-Type"
        raise UnsupportedMediaType(f"Expected Content-Type: {JSON} (UTF-8), got {got}.")


def _count_names(document: dict[str, Any]) -> int:
    """Count the members of a request's objects, given that it has the shape of one."""
    value = next(iter(document.values()))
    rows = [value] if isinstance(value, dict) else value
    return len(document) + sum(len(row) for row in rows if isinstance(row, dict))
