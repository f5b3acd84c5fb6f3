"""Where a request ends, on the wire: nothing of a body is ever a request, and framing costs no more than its bytes."""

import json
import socket
from contextlib import suppress

import pytest

from tests.badinput import ROW
from tests.system.conftest import DEADLINE, launching

BODY = json.dumps({"features": ROW}).encode()
HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
WHOLE = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
INNER = b"GET /inner HTTP/1.1\r\nHost: x\r\n\r\n"
GET = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory, iris_bundle):
    with launching(tmp_path_factory, iris_bundle) as launch:
        server = launch(WEB_CONCURRENCY="1", READ_SECONDS="1", MAX_BODY_BYTES="1000000")
        server.wait_until_ready()
        yield server


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port), DEADLINE)


def received(client):
    """Return all that comes until the server closes the connection, or closes it with a reset."""
    found = b""
    with suppress(ConnectionResetError):
        while piece := client.recv(65536):
            found += piece
    return found


@pytest.mark.parametrize(
    "head",
    [
        GET + b"Content-Length: %022d\r\n\r\n" % len(INNER),
        HEAD + b"Content-Length: 9999999999999999\r\n\r\n",
        HEAD + b"Connection: keep-alive\r\nConnection: close\r\nContent-Length: 99999999999\r\n\r\n",
        HEAD + b"Expect: 100-continue\r\nContent-Length: 2000000\r\n\r\n",
        GET + b"Transfer-Encoding: chunked\r\n\r\n" + b"zz\r\n",
    ],
    ids=["padded length", "huge length", "two connection fields", "refused expectation", "no chunk"],
)
def test_a_body_is_never_taken_for_a_request(server, head):
    """Not its end that comes later, nor what of it was thrown away."""
    with connect(server) as client:
        client.sendall(head)
        with suppress(OSError):  # refused already
            client.sendall(INNER)
            client.shutdown(socket.SHUT_WR)
        answer = received(client)

    assert b"inner" not in answer
    assert answer.count(b"HTTP/1.1 ") <= 1


def test_chunks_may_be_small(server):
    """A byte in each of twenty thousand is no more than a client may send that writes as it goes."""
    body = b"1\r\n \r\n" * 20_000 + b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
    with connect(server) as client:
        client.sendall(HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
        answer = received(client)

    assert answer.startswith(b"HTTP/1.1 200 OK")


def test_an_empty_line_around_a_request_is_none_of_it(server):
    """RFC 9112, 2.2: neither refused nor waited for, so that no answer comes that nobody asked for."""
    with connect(server) as client:
        for _ in range(2):
            client.sendall(b"\r\n" + GET + b"\r\n" + b"\r\n")
        client.sendall(GET + b"Connection: close\r\n\r\n")
        answer = received(client)

    assert [b"200"] * 3 == [each[:3] for each in answer.split(b"HTTP/1.1 ")[1:]]
    with connect(server) as client:
        client.sendall(b"\r\n" + HEAD + b"Content-Length: 999999999\r\n\r\n")
        assert received(client).startswith(b"HTTP/1.1 413 ")


def test_an_empty_line_alone_begins_no_request(server):
    """A client that sends one behind its request would be told 408 as the answer to its next."""
    with connect(server) as client:
        client.sendall(GET + b"\r\n\r\n")
        client.settimeout(2)  # twice READ_SECONDS
        found = b""
        with pytest.raises(TimeoutError):
            while True:
                found += client.recv(65536)

    assert 1 == found.count(b"HTTP/1.1 ")


def test_unfinished_uploads_cost_nobody_else_the_answer(server):
    """However many bytes wait for their end: small requests, health checks first, go on."""
    uploads = [connect(server) for _ in range(20)]
    try:
        for upload in uploads:
            upload.sendall(HEAD + b"Content-Length: 1000000\r\n\r\n" + b" " * 999_000)
        assert {200} == {server.predict({"features": ROW})[0] for _ in range(20)}
        assert 200 == server.ready()
        assert {b"HTTP/1.1 503", b"HTTP/1.1 408"} == {upload.recv(12) for upload in uploads}
    finally:
        for upload in uploads:
            upload.close()
