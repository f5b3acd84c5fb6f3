"""The native protocol: `{"features": …}` or `{"instances": …}` in JSON, or many rows in another format."""

from typing import Any

from model.prediction import Prediction, Probabilities
from service.formats import duplicate_names, strict_json
from service.formats.media_types import check_media_type, choose, parse_content_type
from service.protocols import row_formats
from service.protocols.base import JSON, Answer, Call, Codec, Contract, Header
from service.protocols.error_shapes import problem_json
from service.protocols.json_shapes import values_by_row
from service.validation.request_schema import MANY

_BODIES = (JSON, *row_formats.READ)
_ANSWERS = (JSON, *row_formats.WRITE)


def decode(body: bytes, header: Header, contract: Contract) -> Call:
    """Read a request; raises ServiceError."""
    content_type, wanted = header("Content-Type"), choose(header("Accept"), _ANSWERS)
    if content_type != JSON:
        media_type = check_media_type(content_type, _BODIES)
        if media_type in row_formats.READ:
            parameters = parse_content_type(content_type)[1]
            return Call(row_formats.READ[media_type](body, parameters, contract), single=False, wanted=wanted)
    if (numbers := contract.rows.read_body(body, MANY)) is not None:
        return Call(contract.schema.load({MANY: numbers})[0], single=False, wanted=wanted)
    document = contract.documents.read(body)
    rows, single = contract.schema.load(document)
    names = _count_names(document)
    del document  # the check for duplicate names needs its memory
    duplicate_names.refuse(body, names)
    return Call(rows, single, wanted)


def encode(call: Call, prediction: Prediction, contract: Contract) -> Answer:
    """Write labels in the estimator's own types, and probabilities in the order of the classes."""
    if call.wanted != JSON:
        return Answer(row_formats.WRITE[call.wanted](prediction, contract.outputs), call.wanted)
    labels = prediction.labels.tolist()
    answer: dict[str, Any]
    if call.single:
        answer = {"prediction": labels[0]}
        if prediction.probabilities is not None:
            answer["probability"] = _of_predicted(labels[0], prediction.probabilities, contract)
    else:
        answer = {"predictions": labels}
        if prediction.probabilities is not None:
            answer["probabilities"] = values_by_row(prediction.probabilities)
    if prediction.further:
        answer |= _further(prediction, call, contract)
    return Answer(strict_json.dumps(answer))


NATIVE = Codec("native", ("/predict",), decode, encode, problem_json)


def _of_predicted(label: Any, probabilities: Probabilities, contract: Contract) -> Any:
    """Return the probability of one row's predicted class, or of each of them where a row has several labels."""
    if isinstance(probabilities, tuple):
        several = zip(label, probabilities, contract.columns, strict=True)
        return [numbers[0, columns[one]].item() for one, numbers, columns in several]
    if isinstance(label, list):  # yes or no for each, with the probability of yes
        return [chance if one else 1 - chance for one, chance in zip(label, probabilities[0].tolist(), strict=True)]
    return probabilities[0, contract.columns[0][label]].item()


def _further(prediction: Prediction, call: Call, contract: Contract) -> dict[str, Any]:
    """Return the other outputs by name, of all rows or of the single one."""
    specs = [spec for spec in contract.outputs if spec.method in prediction.further]
    found = {spec.member: spec.values(prediction).tolist() for spec in specs}
    return {member: values[0] if call.single else values for member, values in found.items()}


def _count_names(document: dict[str, Any]) -> int:
    """Count the members of the objects in a valid request."""
    value = next(iter(document.values()))
    rows = value if isinstance(value, list) else [value]
    return len(document) + sum(len(row) for row in rows if isinstance(row, dict))
