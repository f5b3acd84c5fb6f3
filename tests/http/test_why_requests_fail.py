"""Why requests fail: what the log and the metrics say of each, so that nobody has to guess or to reproduce it."""

import hashlib
import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from model.packing.pack import pack
from service.monitoring.model_labels import MOST_FEATURES, OTHER
from tests.badinput import BAD, NAMES, ROW
from tests.http.conftest import Server
from tests.http.test_refusals import ROUTES, SETTINGS

SECRET = "hunter2"


def test_a_line_says_what_was_wrong_where_and_who_sent_it(server):
    """The status, the message, the pointer and feature of the first problem, how many there are, and the client."""
    answer = server.client.post(
        "/predict?verbose=1",
        json={"instances": [ROW, [5.1, "x", None, 0.2]]},
        environ_base={"REMOTE_ADDR": "192.0.2.7"},
        headers={"X-Forwarded-For": "203.0.113.9"},
    )

    (line,) = server.logged()
    assert {
        "code": "invalid_value",
        "status": 422,
        "detail": answer.json["detail"],
        "pointer": "/instances/1/1",
        "feature": NAMES[1],
        "problems": 2,
        "method": "POST",
        "path": "/predict",
        "client": "192.0.2.7",
        "forwarded_for": "203.0.113.9",
    }.items() <= line.items()


@pytest.mark.parametrize("protocol", ROUTES)
def test_the_status_is_the_one_that_the_caller_got(serve, protocol):
    """Some protocols answer 400 where others answer 422."""
    server = serve(**SETTINGS)

    answer = server.client.post(ROUTES[protocol][0], data=b"{}", content_type="application/json")

    assert [answer.status_code] == [line["status"] for line in server.logged()]


def test_terse_errors_are_logged_in_full(serve):
    """What the caller is not to learn, the operator is."""
    server = serve(TERSE_ERRORS="1")

    server.predict({"features": [5.1, "x", 1.4, 0.2]})

    assert f"expected a number for {NAMES[1]!r}, got the string 'x'" in server.logged()[0]["detail"]


def test_cells_are_counted_by_the_feature_that_refused_them(server):
    """Which feature is refused most is one query; what names no feature of the model counts for none."""
    server.predict({"instances": [["x", 1, 1, None], [1, 1, 1, "y"]]})
    server.predict({"features": {**dict(zip(NAMES[:3], ROW, strict=False)), "colour": 1}})

    assert [1, 0, 0, 3] == [server.metric("refused_cells_total", feature=name) for name in NAMES]


def test_features_are_counted_under_a_bounded_number_of_labels(serve, tmp_path):
    """A model of many features has one more series for all that are beyond the bound."""
    width = MOST_FEATURES + 50
    rows = np.random.default_rng(0).normal(size=(60, width))
    pack(LogisticRegression().fit(rows, np.arange(60) % 2), tmp_path, name="wide", version="1", data=rows)
    server = serve(tmp_path)

    server.predict({"features": [*rows[0][1:].tolist(), None]})

    text = server.client.get("/metrics").text
    assert MOST_FEATURES + 1 == sum(line.startswith("mlservice_refused_cells_total{") for line in text.splitlines())
    assert 1 == server.metric("refused_cells_total", feature=OTHER)


def test_a_cell_that_the_model_itself_refuses_is_counted_too(server):
    """Where its feature is known, that is in the log and in the metric."""
    server.predict({"features": [1.7e308] * 4})

    assert [("no_finite_answer", NAMES[2])] == [(line["code"], line["feature"]) for line in server.logged()]
    assert [0, 0, 1, 0] == [server.metric("refused_cells_total", feature=name) for name in NAMES]


@pytest.fixture(scope="module")
def redacting(iris_bundle):
    return Server(iris_bundle, LOG_REDACT=",".join(NAMES), MAX_BODY_BYTES="1000000", MAX_ROWS="1000")


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_redacted_features_are_not_in_a_line_that_says_why(redacting, bad):
    """What LOG_REDACT names is in no message either, whatever is wrong with the body."""
    before = len(redacting.lines)
    body = bad.body.replace(b"3.5", SECRET.encode()).replace(b"0.2", SECRET.encode())

    redacting.client.open(bad.path, method=bad.method, data=body, content_type=bad.content_type)

    assert [False] == [SECRET.encode() in line for line in redacting.lines[before:]]


def test_only_redacted_values_are_left_out(serve):
    """The place, and what was expected there, are still said; values of other features are, too."""
    server = serve(LOG_REDACT=NAMES[1])

    server.predict({"features": [5.1, SECRET, 1.4, 0.2]})
    server.predict({"features": [SECRET, 3.5, 1.4, 0.2]})

    hidden, shown = server.logged()
    assert f"/features/1: expected a number for {NAMES[1]!r}, got a value that is not logged." == hidden["detail"]
    assert (SECRET in shown["detail"], "/features/0") == (True, shown["pointer"])


def test_who_has_which_token_is_said_by_the_note_beside_it(serve, tmp_path):
    """The owner of the token of a failed request; who has no valid token is nobody."""
    tokens = {"one": "  the batch job", "two": "  -", "three": ""}
    path = tmp_path / "tokens"
    path.write_text("".join(f"{hashlib.sha256(token.encode()).hexdigest()}{note}\n" for token, note in tokens.items()))
    server = serve(TOKENS_FILE=str(path))

    for token in (*tokens, "four"):
        server.predict({}, Authorization=f"Bearer {token}")

    assert ["the batch job", None, None, None] == [line.get("owner") for line in server.logged()]
    assert ["invalid_request"] * 3 + ["unauthorized"] == [line["code"] for line in server.logged()]


@pytest.mark.parametrize("path", ["/model", "/nowhere", "/v2/models/other", "/openapi.json"])
def test_who_is_refused_anywhere_is_logged_and_counted_once(serve, tmp_path, path):
    """A request without a token leaves a line, wherever it was sent to."""
    tokens = tmp_path / "tokens"
    tokens.write_text(hashlib.sha256(b"token").hexdigest())
    server = serve(TOKENS_FILE=str(tokens))

    answer = server.client.get(path)

    (line,) = server.logged()
    assert (401, "unauthorized", answer.headers["X-Request-ID"]) == (line["status"], line["code"], line["request_id"])
    assert (None, None, "GET", path) == (line["protocol"], line["latency_ms"], line["method"], line["path"])
    assert 1 == server.metric("refused_requests_total", code="unauthorized")


def test_health_checks_of_a_server_that_drains_fill_no_log(server):
    """Not ready is what they ask for, again and again."""
    server.metrics.processes.server.draining = True

    assert 503 == server.client.get("/health/ready").status_code
    assert [] == server.lines


def test_long_and_hostile_paths_are_cut_and_escaped(server):
    """A line is bounded, and is one line."""
    server.client.get("/" + "a\n\x1b[31m" * 1000, headers={"X-Forwarded-For": "1" * 5000})

    (line,) = server.lines
    assert len(line) < 2000
    assert line.count(b"\n") == 1
    assert json.loads(line)["path"].startswith("/a")
