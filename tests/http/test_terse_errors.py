"""Errors of a public service: the code and its title in the shape of the protocol, and nothing of the model."""

import json
import logging
import re

import pytest

from service.errors import TABLE
from tests.badinput import BAD, NAMES
from tests.dialects import ARROW, CSV, LENGTH, NPY, V2, Asked, Table, as_npy, post
from tests.http.test_mixed import ROW, strict  # noqa: F401  # a fixture
from tests.http.test_refusals import ROUTES, SETTINGS, said

SCHEMA = [*(name.encode() for name in NAMES), b"sepal", b"petal", b"a number", b"float64", b" 4", b"iris"]
WRONG = [5.1, "3.5", 1.4]
MIXED = ["age", "bmi", "pressure", "group", "treated", "male", "site", "low", "normal", "high", "number", "string"]


def wrong(document, row):
    """Return a request with its row replaced."""
    text = json.dumps(document)
    return json.loads(text.replace(json.dumps(ROUTES["v1"][1]["instances"][0]), json.dumps(row)))


QUESTIONS = {
    protocol: [
        post(path, wrong(document, WRONG)),
        post(path, wrong(document, {"colour": 1})),
        post(path, wrong(document, [])),
        post(path, {"nothing": 1}),
    ]
    for protocol, (path, document) in ROUTES.items()
}
QUESTIONS["v2"] += [
    Asked(V2, b"123", {LENGTH: "0"}),
    post(V2, {"inputs": [{"name": "sepals", "datatype": "FP64", "shape": [1, 3], "data": [1, 2, 3]}]}),
    post("/v2/models/other/infer", {}),
]
QUESTIONS["native"] += [
    Asked("/predict", b"1,2,3\n", {"Content-Type": CSV}),
    Asked("/predict", b"ARROW1", {"Content-Type": ARROW}),
    Asked("/predict", as_npy(Table(["a"], ["float64"], [[1.0]])).body, {"Content-Type": NPY}),
]


@pytest.mark.parametrize("protocol", QUESTIONS)
def test_bad_input_is_refused_without_a_word_about_the_model(serve, protocol):
    """Not a name, type, size or category, whatever is wrong; the code stays."""
    server, open_server = serve(**SETTINGS, TERSE_ERRORS="1"), serve(**SETTINGS)
    for question in QUESTIONS[protocol]:
        answer = server.client.post(question.path, data=question.body, headers=question.headers)
        full = open_server.client.post(question.path, data=question.body, headers=question.headers)

        code, words = said(protocol, answer)
        assert (full.status_code, said(protocol, full)[0]) == (answer.status_code, code)
        assert f"{TABLE[code][1]}." == words
        assert b"errors" not in answer.data
        assert [] == [word for word in SCHEMA if word in answer.data]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_every_kind_of_bad_input_keeps_its_status_and_code(serve, bad):
    """A terse error is the same error."""
    server = serve(TERSE_ERRORS="1", MAX_BODY_BYTES="1000000", MAX_ROWS="1000")

    answer = server.client.open(bad.path, method=bad.method, data=bad.body, content_type=bad.content_type)

    assert (bad.status, bad.code) == (answer.status_code, answer.json["code"])
    assert "errors" not in answer.json
    assert [] == [name for name in NAMES if name in answer.text]


@pytest.mark.parametrize("change", [{"pressure": "hihg"}, {"bmi": "x"}, {"site": 7}, {"bmi": ...}, {"extra": 1}])
def test_categories_and_types_are_not_named(serve, strict, change):  # noqa: F811  # the fixture
    """What a strict encoder was fitted on is the model's own."""
    server = serve(strict.bundle, TERSE_ERRORS="1")
    row = {name: cell for name, cell in {**ROW, **change}.items() if cell is not ...}

    answer = server.predict({"features": row})

    assert 422 == answer.status_code
    assert [] == [word for word in MIXED if word in answer.json["detail"]]
    assert {"type", "title", "status", "detail", "code", "request_id", "trace_id", "span_id"} == set(answer.json)


def test_the_operator_can_read_what_the_caller_cannot(serve, caplog):
    """What was expected and where is in the log, under the request id; values, which may be secret, are not."""
    server = serve(TERSE_ERRORS="1", LOG_REDACT=NAMES[1])

    with caplog.at_level(logging.DEBUG):
        server.predict({"features": [5.1, "secret", 1.4, 0.2]}, **{"X-Request-ID": "abc-1"})

    assert re.search(
        rf"request abc-1 \(trace \w+\): invalid_value: /features/1: .*{re.escape(repr(NAMES[1]))}", caplog.text
    )
    assert "secret" not in caplog.text


def test_what_is_not_about_the_model_is_still_explained(serve):
    """Where the JSON is broken, how large a body may be, and which methods a route takes."""
    server = serve(TERSE_ERRORS="1", MAX_BODY_BYTES="100")

    assert "line 1 column" in server.client.post("/predict", data=b"{x", content_type="application/json").json["detail"]
    assert "at most 100 bytes" in server.client.post("/predict", data=bytes(200)).json["detail"]
    assert "takes" in server.client.put("/predict").json["detail"]
