"""A document with one member more, renamed or moved is refused or answered as it was: nothing is ever dropped."""

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from service.protocols.registry import registry_of
from tests.badinput import NAMES, ROW
from tests.dialecttable import VERTEX
from tests.http.conftest import Server
from tests.http.test_refusals import ROUTES

ROWS = [ROW, [6.7, 3.0, 5.2, 2.3]]
OBJECTS = [dict(zip(NAMES, row, strict=True)) for row in ROWS]
COLUMNS = {name: list(column) for name, column in zip(NAMES, zip(*ROWS, strict=True), strict=True)}
SPLIT = {"columns": NAMES[::-1], "index": [7, 8], "data": [row[::-1] for row in ROWS]}
TENSORS = [{"name": name, "datatype": "FP64", "shape": [2], "data": column} for name, column in COLUMNS.items()]
V2_PARAMETERS = {
    "binary_data_output": False,
    "content_type": "np",
    "headers": {"a": "b"},
    "sequence_id": 1,
    "priority": 2,
    "sequence_start": True,
    "sequence_end": False,
    "timeout": 3,
    "triton_enable_empty_final_response": False,
}
V1, V2, PREDICT = "/v1/models/case:predict", "/v2/models/case/infer", "/predict"
PROBA = "predict_proba"


@dataclass(frozen=True)
class Document:
    """A valid request. `meaning` are names that mean something else where they would be added, by pointer."""

    path: str
    content: Any
    meaning: dict[str, set[str]] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Say which one it is."""
        return f"{self.path} {list(self.content)[:3]}"


OF_NATIVE = {"": {"features", "instances", "outputs"}}
OF_V1 = {"": {"instances", "inputs", "signature_name", "parameters"}, "/parameters": {"signature_name"}}
OF_MLFLOW = {"": {"instances", "inputs", "dataframe_split", "dataframe_records", "params"}}
OF_AZURE = {"": {"input_data", "data", "columns", "index", "params", "method"}}
DOCUMENTS = [
    Document(PREDICT, {"features": OBJECTS[1]}, OF_NATIVE),
    Document(PREDICT, {"instances": OBJECTS}, OF_NATIVE),
    Document(PREDICT, {"instances": ROWS, "outputs": ["probabilities"]}, OF_NATIVE),
    Document(V1, {"instances": OBJECTS, "parameters": {"signature_name": PROBA}}, OF_V1),
    Document(V1, {"inputs": COLUMNS, "signature_name": PROBA, "parameters": {}}, OF_V1),
    Document(VERTEX, {"instances": ROWS, "parameters": {"signature_name": PROBA}}, OF_V1),
    Document("/invocations", {"dataframe_split": SPLIT, "params": {"predict_method": PROBA}}, OF_MLFLOW),
    Document("/invocations", {"dataframe_records": OBJECTS, "params": {"predict_method": PROBA}}, OF_MLFLOW),
    Document("/invocations", {"instances": [{"features": OBJECTS[1]}], "params": {"predict_method": PROBA}}, OF_MLFLOW),
    Document("/invocations", {"inputs": COLUMNS, "params": {"predict_method": PROBA}}, OF_MLFLOW),
    Document("/invocations", [{"features": row} for row in ROWS]),
    Document("/score", {"input_data": SPLIT, "params": {"predict_method": PROBA}}, OF_AZURE),
    Document("/score", {**SPLIT, "method": PROBA}, OF_AZURE),
    Document("/score", {"data": COLUMNS, "method": PROBA}, OF_AZURE),
    Document(
        V2,
        {
            "id": "a-7",
            "model_name": "case",
            "model_version": "1",
            "parameters": V2_PARAMETERS,
            "inputs": [{**each, "parameters": {"content_type": "np"}} for each in TENSORS],
            "outputs": [{"name": PROBA, "parameters": {"binary_data": False, "content_type": "np"}}],
        },
        {"/parameters": {"headers"}, "/inputs/*/parameters": {"binary_data_size"}},
    ),
    Document(
        V2,
        {"inputs": TENSORS},
        {"": {"id", "parameters", "outputs", "model_name", "model_version"}, "/inputs/*": {"parameters"}},
    ),
]
# What one protocol knows is what a caller may send to another.
WORDS = sorted({*re.findall(r"'(\w+)'", repr([document.content for document in DOCUMENTS])), *NAMES})
FURTHER = ["classes", "column_names", "dtype", "label", "names", "method", "threshold", "output", "instance", "Inputs"]


def members(part: Any, pointer: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every object of a document, with its pointer."""
    if isinstance(part, dict):
        yield pointer, part
        for name, value in part.items():
            yield from members(value, f"{pointer}/{name}")
    elif isinstance(part, list):
        for place, value in enumerate(part):
            yield from members(value, f"{pointer}/{place}")


@st.composite
def names(draw, document):
    """Return a name that is not there yet: of another place, of another protocol, misspelt, or any."""
    near = st.sampled_from(WORDS).flatmap(
        lambda word: st.sampled_from([word.upper(), f"{word} ", word[:-1], f"{word}s"])
    )
    return draw(st.one_of(st.sampled_from([*WORDS, *FURTHER]), near, st.text(max_size=5)))


@st.composite
def changes(draw, document):
    """Return the document with one member more, renamed or moved; where a name has a meaning, it is not a change."""
    content = copy.deepcopy(document.content)
    places = list(members(content))
    pointer, target = draw(st.sampled_from(places))
    kind = draw(st.sampled_from(["more", "renamed", "moved"]))
    if kind == "more":
        name = draw(names(document))
        parts = st.sampled_from([value for _, part in places for value in part.values()])
        value = draw(st.one_of(parts, st.sampled_from([NAMES[::-1], PROBA, "base64", True, 0, {}, [], [ROW], "1"])))
    else:
        source = target if kind == "renamed" else draw(st.sampled_from(places))[1]
        assume(source)
        old = draw(st.sampled_from(sorted(source)))
        name, value = draw(names(document)) if kind == "renamed" else old, source[old]
        assume(source is not target or kind == "renamed")
        assume(not any(part is target for _, part in members(value)))  # not into itself
        del source[old]
    assume(name not in target)
    assume(name not in document.meaning.get(re.sub(r"\d+", "*", pointer), ()))
    target[name] = copy.deepcopy(value)
    return content


@pytest.fixture(scope="module")
def server(iris_bundle):
    return Server(iris_bundle, MODEL_NAME="case", PREDICT_ROUTE=VERTEX)


def test_every_protocol_of_json_has_a_document(server):
    """A new protocol is tried like the others."""
    protocols = registry_of(server.settings)

    assert set(ROUTES) == {protocols.of_path(document.path).name for document in DOCUMENTS}


@pytest.mark.parametrize("document", DOCUMENTS, ids=repr)
@given(data=st.data())
def test_a_changed_document_is_refused_or_answered_as_it_was(server, document, data):
    """Whatever the protocol, the member and the place."""
    expected = server.client.post(document.path, json=document.content)
    changed = data.draw(changes(document))

    answer = server.client.post(document.path, json=changed)

    assert 200 == expected.status_code
    assert expected.json == answer.json or 400 <= answer.status_code < 500, (changed, answer.json)
