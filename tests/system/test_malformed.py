"""What is not HTTP, or only almost: refused with 4xx, in the form of all errors, saying nothing of what runs here."""

import json
import random
import socket
import ssl

import pytest

from tests.badinput import ROW
from tests.system.conftest import DEADLINE, eventually, launching

BODY = json.dumps({"features": ROW}).encode()
HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
REFUSED = {
    "plus in the length": HEAD + b"Content-Length: +5\r\n\r\nhello",
    "hexadecimal length": HEAD + b"Content-Length: 0x5\r\n\r\nhello",
    "list of lengths": HEAD + b"Content-Length: 5, 6\r\n\r\nhello",
    "empty length": HEAD + b"Content-Length: \r\n\r\n",
    "length and chunks": HEAD + LENGTH + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "unknown coding": HEAD + b"Transfer-Encoding: gzip\r\n\r\n",
    "chunked not last": HEAD + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "chunked twice": HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "xchunked": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunk size with prefix": CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n",
    "chunk size with underscore": CHUNKED + b"1_0\r\nhello\r\n0\r\n\r\n",
    "negative chunk": CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n",
    "chunk longer than its size": CHUNKED + b"4\r\nhello\r\n0\r\n\r\n",
    "chunks with bare LF": CHUNKED + b"5\nhello\n0\n\n",
    "folded header": HEAD + LENGTH + b"X-A: b\r\n c\r\n\r\n" + BODY,
    "space before the colon": HEAD + b"Content-Length : 5\r\n\r\nhello",
    "NUL in a value": HEAD + LENGTH + b"X-A: b\x00c\r\n\r\n" + BODY,
    "CR in a value": HEAD + LENGTH + b"X-A: b\rc\r\n\r\n" + BODY,
    "no colon": HEAD + b"rubbish\r\n\r\n",
    "empty name": HEAD + b": x\r\n\r\n",
    "two hosts": HEAD + b"Host: y\r\n" + LENGTH + b"\r\n" + BODY,
    "endless request line": b"GET /" + b"a" * 70_000,
    "long request line": b"GET /" + b"a" * 5_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "huge header": HEAD + b"X-A: " + b"a" * 9_000 + b"\r\n\r\n",
    "many headers": HEAD + b"".join(b"X-%d: a\r\n" % place for place in range(200)) + b"\r\n",
    "no version": b"GET /health\r\n\r\n",
    "version 3": b"GET /health HTTP/3.0\r\nHost: x\r\n\r\n",
    "two spaces": b"GET  /health HTTP/1.1\r\nHost: x\r\n\r\n",
    "control character in the path": b"GET /he\x01alth HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no host": b"GET /health HTTP/1.1\r\n\r\n",
    "no host of a whole URL": b"GET http://x/health HTTP/1.1\r\n\r\n",
    "a host that is none": b"GET /health HTTP/1.1\r\nHost: a b/c\r\n\r\n",
    "a host that is none, HTTP/1.0": b"GET /health HTTP/1.0\r\nHost: a@b\r\n\r\n",
    "a user in the URL": b"GET http://a:b@x/health HTTP/1.1\r\nHost: x\r\n\r\n",
    "another scheme": b"GET gopher://x/health HTTP/1.1\r\nHost: x\r\n\r\n",
    "bare LF throughout": b"GET /health HTTP/1.1\nHost: x\n\n",
    "another expectation": HEAD + b"Expect: 200-maybe\r\n" + LENGTH + b"\r\n" + BODY,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory, iris_bundle):
    with launching(tmp_path_factory, iris_bundle) as launch:
        server = launch(WEB_CONCURRENCY="1", READ_SECONDS="0.5")
        server.wait_until_ready()
        yield server


def answers(server, content):
    """Send bytes, and read until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as client:
        client.sendall(content)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65536), b""))


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_malformed_is_refused_once_and_says_nothing_of_the_server(server, name):
    """A 4xx as problem+json, and the connection ends: where the next request would begin is unknown."""
    answer = answers(server, REFUSED[name] + b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 4")
    assert 1 == answer.count(b"HTTP/1.1 ")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"Content-Type: application/problem+json" in head
    problem = json.loads(body)
    assert int(head.split()[1]) == problem["status"]
    assert f"X-Request-ID: {problem['request_id']}".encode() in head
    (line,) = [line for line in server.log() if line["request_id"] == problem["request_id"]]
    assert (problem["trace_id"], problem["span_id"]) == (line["trace_id"], line["span_id"])
    assert f"traceparent: 00-{line['trace_id']}-{line['span_id']}-".encode() in head
    assert (problem["code"], problem["status"], "127.0.0.1") == (line["code"], line["status"], line["client"])
    assert b"gunicorn" not in answer.lower()
    assert b"<" not in body
    assert 200 == server.predict({"features": ROW})[0]


def test_what_is_malformed_is_counted(server):
    """By its code, with those that no route was found for."""
    before = server.metric("refused_requests_total")

    answers(server, b"GET / HTTP/1.1\r\n\r\n")

    eventually(lambda: server.metric("refused_requests_total") == before + 1, "the request is counted")


# What waits for more that would change nothing; a client that sends it waits for an answer.
AT_ONCE = {
    "TLS": bytes.fromhex("16030100c8010000c40303"),
    "a byte of TLS": b"\x16",
    "bare LF": b"GET /health HTTP/1.1\nHost: x\n\n",
    "bare LF, half": b"GET /health HTTP/1.1\n",
    "HTTP/0.9": b"GET /health\r\n",
    "long method": b"A" * 100,
    "NUL": b"GET /\x00",
    "SSH": b"SSH-2.0-OpenSSH_9.2p1\r\n",
    "behind a request": b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n\x16\x03",
}


@pytest.mark.parametrize("name", AT_ONCE)
def test_what_can_never_be_a_request_is_told_so_at_once(server, name):
    """While the client keeps its side open: after READ_SECONDS it would be told 408."""
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as client:
        client.sendall(AT_ONCE[name])
        answer = b"".join(iter(lambda: client.recv(65536), b""))

    assert b"HTTP/1.1 400 Bad Request\r\n" in answer
    assert b"bad_request" == answer.rpartition(b'"code":"')[2][:11]


def test_a_tls_client_is_told_that_this_is_no_tls(server):
    """Its own library finds out at once, and does not wait for a time-out."""
    context = ssl.create_default_context()
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as client, pytest.raises(ssl.SSLError) as told:
        context.wrap_socket(client, server_hostname="localhost")

    assert "WRONG_VERSION_NUMBER" == told.value.reason


NO_BODY = {
    "no host": b"HEAD /health HTTP/1.1\r\n\r\n",
    "no version": b"HEAD /health\r\n\r\n",
    "half a head": b"HEAD /health HTTP/1.1\r\nHost: x\r\n",
    "bare LF": b"HEAD /health HTTP/1.1\nHost: x\n\n",
    "NUL": b"HEAD /\x00",
    "long request line": b"HEAD /" + b"a" * 5_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "huge header": b"HEAD / HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 9_000 + b"\r\n\r\n",
    "bad length": b"HEAD / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "another expectation": b"HEAD / HTTP/1.1\r\nHost: x\r\nExpect: 200-maybe\r\n\r\n",
    "behind an empty line": b"\r\n\r\nHEAD / HTTP/1.1\r\n\r\n",
    "no route": b"HEAD /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "a body too large": b"HEAD /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n",
}


@pytest.mark.parametrize("name", NO_BODY)
def test_the_answer_to_head_has_no_body_whatever_is_wrong_with_it(server, name):
    """RFC 9110, 9.3.2; also where the request line is not to be believed, or the rest does not come."""
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as client:
        client.sendall(NO_BODY[name])
        answer = b"".join(iter(lambda: client.recv(65536), b""))

    assert answer.startswith(b"HTTP/1.1 4")
    assert answer.endswith(b"\r\n\r\n")
    assert 1 == answer.count(b"\r\n\r\n")


def test_mangled_requests_are_never_the_servers_fault(server):
    """A thousand requests with bytes changed, left out and put in: each is answered below 500, or not at all."""
    drawn = random.Random(7)
    valid = [HEAD + LENGTH + b"\r\n" + BODY, CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY), *REFUSED.values()]
    strange = [
        b"\r",
        b"\n",
        b"\r\n",
        b"\x00",
        b"\xff",
        b":",
        b" ",
        b"\t",
        b"0",
        b"chunked",
        b"HTTP/1.1",
        b",",
        b";",
        b"%",
    ]
    for _ in range(1000):
        content = bytearray(drawn.choice(valid)[:2000])
        for _ in range(drawn.randint(1, 4)):
            place = drawn.randrange(len(content))
            content[place : place + drawn.randint(0, 3)] = drawn.choice(strange)
        answer = answers(server, bytes(content))
        statuses = [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:] if part[:3].isdigit()]
        assert all(status < 500 for status in statuses), (bytes(content), answer)

    assert 200 == server.predict({"features": ROW})[0]
    assert "Traceback" not in server.errors


def test_no_answer_names_what_runs_here(server):
    """Neither the product nor its version: who looks for a weakness has to try."""
    with server.connect() as connection:
        for path in ("/health", "/nowhere", "/model"):
            _, headers, _ = connection.ask("GET", path)
            assert "ml-service" == headers["Server"]
