"""The master is killed: its workers stop listening at once, answer what they have, and end within two seconds."""

import json
import socket
import threading
import time
from contextlib import ExitStack, suppress
from http.client import HTTPException

import pytest

from tests.badinput import JSON, ROW
from tests.system.conftest import DEADLINE, background, eventually, gone
from tests.system.sleeping import sleeping

SECONDS = 2
# What a busy machine adds.
SLACK = 1


def refuses(server):
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE):
            return False
    except ConnectionRefusedError:
        return True


def kill_master(server):
    """Kill the master alone, and check what becomes of its children."""
    children = server.children()
    server.process.kill()
    start = time.monotonic()
    eventually(lambda: refuses(server), "a port that nobody listens on", SLACK)
    eventually(lambda: all(map(gone, children)), "all of them ended", SECONDS + SLACK - (time.monotonic() - start))


def warm(server):
    """Have the main loop answer requests itself: they have shown to be quick."""
    with server.connect() as connection:
        for _ in range(100):
            assert 200 == connection.predict(sleeping(0))[0]


def ask(server, document, answers):
    with server.connect() as connection, suppress(OSError, HTTPException):
        status, _, _ = connection.ask("POST", "/predict", json.dumps(document), JSON)
        answers.append(status)


def test_workers_that_are_idle_end(serve):
    """Connections are refused and not left to hang, also those that are kept alive."""
    server = serve(WEB_CONCURRENCY="2", WATCH_SECONDS="0.2")
    with server.connect() as connection:
        assert 200 == connection.predict({"features": ROW})[0]
        kill_master(server)


def sleeps(server):
    """Say whether a prediction has begun to sleep, as the kernel knows it: a busy worker answers no scrape."""
    return server.waiting_in("hrtimer_nanosleep")


@pytest.fixture
def predicting(serve, sleeper):
    """Have a server predict twice for so many seconds, in a thread or in the main loop; it, and what it answers."""
    with ExitStack() as asked:

        def start(seconds, *, in_loop, with_lock=False):
            server = serve(**sleeper, WEB_CONCURRENCY="1")
            if in_loop:
                warm(server)
            answers = []
            document = sleeping(seconds, with_lock=with_lock)
            asked.enter_context(background(threading.Thread(target=ask, args=[server, document, answers])))
            eventually(lambda: sleeps(server), "a prediction")
            return server, answers

        yield start


@pytest.mark.parametrize("in_loop", [False, True], ids=["a thread", "the main loop"])
def test_what_is_in_flight_is_answered(predicting, in_loop):
    """Whatever works on it; meanwhile nobody listens."""
    server, answers = predicting(0.5, in_loop=in_loop)
    kill_master(server)

    assert [200] == eventually(lambda: answers, "the answer")


@pytest.mark.parametrize("in_loop", [False, True], ids=["a thread", "the main loop"])
def test_what_takes_longer_does_not_keep_a_worker(predicting, in_loop):
    """It is recorded as having taken too long."""
    server, answers = predicting(30, in_loop=in_loop)
    kill_master(server)

    assert [] == answers
    assert "prediction_timeout" == server.log()[-1]["code"]


def test_a_prediction_that_lets_nothing_else_run_does_not_keep_a_worker(predicting):
    """Nothing of the worker's own runs any more: the kernel ends it, and with it its listener."""
    server, _ = predicting(1000, in_loop=False, with_lock=True)
    children = server.children()
    server.process.kill()

    eventually(lambda: all(map(gone, children)), "all of them ended", SECONDS + SLACK)
    eventually(lambda: refuses(server), "a port that nobody listens on", SLACK)
