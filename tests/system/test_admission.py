"""More than can be answered: what is taken is answered, the rest is refused at once, and health is always answered."""

import json
import threading
from contextlib import ExitStack

import pytest

from tests.badinput import JSON, ROW
from tests.system.conftest import background, eventually
from tests.system.sleeping import sleeping, waiting

ONE = {"WEB_CONCURRENCY": "1", "THREADS": "4", "PREDICTION_SLOTS": "2"}


def ask(server, document, answers, **headers):
    """Ask once, and keep the status and the code."""
    status, answer = None, {}
    with server.connect() as connection:
        status, answer = connection.predict(document, **headers)
    answers.append((status, answer.get("code", "ok")))


def at_once(stack, server, count, *arguments, **headers):
    answers = []
    for _ in range(count):
        thread = threading.Thread(target=ask, args=(server, *arguments, answers), kwargs=headers)
        stack.enter_context(background(thread))
    return answers


def test_health_and_metrics_always_find_a_thread_and_the_excess_is_refused_at_once(serve, gate):
    """With all slots taken and all that may wait waiting, 30 more clients are refused before any slot is free."""
    server = serve(**gate.model, **ONE, QUEUE_SECONDS="60")
    with ExitStack() as stack:
        answers = at_once(stack, server, 42, waiting())
        stack.enter_context(gate)
        eventually(lambda: len(answers) == 30, "30 refused")
        for path in ("/health/live", "/health/ready", "/metrics") * 10:
            with server.connect() as connection:
                assert 200 == connection.ask("GET", path)[0]
        assert 30 == len(answers), "no slot is free yet"

    assert 30 == sum(answer == (503, "overloaded") for answer in answers)
    assert 12 == sum(answer == (200, "ok") for answer in answers)
    assert 30 == sum(line["code"] == "overloaded" for line in server.log())


def test_a_large_request_does_not_join_others_beyond_the_bound_on_rows(serve, gate):
    """While 8 of 10 rows are being predicted, 5 more wait and 1 more does not."""
    server = serve(**gate.model, **ONE, PREDICTION_ROWS="10")
    with ExitStack() as stack:
        first = at_once(stack, server, 1, waiting(8))
        stack.enter_context(gate)
        eventually(lambda: server.metric("in_progress_requests") == 1, "predicting")
        large = at_once(stack, server, 1, sleeping(0, 5))
        assert 200 == server.predict({"features": ROW})[0]
        eventually(lambda: large, "a refusal")
        assert [] == first
    assert [(503, "overloaded")] == large


@pytest.mark.parametrize(
    ("environ", "headers"),
    [
        ({"REQUEST_SECONDS": "0.3"}, {}),
        ({}, {"X-Request-Timeout": "0.3"}),
        ({}, {"X-Envoy-Expected-Rq-Timeout-Ms": "300"}),
    ],
    ids=["setting", "header", "Envoy's"],
)
def test_what_waited_past_its_deadline_is_not_started(serve, gate, environ, headers):
    """It is answered 504 when its time is over, under a code of its own."""
    server = serve(**gate.model, **{**ONE, "PREDICTION_SLOTS": "1"}, QUEUE_SECONDS="30", **environ)
    with ExitStack() as stack:
        first = at_once(stack, server, 1, waiting())
        stack.enter_context(gate)
        eventually(lambda: server.metric("in_progress_requests") == 1, "predicting")
        late = at_once(stack, server, 1, {"features": ROW}, **headers)
        eventually(lambda: late, "an answer")
        assert [] == first, "no slot is free yet"

    assert [(200, "ok")] == first
    assert [(504, "deadline_exceeded")] == late


def test_a_caller_that_has_gone_is_not_predicted_for(serve, gate):
    """Its request waited; when its turn comes nobody is there, and the next one is served instead."""
    server = serve(**gate.model, **{**ONE, "PREDICTION_SLOTS": "1"}, QUEUE_SECONDS="30")
    with ExitStack() as stack:
        first = at_once(stack, server, 1, waiting())
        stack.enter_context(gate)
        eventually(lambda: server.metric("in_progress_requests") == 1, "predicting")
        with server.connect() as connection:
            connection.raw.request("POST", "/predict", json.dumps(sleeping(20)), {"Content-Type": JSON})
            eventually(lambda: server.metric("in_progress_requests") == 2, "waiting")
        assert [] == first
    assert 200 == server.predict({"features": ROW})[0]

    codes = [line["code"] for line in server.log()]
    assert (1, 2) == (codes.count("caller_gone"), codes.count("ok"))
