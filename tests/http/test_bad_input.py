"""Every kind of bad input in process: its answer, its count and its log line."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from model.packing.pack import pack
from tests.badinput import BAD, MAX_BODY_BYTES, MAX_ROWS, ROW
from tests.http.conftest import Server

MOST_PROPOSALS = 3


@pytest.fixture(scope="module")
def limits():
    return {"MAX_BODY_BYTES": str(MAX_BODY_BYTES), "MAX_ROWS": str(MAX_ROWS)}


@pytest.fixture(scope="module")
def limited(iris_bundle, limits):
    return Server(iris_bundle, **limits)


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_bad_input_is_answered_with_its_status_its_code_and_the_cell(limited, bad):
    """Each kind of bad input gets its status and code as problem+json, naming the bad cell, and is never a 5xx."""
    answer = limited.client.open(bad.path, method=bad.method, data=bad.body, content_type=bad.content_type)

    problem = json.loads(answer.data)
    assert (bad.status, bad.code) == (answer.status_code, problem["code"])
    assert answer.content_type == "application/problem+json"
    assert problem["status"] == bad.status
    assert problem["detail"]
    assert bad.pointer == (problem["errors"][0]["pointer"] if "errors" in problem else None)
    assert limited.predict({"features": ROW}).json["prediction"] == 0


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_bad_input_leaves_one_count_and_one_line_with_the_code_of_its_answer(serve, limits, bad):
    """Each is counted and logged once, with the very code, status and id of its answer, wherever it was sent to."""
    server = serve(**limits)

    answer = server.client.open(bad.path, method=bad.method, data=bad.body, content_type=bad.content_type)

    (line,) = server.logged()
    assert (bad.code, bad.status) == (line["code"], line["status"])
    assert answer.headers["X-Request-ID"] == line["request_id"]
    expected = 1 if bad.path == "/predict" else 0
    assert expected == server.metric("requests_total", protocol="native", code=bad.code)
    assert expected == server.metric("request_duration_seconds_count", protocol="native")
    assert 1 - expected == server.metric("refused_requests_total", code=bad.code)


def test_a_chunked_body_beyond_the_limit_is_refused(serve, limits):
    """A body of unannounced length is read only up to the limit."""
    server = serve(**limits)

    answer = server.client.post(
        "/predict",
        data=b" " * (MAX_BODY_BYTES + 1),
        content_type="application/json",
        headers={"Content-Length": ""},
    )

    assert (answer.status_code, answer.json["code"]) == (413, "body_too_large")


def test_every_bad_cell_is_named_up_to_a_bound(server):
    """All bad cells are reported at once, and a body of nothing else does not come back as a larger one."""
    many = server.predict({"instances": [["x"] * 4] * 50}).json

    assert len(many["errors"]) == 100
    assert {"code", "pointer", "expected", "got"} == set(many["errors"][0])
    assert many["errors"][-1]["pointer"] == "/instances/24/3"


def test_the_nearest_name_is_proposed_for_a_misspelt_one(server):
    """A misspelt feature is answered with the name that was probably meant."""
    answer = server.predict({"features": {"petal widht (cm)": 1}}).json

    assert answer["errors"][0]["expected"] == "a feature, perhaps 'petal width (cm)'"


def test_allow_names_the_methods_of_the_route(server):
    """A 405 says what the route takes (RFC 9110, 15.5.6)."""
    answer = server.client.get("/predict")

    assert {"POST", "OPTIONS"} == set(answer.headers["Allow"].split(", "))


def test_many_misspelt_names_cost_little(serve, tmp_path):
    """Proposals are made for a few names only; comparing each with each would hold a slot for seconds."""
    names = [f"measurement number {place}" for place in range(300)]
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 300)), columns=names)
    pack(LinearRegression().fit(rows, rows[names[0]]), tmp_path / "wide", name="wide", data=rows)
    server = serve(tmp_path / "wide")

    answer = server.predict({"features": {f"measurment numbr {place}": 1 for place in range(300)}})

    assert 422 == answer.status_code
    proposals = [error["expected"] for error in answer.json["errors"] if "perhaps" in error["expected"]]
    assert 1 <= len(proposals) <= MOST_PROPOSALS


def test_an_encoded_body_that_is_not_read_is_refused_by_name(server):
    """A body in brotli is not unreadable JSON; the answer says what it is."""
    answer = server.client.post(
        "/predict", data=b"x", content_type="application/json", headers={"Content-Encoding": "br"}
    )

    assert (415, "unsupported_media_type") == (answer.status_code, answer.json["code"])
    assert "'br'" in answer.json["detail"]
