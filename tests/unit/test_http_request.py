"""A request is read from its bytes however they are cut, and refused as soon as they can be no request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.server.http_request import HttpRequest

HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\n"
WHOLE = [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\r\nGET http://x/?a=b HTTP/1.0\r\nX-A:\tb\xff\r\n\r\n",
    b"M-SEARCH / HTTP/1.1\r\nHost:\r\n\r\n",
    HEAD + b"Content-Length: 5\r\n\r\nhello",
    HEAD + b"content-length:0\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0;a=b\r\nTrailer: x\r\n\r\n",
]


@given(st.sampled_from(WHOLE), st.data())
def test_a_request_is_whole_with_its_last_byte_however_it_is_cut(request_bytes, data):
    """Not before, as a thread would wait for the rest; not later, as the client would wait for the answer."""
    request = HttpRequest(1000)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(request_bytes) - 1), max_size=5)))
    pieces = [request_bytes[start:end] for start, end in zip([0, *cuts], [*cuts, len(request_bytes)], strict=True)]

    found = [request.feed(piece) for piece in pieces]

    assert [False] * (len(pieces) - 1) + [True] == found
    assert (b"hello" if b"hello" in request_bytes else b"", b"") == (request.body, request.behind)
    assert (True, "") == (request.whole, request.refused)


NEVER = {
    "TLS": b"\x16",
    "TLS, whole": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "TLS behind an empty line": b"\r\n\x16",
    "PROXY protocol behind an empty line": b"\r\n\x00\r\nQUIT\n",
    "SSH": b"SSH-2.0-OpenSSH_9.2",
    "SMTP": b"EHLO x\r\n",
    "RESP": b"*1\r\n$4\r\nPING\r\n",
    "JSON": b"{",
    "small letters": b"get",
    "long method": b"A" * 21,
    "short method": b"GE ",
    "no method": b" ",
    "HTTP/0.9": b"GET /\r\n",
    "HTTP/2": b"GET / HTTP/2.0\r\n",
    "no version": b"GET / HTTX",
    "two spaces": b"GET  /",
    "two spaces behind": b"GET /  ",
    "three words": b"GET / a",
    "NUL in the target": b"GET /\x00",
    "beyond ASCII in the target": b"GET /\xff",
    "bare LF": b"GET / HTTP/1.1\n",
    "bare LF in a field": HEAD + b"X-A: b\n",
    "bare CR": HEAD + b"X-A: b\rc",
    "NUL in a field": HEAD + b"X-A: \x00",
    "bell in a field": HEAD + b"X-A: b\x07",
}


@pytest.mark.parametrize("content", NEVER.values(), ids=NEVER)
def test_what_can_never_be_a_request_is_malformed_with_the_first_byte_that_says_so(content):
    """In one piece or byte by byte: nobody waits for the rest of it."""
    pieces, whole = HttpRequest(1000), HttpRequest(1000)

    assert any(pieces.feed(content[place : place + 1]) for place in range(len(content)))
    assert "bad_request" == pieces.refused
    assert whole.feed(content)
    assert "bad_request" == whole.refused
    assert not whole.whole


@given(st.sampled_from(WHOLE), st.data())
def test_no_beginning_of_a_request_is_malformed(request_bytes, data):
    """Wherever it is cut."""
    request = HttpRequest(1000)

    request.feed(request_bytes[: data.draw(st.integers(1, len(request_bytes)))])

    assert not request.refused


CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n"
REFUSED = {
    "endless line": ("uri_too_long", b"GET /" + b"x" * 4096),
    "long line": ("uri_too_long", b"GET /" + b"x" * 4081 + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
    "endless head": ("headers_too_large", HEAD + b"X-A: b\r\n" * 10_000),
    "long head": ("headers_too_large", HEAD + (b"X-A: " + b"b" * 8000 + b"\r\n") * 9 + b"\r\n"),
    "long field": ("headers_too_large", HEAD + b"X-A: " + b"b" * 8184 + b"\r\n\r\n"),
    "many fields": ("headers_too_large", HEAD + b"X-A: b\r\n" * 100 + b"\r\n"),
    "an expectation": ("expectation_failed", HEAD + b"Expect: 200-maybe\r\n\r\n"),
    "two lengths": ("bad_request", HEAD + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\n"),
    "length and chunks": ("bad_request", CHUNKED + b"Content-Length: 5\r\n\r\nhello"),
    "no number": ("bad_request", HEAD + b"Content-Length: x\r\n\r\n"),
    "signed": ("bad_request", HEAD + b"Content-Length: +5\r\n\r\n"),
    "beyond 64 bits": ("bad_request", HEAD + b"Content-Length: " + b"9" * 20 + b"\r\n\r\n"),
    "two types": ("bad_request", HEAD + b"Content-Type: a\r\nContent-Type: a\r\n\r\n"),
    "two hosts": ("bad_request", HEAD + b"Host: x\r\n\r\n"),
    "folded": ("bad_request", HEAD + b"X-A: b\r\n c\r\n\r\n"),
    "space before the colon": ("bad_request", HEAD + b"X-A : b\r\n\r\n"),
    "no colon": ("bad_request", HEAD + b"X-A\r\n\r\n"),
    "a name of no token": ("bad_request", HEAD + b"X@A: b\r\n\r\n"),
    "a name beyond ASCII": ("bad_request", HEAD + b"X-\xe9: b\r\n\r\n"),
    "NUL in a value": ("bad_request", HEAD + b"X-A: b\x00\r\n\r\n"),
    "coding without chunks": ("bad_request", HEAD + b"Transfer-Encoding: gzip\r\n\r\n"),
    "chunks before another coding": ("bad_request", HEAD + b"Transfer-Encoding: chunked, gzip\r\n\r\n"),
    "chunks twice": ("bad_request", CHUNKED + b"Transfer-Encoding: chunked\r\n\r\n"),
    "unknown coding": ("bad_request", HEAD + b"Transfer-Encoding: x, chunked\r\n\r\n"),
    "empty coding": ("bad_request", HEAD + b"Transfer-Encoding: ,chunked\r\n\r\n"),
    "chunks in HTTP/1.0": ("bad_request", CHUNKED.replace(b"1.1", b"1.0") + b"\r\n"),
}


@pytest.mark.parametrize(("code", "content"), REFUSED.values(), ids=REFUSED)
def test_a_malformed_head_is_refused_with_its_code(code, content):
    """However it is cut: in one piece, in two, or byte by byte."""
    middle = len(content) // 2
    for pieces in ([content], [content[:middle], content[middle:]], [bytes([byte]) for byte in content]):
        request = HttpRequest(1000)
        assert any(request.feed(piece) for piece in pieces)
        assert (code, False) == (request.refused, request.complete)


@given(st.binary(max_size=300), st.integers(0, 100))
def test_no_bytes_raise_anything(content, kept):
    """Also those that begin as a request does."""
    for beginning in (b"", HEAD[:kept], HEAD, CHUNKED, CHUNKED + b"\r\n"):
        HttpRequest(1000).feed(beginning + content)
        HttpRequest(1000).feed(beginning + content + b"\r\n\r\n")


@pytest.mark.parametrize(
    "body",
    [
        HEAD + b"Content-Length: 4001\r\n\r\n",
        CHUNKED + b"\r\n" + b"x" * 4097,
        CHUNKED + b"\r\n5\nhello",
        CHUNKED + b"\r\nfff\r\n" + b"0" * 4001,
    ],
    ids=["too large", "endless line", "bare LF", "endless"],
)
def test_a_body_that_is_malformed_or_too_large_is_not_waited_for(body):
    """The application, or the limit, is to refuse it."""
    request = HttpRequest(1000)
    assert request.feed(body)
    assert (True, "", False) == (request.complete, request.refused, request.whole)


HOSTS = ["x", "x:80", "x:", "", "a.b-c_d", "10.0.0.1:8000", "[::1]:80", "[::]", "%41", "xn--p1ai.", "a" * 253]
NO_HOSTS = ["a b", "a/b", "a,b c", "x:y", "x:80:80", "a@b", "[::1", "::1", "é", "%4", "a?b", "x\ty", "http://x"]


def refused(target="/", host=None, version="1.1"):
    """Return why a request for this target, with this Host or none, is refused."""
    field = "" if host is None else f"Host: {host}\r\n"
    request = HttpRequest(1000)
    assert request.feed(f"GET {target} HTTP/{version}\r\n{field}X-A: b\r\n\r\n".encode("latin-1"))
    return request.refused


def test_a_request_says_which_host_it_is_sent_to():
    """RFC 9112, 3.2: one of HTTP/1.1 has to; what is said has to be a host, in whatever version; empty it may be."""
    assert ("bad_request", "bad_request", "") == tuple(refused(version=version) for version in ("1.1", "1.2", "1.0"))
    for version in ("1.0", "1.1"):
        assert {""} == {refused(host=host, version=version) for host in HOSTS}
        assert {"bad_request"} == {refused(host=host, version=version) for host in NO_HOSTS}


def test_a_whole_url_is_a_target_if_it_is_one_of_http():
    """RFC 9112, 3.2.2; it replaces the Host, but not the duty to send it."""
    for target in ("http://x/a", "HTTP://y:80/a?b=c", "https://[::1]/", "http://x", "http://x?a=http://b/@"):
        assert ("", "bad_request") == (refused(target, "x"), refused(target)), target
        assert not refused(target, version="1.0"), target
    for target in ("http:///a", "http://:80/a", "gopher://x/a", "http://a:b@x/", "http://x:y/", "http://a|b/", "x://"):
        assert "bad_request" == refused(target, "x"), target
    assert not refused("/a?b=http://c@d/", "x")
    assert "bad_request" == refused("a", "x") == refused("*", "x")


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/a/b?c=%20d?e", "/a/b", "c=%20d?e"),
        ("/%61%2fb%C3%A9", "/a/b\xc3\xa9", ""),
        ("//a//b", "//a//b", ""),
        ("/a#b?c", "/a", ""),
        ("http://x/a?b", "/a", "b"),
        ("http://x", "", ""),
    ],
)
def test_a_target_is_a_path_and_a_query(target, path, query):
    """The path is decoded, as WSGI wants it; the query is not."""
    request = HttpRequest(1000)
    request.feed(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    assert (path, query, target) == (request.path, request.query, request.target)


def test_fields_have_their_names_in_wsgi():
    """Those that are repeated are joined; one with an underscore is dropped, for it would pass for another's."""
    fields = b"Content-Type: a\r\ncontent-length:0\r\nX-A: \tb \t\r\nx-a:c\xff\r\nX_A: d\r\nX-B:\r\n\r\n"
    request = HttpRequest(1000)
    request.feed(HEAD + fields)

    expected = {"HTTP_HOST": "x", "CONTENT_TYPE": "a", "CONTENT_LENGTH": "0", "HTTP_X_A": "b,c\xff", "HTTP_X_B": ""}
    assert expected == request.fields


@pytest.mark.parametrize(
    ("keeps", "head"),
    [
        (True, HEAD),
        (True, HEAD + b"Connection: keep-alive\r\n"),
        (True, HEAD + b"Connection: xclose\r\n"),
        (False, HEAD + b"Connection: close\r\n"),
        (False, HEAD + b"Connection: TE, Close\r\n"),
        (False, HEAD + b"Connection: keep-alive\r\nConnection: close\r\n"),
        (False, HEAD.replace(b"1.1", b"1.0")),
        (True, HEAD.replace(b"1.1", b"1.0") + b"Connection: Keep-Alive\r\n"),
        (False, HEAD.replace(b"POST /predict", b"CONNECT x:80")),
        (False, HEAD + b"Transfer-Encoding: gzip, chunked\r\n"),
    ],
)
def test_a_client_says_whether_it_keeps_the_connection(keeps, head):
    """RFC 9112, 9.3; what comes behind CONNECT is no request, and codings of other kinds make the body doubtful."""
    request = HttpRequest(1000)
    request.feed(head + b"\r\n")

    assert (True, keeps) == (request.complete, request.keeps_alive)


LARGE = [
    HEAD + b"Content-Length: 3000\r\n\r\n" + b"x" * 3000,
    HEAD
    + b"Transfer-Encoding: chunked\r\n\r\n"
    + b"3e8\r\n"
    + b"x" * 1000
    + b"\r\n"
    + b"1\r\nx\r\n" * 200
    + b"0\r\n\r\n",
]


@given(st.sampled_from(LARGE), st.integers(1, 2000))
def test_what_is_somewhat_too_large_is_waited_for_and_thrown_away(request_bytes, size):
    """So that the sender gets to read the answer, while nothing is kept."""
    request = HttpRequest(1000)
    held = []
    for start in range(0, len(request_bytes), size):
        assert [] == held or not held[-1]
        held.append(request.feed(request_bytes[start : start + size]))

    assert held[-1]
    assert request.discarded
    assert (b"", True) == (request.body, request.size < 100)


@pytest.mark.parametrize(
    "body",
    [b"ff\r\n0\r\n\r\n", b"5\r\n0\r\n\r\n", b"0\r\nTrailer: x\r\n", b"0\r\n"],
    ids=["data", "all data", "trailer", "cut"],
)
def test_what_only_looks_like_the_last_chunk_is_not_the_end(body):
    """A thread that was given such a request would wait for the rest."""
    assert not HttpRequest(1000).feed(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body)


@pytest.mark.parametrize("piece", [1, 7, 10_000])
def test_requests_behind_a_chunked_one_are_none_of_its_body(piece):
    """Neither of what it holds nor of what it may hold."""
    one = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"5\r\nhello\r\n" * 20 + b"0\r\n\r\n"
    behind = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 100
    request, content = HttpRequest(1000), one + behind
    ends = (start + piece for start in range(0, len(content), piece) if request.feed(content[start : start + piece]))

    end = min(next(ends), len(content))

    assert (b"hello" * 20, behind[: end - len(one)]) == (request.body, request.behind)
    assert (True, False) == (request.whole, request.discarded)


@pytest.mark.parametrize(
    ("length", "known"),
    [(b"0000000000000000000042", 42), (b"9999999999999999", 9999999999999999)],
)
def test_a_length_is_the_number_that_it_says(length, known):
    """However it is padded, and however large."""
    request = HttpRequest(1000)
    arrived = request.feed(HEAD + b"Content-Length: " + length + b"\r\n\r\n")

    assert (known, known > 1000, False) == (request.length, arrived, request.whole)


@pytest.mark.parametrize(
    ("head", "told", "arrived"),
    [
        (HEAD + b"Content-Length: 5\r\n", True, False),
        (HEAD.replace(b"1.1", b"1.0") + b"Content-Length: 5\r\n", False, False),
        (HEAD + b"Content-Length: 2000\r\n", False, True),
        (HEAD + b"Transfer-Encoding: chunked\r\n", True, False),
    ],
    ids=["usual", "HTTP/1.0", "too large", "chunks"],
)
def test_a_client_that_asks_first_is_told_to_go_on_if_its_body_is_wanted(head, told, arrived):
    """RFC 9110, 10.1.1: not one of HTTP/1.0, and not where the answer is a refusal."""
    request = HttpRequest(1000)

    assert arrived == request.feed(head + b"Expect: 100-continue\r\n\r\n")
    assert told == request.waits_for_continue
