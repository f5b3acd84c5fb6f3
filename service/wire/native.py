"""The native protocol: `{"features": …}` or `{"instances": …}` as JSON, and its answers."""

from typing import Any

from model.engines import Prediction, Probabilities
from service import jsontext
from service.answers import by_row
from service.calls import Call
from service.errors import UnsupportedMediaType
from service.wire import Codec, Contract, duplicates

JSON = "application/json"
_UTF8 = {"charset=utf-8", "charset=utf8", 'charset="utf-8"', 'charset="utf8"'}


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
    answer: dict[str, Any]
    if call.single:
        answer = {"prediction": labels[0]}
        if prediction.probabilities is not None:
            answer["probability"] = _of_predicted(labels[0], prediction.probabilities, contract)
    else:
        answer = {"predictions": labels}
        if prediction.probabilities is not None:
            answer["probabilities"] = by_row(prediction.probabilities)
    return jsontext.dumps(answer)


NATIVE = Codec("native", JSON, decode, encode)


def _of_predicted(label: Any, probabilities: Probabilities, contract: Contract) -> Any:
    """Return the probability of the predicted class of one row, for several outputs a list of them."""
    if isinstance(probabilities, tuple):
        several = zip(label, probabilities, contract.columns, strict=True)
        return [numbers[0, columns[one]].item() for one, numbers, columns in several]
    if isinstance(label, list):  # yes or no for each output, with the probability of yes
        return [chance if one else 1 - chance for one, chance in zip(label, probabilities[0].tolist(), strict=True)]
    return probabilities[0, contract.columns[0][label]].item()


def _check(content_type: str) -> None:
    kind, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = [part for part in parameters if part.startswith("charset")]
    if kind != JSON or not set(charsets) <= _UTF8:
        got = repr(content_type[:100]) if content_type else "no Content-Type"
        raise UnsupportedMediaType(f"Expected Content-Type: {JSON} (UTF-8), got {got}.")


def _count_names(document: dict[str, Any]) -> int:
    """Count the members of a request's objects, given that it has the shape of one."""
    value = next(iter(document.values()))
    rows = value if isinstance(value, list) else [value]
    return len(document) + sum(len(row) for row in rows if isinstance(row, dict))
