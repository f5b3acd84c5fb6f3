"""Clients that are slow, idle, or never read: they cost themselves their request, and nobody else a moment."""

import json
import socket
import time
from contextlib import ExitStack, closing, suppress

import pytest

from tests.badinput import ROW
from tests.system.conftest import DEADLINE, eventually, launching

HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
BODY = json.dumps({"features": ROW}).encode()
SMALL = {"WEB_CONCURRENCY": "1", "THREADS": "4"}


@pytest.fixture(scope="module")
def patient(tmp_path_factory, iris_bundle):
    """Start a server that gives clients a minute for their request, which tests share."""
    with launching(tmp_path_factory, iris_bundle) as launch:
        server = launch(**SMALL, READ_SECONDS="60")
        server.wait_until_ready()
        yield server


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port), DEADLINE)


def never_reads(server):
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", server.port))
    body = json.dumps({"instances": [ROW] * 10_000}).encode()
    predicted = server.metric("rows_total")
    client.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    eventually(lambda: server.metric("rows_total") >= predicted + 10_000, "an answer that is not read")
    return client


def sends(content):
    def start(server):
        client = connect(server)
        client.sendall(content)
        return client

    return start


KINDS = {
    "half a head": (50, sends(HEAD)),
    "half a body": (50, sends(HEAD + b"Content-Length: 100\r\n\r\n{")),
    "half a chunked body": (50, sends(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{")),
    "what looks like a last chunk": (50, sends(HEAD + b"Transfer-Encoding: chunked\r\n\r\nff\r\n0\r\n\r\n")),
    "some of a body that is too large": (50, sends(HEAD + b"Content-Length: 17000000\r\n\r\n{")),
    "none of a body that is far too large": (50, sends(HEAD + b"Content-Length: 99999999999\r\n\r\n")),
    "never reads a large answer": (20, never_reads),
    "idle": (200, connect),
    "keeps its socket after the answer": (20, sends(b"GET /health HTTP/1.0\r\n\r\n")),
}


@pytest.mark.parametrize("kind", KINDS)
def test_slow_clients_keep_nobody_else_from_an_answer(patient, kind):
    """One worker of four threads answers a hundred others meanwhile; a plain gunicorn answers nobody.

    tests/system/reliability/test_slow.py measures how fast.
    """
    count, start = KINDS[kind]
    with ExitStack() as open_clients:
        for _ in range(count):
            open_clients.enter_context(start(patient))

        for _ in range(100):
            assert 200 == patient.predict({"features": ROW})[0]
        with patient.connect() as connection:
            assert 200 == connection.ask("GET", "/health")[0]


def test_clients_that_never_read_their_answer_are_let_go(serve):
    """Threads that wait for them are free again after READ_SECONDS, and the log is not flooded with it."""
    server = serve(**SMALL, READ_SECONDS="1")
    with ExitStack() as open_clients:
        for _ in range(8):
            open_clients.enter_context(never_reads(server))
        eventually(lambda: server.predict({"features": ROW})[0] == 200, "an answer")

    assert "Traceback" not in server.errors


def test_a_client_that_reads_slowly_gets_its_whole_answer(patient):
    """What it does not take at once is sent by the main loop, on a kept-alive connection, in order."""
    with closing(never_reads(patient)) as client:
        client.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY)
        time.sleep(0.2)
        answers = b""
        while b'"prediction":0' not in answers:
            answers += client.recv(4096)

    first, second = answers.split(b"HTTP/1.1 200 OK\r\n")[1:]
    head, _, body = first.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert 10_000 == len(json.loads(body)["predictions"])
    assert b'"prediction":0' in second


def test_idle_connections_make_room_for_new_ones(serve):
    """Also when there are as many as the server takes; those that were idle for longest go."""
    server = serve(**SMALL, WORKER_CONNECTIONS="20")
    with ExitStack() as open_clients:
        idle = [open_clients.enter_context(connect(server)) for _ in range(60)]
        for _ in range(20):
            assert 200 == server.predict({"features": ROW})[0]

        idle[0].settimeout(DEADLINE)
        assert b"" == idle[0].recv(1)


@pytest.mark.parametrize("content", [HEAD, HEAD + b"Content-Length: 100\r\n\r\n{"], ids=["head", "body"])
def test_a_request_that_does_not_arrive_in_time_is_408(serve, content):
    """However it trickles."""
    server = serve(**SMALL, READ_SECONDS="0.5")
    with connect(server) as client:
        client.sendall(content)
        start = time.monotonic()
        answer = b""
        with suppress(OSError):
            while time.monotonic() - start < DEADLINE and not answer:
                client.settimeout(0.1)
                with suppress(TimeoutError):
                    answer = client.recv(1000)
                client.send(b" ")

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - start < 10


def test_requests_that_come_together_are_answered_in_turn(patient):
    """Pipelining (RFC 9112, 9.3.2), whole and cut anywhere."""
    request = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
    for cut in (0, 10, len(HEAD) + 3, len(request) - 1, len(request) + 20):
        with connect(patient) as client:
            client.sendall((request * 3)[:cut])
            client.sendall((request * 3)[cut:])
            answers = b""
            while answers.count(b'"prediction":0') < 3:
                answers += client.recv(65536)

        assert 3 == answers.count(b"HTTP/1.1 200 OK")


def test_a_client_that_asks_first_is_told_to_continue(patient):
    """Expect: 100-continue (RFC 9110, 10.1.1): the body comes only after the answer to the head."""
    with connect(patient) as client:
        client.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY))
        assert client.recv(100).startswith(b"HTTP/1.1 100 ")
        for place in range(len(BODY)):
            client.sendall(BODY[place : place + 1])
        answer = b""
        while b"prediction" not in answer:
            answer += client.recv(65536)

    assert answer.startswith(b"HTTP/1.1 200 OK"), "told once"
