"""Requests to a model that has shown to be quick: answered in the main loop, and still each rightly and in turn."""

import json
import threading

from tests.badinput import JSON, ROW
from tests.system.conftest import background, eventually
from tests.system.sleeping import sleeping, waiting

ENOUGH = 64


def warm(server, document):
    with server.connect() as connection:
        for _ in range(ENOUGH):
            assert 200 == connection.predict(document)[0]


def test_many_requests_in_one_segment_are_all_answered_in_order(serve):
    """However many follow each other on one connection: none is answered within another."""
    server = serve(WEB_CONCURRENCY="1")
    warm(server, {"features": ROW})
    body = json.dumps({"features": ROW})
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: {JSON}\r\nContent-Length: {len(body)}\r\n"
    with server.connect() as connection:
        connection.raw.connect()
        sent = [f"{head}X-Request-ID: r{place}\r\n\r\n{body}".encode() for place in range(500)]
        connection.raw.sock.sendall(b"".join(sent))
        answers, received = connection.raw.sock.makefile("rb"), []
        for line in answers:
            if line.startswith(b"X-Request-ID: "):
                received.append(line.split()[1].decode())
            if len(received) == len(sent):
                break

    assert [f"r{place}" for place in range(500)] == received


def test_a_quick_model_that_is_slow_for_once_holds_nobody_up_twice(serve, gate):
    """After the first slow answer the main loop is free again: health and others are answered beside the next."""
    server = serve(**gate.model, WEB_CONCURRENCY="1")
    warm(server, sleeping(0))
    assert 200 == server.predict(sleeping(0.2))[0]

    with background(threading.Thread(target=server.predict, args=[waiting()])), gate:
        eventually(lambda: server.metric("in_progress_requests") == 1, "predicting")
        assert 200 == server.ready()
        assert 200 == server.predict(sleeping(0))[0]
        assert server.metric("in_progress_requests") == 1


def test_more_connections_than_threads_are_all_answered(serve, sleeper):
    """What finds no thread waits for one, and is not refused."""
    server = serve(**sleeper, WEB_CONCURRENCY="1", THREADS="4", PREDICTION_SLOTS="4")
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(server.predict(sleeping(0.2))[0])) for _ in range(4 + 2 * 4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [200] * len(threads) == answers
