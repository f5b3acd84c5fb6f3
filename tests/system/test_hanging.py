"""Predictions and workers that hang: found, counted, replaced; others are answered."""

import json
import os
import signal
import threading

import pytest

from tests.badinput import JSON, ROW
from tests.system.conftest import background, eventually
from tests.system.sleeping import sleeping


def lost(server, reason):
    with server.connect() as connection:
        text = connection.ask("GET", "/metrics")[2].decode()
    return f'mlservice_workers_lost_total{{reason="{reason}"}} 0.0' not in text


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_prediction_that_hangs_costs_its_worker_and_no_other_request(serve, sleeper, workers):
    """Its caller is told, others on the worker finish, a new worker takes its place, and all is counted."""
    server = serve(**sleeper, WEB_CONCURRENCY=workers, PREDICT_SECONDS="4")
    before, answers = set(eventually(server.workers, "workers")), []

    def ask(seconds):
        with server.connect() as connection:
            status, headers, body = connection.ask("POST", "/predict", json.dumps(sleeping(seconds)), JSON)
            answers.append((status, json.loads(body).get("code"), headers["Connection"]))

    with background(threading.Thread(target=ask, args=[1000])):
        eventually(lambda: server.metric("in_progress_requests") == 1, "predicting")
        eventually(lambda: server.metric(r'workers\{state="hung"\}') == 1, "the worker is told to hang")
        eventually(lambda: server.errors.count(") hangs for PREDICT_SECONDS"), "found")
        threads = [threading.Thread(target=ask, args=[0.2]) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    eventually(lambda: len(set(server.workers()) - before) == 1, "a new worker")

    assert (504, "prediction_timeout", "close") in answers
    assert 3 == sum(status == 200 for status, _, _ in answers)
    eventually(lambda: lost(server, "hung"), "counted")
    assert 1 == [line["code"] for line in server.log()].count("prediction_timeout")
    eventually(lambda: server.metric("in_progress_requests") == 0, "nothing is in progress")
    assert 4 == server.metric("requests_total")


def test_a_prediction_that_lets_nothing_else_run_costs_its_worker(serve, sleeper):
    """With the interpreter's lock held the worker's own watch stands still; the master sees that."""
    server = serve(**sleeper, WEB_CONCURRENCY="2", PREDICT_SECONDS="3")
    before = set(eventually(server.workers, "workers"))
    with server.connect() as connection:
        connection.raw.request("POST", "/predict", json.dumps(sleeping(1000, with_lock=True)), {"Content-Type": JSON})
        eventually(lambda: len(set(server.workers()) - before) == 1, "a new worker")

    eventually(lambda: lost(server, "silent"), "counted")
    assert 200 == server.predict({"features": ROW})[0]


def test_a_worker_that_is_stopped_is_replaced(serve):
    """SIGSTOP of one of two: the other answers, and after PREDICT_SECONDS there are two again."""
    server = serve(WEB_CONCURRENCY="2", PREDICT_SECONDS="3")
    before = eventually(server.workers, "workers")
    os.kill(before[0], signal.SIGSTOP)
    eventually(lambda: server.without(before[:1]), "a new worker")

    eventually(lambda: lost(server, "silent"), "counted")
    assert [200] * 20 == [server.predict({"features": ROW})[0] for _ in range(20)]


def test_a_worker_that_is_killed_is_replaced_and_counted(serve):
    """As by the kernel, when memory is short."""
    server = serve(WEB_CONCURRENCY="2")
    before = eventually(server.workers, "workers")
    os.kill(before[0], signal.SIGKILL)
    eventually(lambda: server.without(before[:1]), "a new worker")

    eventually(lambda: lost(server, "died"), "counted")
