"""A request's bytes in, an answer's bytes out, over WSGI."""

import socket

import pytest

from service.server.connection import PIECE, ClientSocket, Connection
from service.server.http_request import HttpRequest
from service.server.wsgi import Exchange, MalformedAnswer

HEAD = b"POST /predict?a=b HTTP/1.1\r\nHost: x\r\n"
NEXT = b"GET /next HTTP/1.1\r\n\r\n"


@pytest.fixture
def conn():
    server, client = socket.socketpair()
    with client:
        connection = Connection(
            ClientSocket(server, memoryview(bytearray(PIECE))), ("10.0.0.1", 5000), ("10.0.0.2", 8000)
        )
        yield connection
        connection.sock.close()


def echo(environ, start_response):
    """Answer with the body and what is known of the request."""
    body = environ["wsgi.input"].read(1000)
    start_response("200 OK", [("Content-Length", str(len(body))), ("X-Path", environ["PATH_INFO"])])
    return [body]


def indifferent(_, start_response):
    """Answer without reading."""
    start_response("200 OK", [("Content-Length", "0")])
    return []


def ask(conn, content, application=echo, *, keep=True):
    """Answer a request that came in one piece; returns whether another may follow, and the answer."""
    request = conn.request = HttpRequest(1000)
    assert request.feed(content)
    keeps = Exchange(application, multiprocess=False).answer(conn, request, keep=keep)
    return keeps, bytes(conn.sock.unsent)


@pytest.mark.parametrize(
    "body",
    [b"Content-Length: 5\r\n\r\nhello", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"],
    ids=["length", "chunks"],
)
def test_a_body_is_given_as_it_came_and_what_is_behind_it_is_kept(conn, body):
    """The next request is not part of this one, however the end of this one is told."""
    keeps, answer = ask(conn, HEAD + body + NEXT)

    assert keeps
    assert NEXT == conn.request.behind
    assert answer.startswith(b"HTTP/1.1 200 OK\r\nServer: ml-service\r\nDate: ")
    assert answer.endswith(b"\r\nConnection: keep-alive\r\nContent-Length: 5\r\nX-Path: /predict\r\n\r\nhello")


def test_what_the_application_does_not_read_is_not_the_next_request(conn):
    """Of a chunked body, whose end only reading finds."""
    chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    assert ask(conn, chunked + NEXT, indifferent)[0]
    assert NEXT == conn.request.behind


@pytest.mark.parametrize("length", [b"0000000000000000000042", b"42"])
def test_a_body_that_did_not_come_whole_ends_the_connection(conn, length):
    """What comes later would be taken for the next request."""
    request = HttpRequest(1000)
    assert not request.feed(HEAD + b"Content-Length: " + length + b"\r\n\r\nGET /")  # and then the client closes

    assert not Exchange(indifferent, multiprocess=False).answer(conn, request, keep=True)
    assert b"\r\nConnection: close\r\n" in conn.sock.unsent


@pytest.mark.parametrize(
    "fields",
    [b"Content-Length: 9999999999999999\r\n", b"Connection: keep-alive\r\nContent-Length: 99999999999\r\n"],
)
def test_a_body_that_was_thrown_away_ends_the_connection(conn, fields):
    """Whatever the client says of it."""
    keeps, answer = ask(conn, HEAD + fields + b"\r\nGET / HTTP/1.1\r\n\r\n", indifferent)

    assert not keeps
    assert b"\r\nConnection: close\r\n" in answer


def test_a_chunked_body_without_an_end_ends_the_connection(conn):
    """Where the next request would begin is not known; the answer is there all the same."""
    keeps, answer = ask(conn, HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nfive\r\n", indifferent)

    assert (False, True) == (keeps, answer.endswith(b"\r\n\r\n"))


@pytest.mark.parametrize(
    ("keep", "more", "connection"),
    [
        (True, b"", b"keep-alive"),
        (False, b"", b"close"),
        (True, b"Connection: close\r\n", b"close"),
        (True, b"Connection: TE, Close\r\n", b"close"),
        (True, b"Connection: keep-alive\r\nConnection: close\r\n", b"close"),
    ],
)
def test_the_connection_ends_when_either_side_wants_it(conn, keep, more, connection):
    """And the answer says so."""
    keeps, answer = ask(conn, HEAD + more + b"Content-Length: 0\r\n\r\n", keep=keep)

    assert (connection == b"keep-alive") == keeps
    assert b"\r\nConnection: " + connection + b"\r\n" in answer


@pytest.mark.parametrize(
    "fields",
    [
        [("X-A", "b\r\nSet-Cookie: c")],
        [("X-A", "b\nX-C: d")],
        [("X-A", "b\x00")],
        [("X A", "b")],
        [("", "b")],
        [("X-A\r\nX-B", "c")],
    ],
    ids=["CRLF", "LF", "NUL", "space", "no name", "name"],
)
def test_a_field_that_would_split_the_answer_is_refused(conn, fields):
    """Nothing of such an answer is sent."""

    def splitting(_, start_response):
        start_response("200 OK", [*fields, ("Content-Length", "0")])
        return []

    with pytest.raises(MalformedAnswer):
        ask(conn, HEAD + b"Content-Length: 0\r\n\r\n", splitting)
    assert not conn.sock.unsent


@pytest.mark.parametrize("status", ["200 OK", "499 "], ids=["named", "nameless"])
def test_a_status_without_a_name_is_a_status(conn, status):
    """Such as that for a caller who has gone, which HTTP does not know."""

    def answering(_, start_response):
        start_response(status, [("Content-Length", "0")])
        return []

    _, answer = ask(conn, HEAD + b"Content-Length: 0\r\n\r\n", answering)
    assert answer.startswith(f"HTTP/1.1 {status}\r\n".encode())
