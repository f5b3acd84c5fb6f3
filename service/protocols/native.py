"""The native protocol: `{"features": …}` or `{"instances": …}` in JSON, or many rows in another format."""

from dataclasses import dataclass, replace
from typing import Any

from model.outputs import PREDICT, OutputSpec, further_methods
from model.prediction import Prediction, Probabilities
from service.formats import duplicate_names, strict_json
from service.formats.media_types import check_media_type, choose, parse_content_type
from service.protocols import row_formats
from service.protocols.base import JSON, Answer, Call, Codec, Contract, Header
from service.protocols.error_shapes import problem_json
from service.protocols.json_shapes import read_document, row_ids, values_by_row
from service.protocols.native_description import describe
from service.validation.column_policy import RequestColumns
from service.validation.request_schema import MANY, SINGLE


@dataclass(frozen=True)
class Chosen:
    """The outputs that a caller named, and the media type of the answer."""

    media_type: str
    outputs: tuple[OutputSpec, ...]


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
    if contract.beside is not None:
        rows, single, outputs = contract.schema.load(_admitted(read_document(body, contract), contract.beside))
    else:
        document = contract.documents.read(body)
        rows, single, outputs = contract.schema.load(document)
        names = _count_names(document)
        del document  # the check for duplicate names needs the memory
        duplicate_names.refuse(body, names)
    if not outputs:
        return Call(rows, single, wanted)
    specs = {spec.member: spec for spec in contract.outputs}
    chosen = tuple(specs[name] for name in outputs)
    return Call(rows, single, Chosen(wanted, chosen), further_methods(chosen))


def encode(call: Call, prediction: Prediction, contract: Contract) -> Answer:
    """Write labels in the estimator's own types, and probabilities in the order of the classes."""
    if isinstance(call.wanted, Chosen):
        chosen = replace(call.wanted, outputs=(*call.wanted.outputs, *contract.row_id_output))
        return _answer_with(chosen, prediction, single=call.single)
    if call.wanted != JSON:
        return Answer(row_formats.WRITE[call.wanted](prediction, contract.usual_outputs), call.wanted)
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
    if contract.beside is not None:
        ids = row_ids(prediction, contract)
        answer |= {name: values[0] for name, values in ids.items()} if call.single else ids
    return Answer(strict_json.dumps(answer))


NATIVE = Codec("native", ("/predict",), decode, encode, problem_json, describe=describe)


def _of_predicted(label: Any, probabilities: Probabilities, contract: Contract) -> Any:
    """Return the probability of one row's predicted class, or of each predicted class if a row has several labels."""
    if isinstance(probabilities, tuple):
        several = zip(label, probabilities, contract.columns, strict=True)
        return [chances[0, columns[predicted]].item() for predicted, chances, columns in several]
    if isinstance(label, list):  # yes or no for each, with the probability of yes
        return [chance if yes else 1 - chance for yes, chance in zip(label, probabilities[0].tolist(), strict=True)]
    return probabilities[0, contract.columns[0][label]].item()


def _answer_with(chosen: Chosen, prediction: Prediction, *, single: bool) -> Answer:
    """Write the outputs that the caller named, and no others, of all rows or of the single one."""
    if chosen.media_type != JSON:
        return Answer(row_formats.WRITE[chosen.media_type](prediction, chosen.outputs), chosen.media_type)
    answer = {spec.member: spec.values(prediction).tolist() for spec in chosen.outputs}
    if single:
        labels = {spec.member for spec in chosen.outputs if spec.method == PREDICT}
        answer = {"prediction" if member in labels else member: values[0] for member, values in answer.items()}
    return Answer(strict_json.dumps(answer))


def _admitted(document: Any, beside: RequestColumns) -> Any:
    """Return a request whose rows have the model's columns, as far as the policy adds or removes some."""
    if not isinstance(document, dict):
        return document
    row = {SINGLE: beside.rows([document[SINGLE]])[0]} if SINGLE in document else {}
    return {**document, **row, **({MANY: beside.rows(document[MANY])} if MANY in document else {})}


def _count_names(document: dict[str, Any]) -> int:
    """Count the members of the objects in a valid request."""
    value = document[SINGLE] if SINGLE in document else document[MANY]
    rows = value if isinstance(value, list) else [value]
    return len(document) + sum(len(row) for row in rows if isinstance(row, dict))
