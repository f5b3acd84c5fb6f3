"""Bad input and malformed HTTP do not affect the requests that follow."""

import json
import socket

import pytest

from tests.badinput import BAD, JSON, MAX_BODY_BYTES, MAX_ROWS, ROW
from tests.system.conftest import DEADLINE, launching

LIMITS = {"MAX_BODY_BYTES": str(MAX_BODY_BYTES), "MAX_ROWS": str(MAX_ROWS), "WEB_CONCURRENCY": "1"}


@pytest.fixture(scope="module")
def server(tmp_path_factory, iris_bundle):
    """Serve all the bad input of this module with one server, so that none of it spoils what comes after."""
    with launching(tmp_path_factory, iris_bundle) as launch:
        server = launch(**LIMITS)
        server.wait_until_ready()
        yield server


def test_after_any_bad_input_the_same_connection_still_works(server):
    """Each kind of bad input, one after the other on one connection, each followed by a good request."""
    with server.connect() as connection:
        for bad in BAD:
            status, _, body = connection.ask(bad.method, bad.path, bad.body, bad.content_type)
            assert (bad.status, bad.code) == (status, json.loads(body)["code"]), bad.name
            status, answer = connection.predict({"features": ROW})
            assert (200, 0) == (status, answer["prediction"]), bad.name

    codes = [line["code"] for line in server.log()]
    assert [bad.code for bad in BAD] == [code for code in codes if code != "ok"]
    assert len(BAD) == codes.count("ok")


@pytest.mark.parametrize("extra", [1, 3 * MAX_BODY_BYTES], ids=["a byte", "megabytes"])
@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
def test_a_body_that_is_too_large_is_413_however_it_is_sent(server, chunked, extra):
    """The client gets its answer although it is still sending, and its next request is answered."""
    body = b" " * (MAX_BODY_BYTES + extra)
    pieces = (body[start : start + 65536] for start in range(0, len(body), 65536))
    with server.connect() as connection:
        headers = {"Content-Type": JSON}
        connection.raw.request("POST", "/predict", pieces if chunked else body, headers, encode_chunked=chunked)
        answer = connection.raw.getresponse()

        assert (413, "body_too_large") == (answer.status, json.loads(answer.read())["code"])
        assert 200 == connection.predict({"features": ROW})[0]


def test_a_body_far_too_large_is_refused_unread(server):
    """A terabyte is not read to be told that it is too much."""
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as connection:
        connection.sendall(HEAD + b"Content-Length: 1099511627776\r\n\r\n[")

        assert connection.recv(65536).startswith(b"HTTP/1.1 413")


HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
MALFORMED = {
    "chunk size": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "chunk without end": HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}xx0\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "length and chunks": HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "negative length": HEAD + b"Content-Length: -1\r\n\r\n",
    "no request at all": b"\x16\x03\x01\x02\x00\r\n\r\n",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_http_is_400_and_the_connection_ends(server, name):
    """Where one request ends and the next begins is unknown, so nothing more is read."""
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as connection:
        connection.sendall(MALFORMED[name])
        answer = b"".join(iter(lambda: connection.recv(65536), b""))

    assert answer.startswith(b"HTTP/1.1 400")
    assert 1 == answer.count(b"HTTP/1.1")
    assert 200 == server.predict({"features": ROW})[0]


def test_a_body_cut_short_is_no_request(server):
    """A client that dies in the middle of its body is not predicted for."""
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as connection:
        connection.sendall(HEAD + b'Content-Length: 100\r\n\r\n{"features": [1, 1, 1, 1]}')
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))

    assert answer.startswith(b"HTTP/1.1 400")
    assert b"incomplete_body" in answer
