"""The native protocol: `{"features": …}` or `{"instances": …}` in JSON, or many rows in another format."""

from dataclasses import dataclass, replace
from typing import Any, Final

from model.outputs import PREDICT, OutputSpec, further_methods
from model.prediction import Prediction, Probabilities
from service.formats import arrow, csv_text, duplicate_names, npy, strict_json
from service.formats.media_types import check_media_type, choose, parse_content_type
from service.protocols import row_formats
from service.protocols.base import JSON, Answer, Call, Codec, Contract, Header, problem_json
from service.protocols.description import Description, Example, ModelFacts, Operation
from service.protocols.json_shapes import read_document, row_ids, values_by_row
from service.protocols.schemas import (
    LABEL,
    PROBABILITIES,
    PROBABILITY,
    ROW,
    ROW_ID,
    STRING,
    Schema,
    array_of,
    component_of,
    list_of,
    object_of,
    ref,
)
from service.validation.column_policy import RequestColumns
from service.validation.request_schema import MANY, OUTPUTS, SINGLE

_TEXT: Final = (
    "Send one row as `features`, or a list of rows as `instances`. `outputs` names what the answer is to have, and "
    "then it has nothing else. Many rows may also be CSV, npy or Arrow. The answer is of the type that `Accept` "
    "asks for. Bodies may be compressed (`Content-Encoding: gzip` or `deflate`)."
)
_ONE, _MANY, _ONE_ANSWER, _MANY_ANSWER = "PredictOne", "PredictMany", "PredictedOne", "PredictedMany"
_CHOSEN: Final = "PredictedOutputs"
_BODIES = (JSON, *row_formats.READ)
_ANSWERS = (JSON, *row_formats.WRITE)


@dataclass(frozen=True)
class Chosen:
    """The outputs that a caller named, and the media type of the answer."""

    media_type: str
    outputs: tuple[OutputSpec, ...]


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


def describe(facts: ModelFacts) -> Description:
    """Describe POST /predict."""
    others: dict[str, Schema] = {csv_text.MEDIA_TYPE: STRING, npy.MEDIA_TYPE: {}, arrow.STREAM: {}}
    requests = {JSON: {"anyOf": [ref(_ONE), ref(_MANY)]}, **others, arrow.FILE: {}}
    answers = {JSON: {"anyOf": [ref(_ONE_ANSWER), ref(_MANY_ANSWER), ref(_CHOSEN)]}, **others}
    predict = Operation("predict", "Predict one row or many", answers, requests, _TEXT, examples=_examples(facts))
    return Description("native", "The protocol of this service.", predict, schemas=_schemas(facts))


def _schemas(facts: ModelFacts) -> dict[str, Schema]:
    name = {**STRING, "enum": [spec.member for spec in facts.outputs]} if facts.outputs else STRING
    names = {OUTPUTS: {**list_of(name), "uniqueItems": True}}
    answer = {"prediction": ref(LABEL), "probability": ref(PROBABILITY)}
    answers = {"predictions": list_of(ref(LABEL)), "probabilities": list_of(ref(PROBABILITIES))}
    if facts.signature and not facts.signature.probabilities:
        del answer["probability"], answers["probabilities"]
    optional = [] if facts.signature else ["probability", "probabilities"]
    return {
        _ONE: facts.with_ids({SINGLE: ref(ROW), **names}, (OUTPUTS,), single=True),
        _MANY: facts.with_ids({MANY: list_of(ref(ROW), facts.max_rows), **names}, (OUTPUTS,)),
        _ONE_ANSWER: facts.with_ids(answer, optional, single=True),
        _MANY_ANSWER: facts.with_ids(answers, optional),
        _CHOSEN: _chosen(facts) | {"description": "The outputs that the request named."},
    }


def _chosen(facts: ModelFacts) -> Schema:
    """Return the schema of an answer to a request that names outputs: of one row, or lists for many."""
    if facts.signature is None:
        return {"type": "object"}
    members: dict[str, Schema] = {}
    for spec in facts.outputs:
        one, many = _value(spec), list_of(_value(spec))
        if spec.method == PREDICT:
            members |= {"prediction": one, spec.member: many}
        else:
            members[spec.member] = {"anyOf": [one, many]}
    if facts.row_id is not None:
        members[facts.row_id] = {"anyOf": [ref(ROW_ID), list_of(ref(ROW_ID))]}
    return {**object_of(members), "required": [], "minProperties": 1}


def _value(spec: OutputSpec) -> Schema:
    """Return the schema of an output that was asked for by name; labels of several types become strings there."""
    if spec.index is not None:
        return array_of({"type": "number"}, spec.shape[0])
    of_method = ref(component_of(spec.method))
    return {"anyOf": [of_method, STRING]} if spec.dtype == "string" and not spec.shape else of_method


def _examples(facts: ModelFacts) -> dict[str, Example]:
    """Return requests with the samples in each form; the one that names outputs names all that the model has."""
    if not facts.samples:
        return {}
    rows, first = facts.samples, facts.samples[0]
    text = facts.signature is not None and facts.signature.layout == "text"
    bare = {"string": Example("One row, as a bare string", {SINGLE: first[0]}, single=True)} if text else {}
    outputs = [spec.member for spec in facts.outputs]
    return {
        **bare,
        "row": Example("One row, by position", {SINGLE: first}, single=True),
        "row_by_name": Example("One row, by name", {SINGLE: facts.objects[0]}, single=True),
        "rows": Example("Several rows", {MANY: rows}),
        "rows_by_name": Example("Several rows, by name", {MANY: facts.objects}),
        "outputs": Example("Outputs by name", {MANY: rows, OUTPUTS: outputs}),
        "csv": Example("Several rows as CSV", facts.csv(head=True), "text/csv", {"Accept": "text/csv"}),
    }


NATIVE = Codec("native", ("/predict",), decode, encode, problem_json, describe=describe)
