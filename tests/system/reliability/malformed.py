"""Malformed and ambiguous HTTP/1 messages of every published class (RFC 9112, 2.2, 3.2, 5.1, 5.2, 6, 7, 9, 11).

The request that some hide behind their own is called "smuggled": no server may ever take it for one.
"""

import json

from tests.badinput import ROW

BODY = json.dumps({"features": ROW}).encode()
HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
ID = "smuggled"
SMUGGLED = HEAD + b"X-Request-ID: " + ID.encode() + b"\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
CHUNKED = b"Transfer-Encoding: chunked\r\n"
ALL_CHUNKS = b"%x\r\n" % len(BODY) + BODY + b"\r\n0\r\n\r\n"
SIZE = b"%d" % len(BODY)
LIVE = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"

_LENGTH_VALUES = {
    "negative": b"-1",
    "signed": b"+" + SIZE,
    "hexadecimal": b"0x20",
    "a list of equals": SIZE + b", " + SIZE,
    "a list": SIZE + b", 3",
    "two words": SIZE + b" 1",
    "empty": b"",
    "an exponent": b"1e1",
    "a fraction": b"5.0",
    "beyond 64 bits": b"9" * 30,
    "underscored": b"1_0",
    "other digits": "٣".encode(),
    "NUL at its end": SIZE + b"\x00",
}

_LENGTH_LINES = {
    "two that differ": b"Content-Length: 0\r\nContent-Length: %d\r\n" % len(SMUGGLED),
    "two that agree": (b"Content-Length: " + SIZE + b"\r\n") * 2,
    "space before the colon": b"Content-Length : " + SIZE + b"\r\n",
    "vertical tab before its name": b"\x0bContent-Length: " + SIZE + b"\r\n",
    "underscore in its name": b"Content_Length: " + SIZE + b"\r\n",
    "folded": b"Content-Length:\r\n " + SIZE + b"\r\n",
    "named by Connection": b"Connection: keep-alive, content-length\r\nContent-Length: " + SIZE + b"\r\n",
}

_CHUNKED_BODIES = {
    "size is no number": b"zz\r\n{}\r\n0\r\n\r\n",
    "negative size": b"-2\r\n{}\r\n0\r\n\r\n",
    "signed size": b"+2\r\n{}\r\n0\r\n\r\n",
    "0x before the size": b"0x2\r\n{}\r\n0\r\n\r\n",
    "underscored size": b"0_2\r\n{}\r\n0\r\n\r\n",
    "no size": b"\r\n{}\r\n0\r\n\r\n",
    "size beyond 64 bits": b"FFFFFFFFFFFFFFFF2\r\n{}\r\n0\r\n\r\n",
    "no end of chunk": b"2\r\n{}0\r\n\r\n",
    "longer than its size": b"2\r\n{}xx\r\n0\r\n\r\n",
    "ends at bare LF": b"2\n{}\n0\n\n",
    "ends at bare CR": b"2\r{}\r0\r\r",
    "extension with bare LF": b"2;a\n{}\r\n0\r\n\r\n",
    "extension with bare CR": b"2;a=\rb\r\n{}\r\n0\r\n\r\n",
    "NUL in an extension": b"2;\x00\r\n{}\r\n0\r\n\r\n",
    "endless extension": b"2;" + b"a" * 100_000 + b"\r\n{}\r\n0\r\n\r\n",
    "space before the size": b" 2\r\n{}\r\n0\r\n\r\n",
    "space after the size": b"2 \r\n{}\r\n0\r\n\r\n",
    "a trailer": ALL_CHUNKS[:-2] + b"X-A: b\r\n\r\n",
    "a length in the trailer": ALL_CHUNKS[:-2] + b"Content-Length: 900\r\n\r\n",
    "a trailer that is none": ALL_CHUNKS[:-2] + b"garbage\r\n\r\n",
    "two last chunks": ALL_CHUNKS + b"0\r\n\r\n",
}

_CODING_LINES = {
    "chunked, then identity": b"Transfer-Encoding: chunked, identity\r\n",
    "identity, then chunked": b"Transfer-Encoding: identity, chunked\r\n",
    "chunked twice": b"Transfer-Encoding: chunked, chunked\r\n",
    "two lines": CHUNKED + b"Transfer-Encoding: x\r\n",
    "two lines turned round": b"Transfer-Encoding: x\r\n" + CHUNKED,
    "unknown": b"Transfer-Encoding: xchunked\r\n",
    "empty": b"Transfer-Encoding:\r\n",
    "vertical tab": b"Transfer-Encoding: \x0bchunked\r\n",
    "NUL": b"Transfer-Encoding: chunked\x00\r\n",
    "space before the colon": b"Transfer-Encoding : chunked\r\n",
    "folded": b"Transfer-Encoding:\r\n chunked\r\n",
    "bare LF before it": b"X: y\nTransfer-Encoding: chunked\r\n",
    "bare CR before it": b"X: y\rTransfer-Encoding: chunked\r\n",
    "quoted": b'Transfer-Encoding: "chunked"\r\n',
    "underscore in its name": b"Transfer_Encoding: chunked\r\n",
    "gzip and chunked": b"Transfer-Encoding: gzip, chunked\r\n",
}

_FIELD_LINES = {
    "folded": b"X-A: b\r\n c\r\n",
    "folded by a tab": b"X-A: b\r\n\tc\r\n",
    "first line folded": b" X-A: b\r\n",
    "NUL in a value": b"X-A: a\x00b\r\n",
    "CR in a value": b"X-A: a\rb\r\n",
    "NUL in a name": b"X\x00A: b\r\n",
    "bare LF": b"X-A: b\nX-B: c\r\n",
    "no colon": b"X-A\r\n",
    "no name": b": b\r\n",
    "space in a name": b"X A: b\r\n",
    "space before the colon": b"X-A : b\r\n",
    "a name of no token": b"(X)@A: b\r\n",
    "bytes beyond ASCII": b"X-A: \xff\r\n",
    "a name beyond ASCII": b"X-\xc3\xa9: b\r\n",
    "a hundred kilobytes": b"X-A: " + b"a" * 100_000 + b"\r\n",
    "nine kilobytes": b"X-A: " + b"a" * 9_000 + b"\r\n",
    "two hundred": b"".join(b"X-%d: a\r\n" % n for n in range(200)),
    "ten thousand": b"X: a\r\n" * 10_000,
    "two hosts": b"Host: y\r\n",
    "the same host twice": b"Host: x\r\n",
    "a host that is none": b"Host: a b/c\r\n",
    "an expectation of no standard": b"Expect: 200-maybe\r\n",
    "upgrade to h2c": b"Connection: Upgrade, HTTP2-Settings\r\n"
    b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
    "upgrade to a websocket": b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
    "everything hop by hop": b"Connection: close, host, x-request-id, content-type\r\n",
}

_REQUEST_LINES = {
    "absolute": b"GET http://x/health/live HTTP/1.1",
    "absolute, another host": b"GET http://y/health/live HTTP/1.1",
    "absolute, another scheme": b"GET gopher://x/health/live HTTP/1.1",
    "absolute without a path": b"GET http://x HTTP/1.1",
    "absolute with a user": b"GET http://a:b@x/health/live HTTP/1.1",
    "asterisk": b"OPTIONS * HTTP/1.1",
    "asterisk to get": b"GET * HTTP/1.1",
    "authority": b"CONNECT x:80 HTTP/1.1",
    "no slash": b"GET health/live HTTP/1.1",
    "fragment": b"GET /health/live#a HTTP/1.1",
    "NUL": b"GET /health/\x00live HTTP/1.1",
    "encoded NUL": b"GET /%00 HTTP/1.1",
    "encoded line end": b"GET /%0d%0aX:%20y HTTP/1.1",
    "bad encoding": b"GET /%zz HTTP/1.1",
    "space": b"GET /health/ live HTTP/1.1",
    "beyond ASCII": b"GET /\xff\xfe HTTP/1.1",
    "out of the root": b"GET /../../etc/passwd HTTP/1.1",
    "ten kilobytes": b"GET /" + b"a" * 10_000 + b" HTTP/1.1",
    "hundred kilobytes": b"GET /" + b"a" * 100_000 + b" HTTP/1.1",
    "two spaces": b"GET  /health/live  HTTP/1.1",
    "tabs": b"GET\t/health/live\tHTTP/1.1",
    "bare CR": b"GET /health/live HTTP/1.1\rX: y",
    "no version": b"GET /health/live",
    "version 0.9": b"GET /health/live HTTP/0.9",
    "version 1.2": b"GET /health/live HTTP/1.2",
    "version 2": b"GET /health/live HTTP/2.0",
    "version 9.9": b"GET /health/live HTTP/9.9",
    "version of no standard": b"GET /health/live HTTP/1.1x",
    "no version's number": b"GET /health/live HTTP/",
    "small letters": b"get /health/live http/1.1",
    "no method": b" /health/live HTTP/1.1",
    "a method of no token": b"G(E)T / HTTP/1.1",
    "a long method": b"A" * 10_000 + b" / HTTP/1.1",
    "one word": b"GET",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "SSH": b"SSH-2.0-OpenSSH_9.2p1",
    "half of TLS": b"\x16",
    "preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM",
    "binary": bytes(range(256)),
}


def _lengths():
    cases = {
        f"length: {name}": HEAD + b"Content-Length: " + value + b"\r\n\r\n" + BODY
        for name, value in _LENGTH_VALUES.items()
    }
    return cases | {
        f"length: {name}": HEAD + line + b"\r\n" + (SMUGGLED if b" 0\r\n" in line else BODY)
        for name, line in _LENGTH_LINES.items()
    }


def _chunks():
    return {f"chunks: {name}": HEAD + CHUNKED + b"\r\n" + body for name, body in _CHUNKED_BODIES.items()}


def _codings():
    hidden = b"0\r\n\r\n" + SMUGGLED
    both = {
        f"smuggling, {name}, by length": HEAD + line + b"Content-Length: %d\r\n\r\n" % len(hidden) + hidden
        for name, line in _CODING_LINES.items()
    }
    short = b"%x\r\n" % len(SMUGGLED) + SMUGGLED + b"\r\n0\r\n\r\n"
    cut = {
        f"smuggling, {name}, by chunks": HEAD
        + b"Content-Length: %d\r\n" % short.index(b"POST")
        + line
        + b"\r\n"
        + short
        for name, line in _CODING_LINES.items()
        if b"_" not in line  # which is no coding's name, so that what follows the length is a request, openly
    }
    plain = {
        "smuggling, CL.TE": HEAD + b"Content-Length: %d\r\n" % len(hidden) + CHUNKED + b"\r\n" + hidden,
        "smuggling, TE.CL": HEAD + CHUNKED + b"Content-Length: 4\r\n\r\n" + short,
        "chunked in HTTP/1.0": HEAD.replace(b"1.1", b"1.0") + CHUNKED + b"\r\n" + ALL_CHUNKS,
    }
    return both | cut | plain


def _fields():
    return {f"field: {name}": LIVE + line + b"\r\n" for name, line in _FIELD_LINES.items()}


def _hosts():
    """Return what a Host field may hold, and none at all, which only HTTP/1.0 may do without."""
    values = (b"a b/c", b"a@b", b"x:y", b"x:80:80", b"[::1", b"::1", b"a,b", b"", b"x/", b"%zz", b"\xff", b"http://x")
    cases = {f"host: {value!r}": LIVE.replace(b"Host: x", b"Host: " + value) + b"\r\n" for value in values}
    none = LIVE.replace(b"Host: x\r\n", b"")
    return cases | {"host: none": none + b"\r\n", "host: none, HTTP/1.0": none.replace(b"1.1", b"1.0") + b"\r\n"}


def _heads():
    """Return requests to which no answer has a body."""
    get = LIVE + b"\r\n"
    cases = {
        "good": get,
        "no version": b"GET /health/live\r\n\r\n",
        "no host": b"GET /health/live HTTP/1.1\r\n\r\n",
        "NUL": get.replace(b"live", b"\x00"),
        "bare LF": get.replace(b"\r\n", b"\n"),
        "a bad length": LIVE + b"Content-Length: -1\r\n\r\n",
        "a huge field": LIVE + b"X-A: " + b"a" * 100_000 + b"\r\n\r\n",
        "no route": get.replace(b"live", b"none"),
    }
    return {f"HEAD: {name}": content.replace(b"GET", b"HEAD") for name, content in cases.items()}


def _targets():
    cases = {f"request line: {name}": line + b"\r\nHost: x\r\n\r\n" for name, line in _REQUEST_LINES.items()}
    return cases | {
        "request line: after empty lines": b"\r\n\r\n" + LIVE + b"\r\n",
        "line ends: bare LF throughout": (LIVE + b"\r\n").replace(b"\r\n", b"\n"),
        "line ends: bare CR throughout": (LIVE + b"\r\n").replace(b"\r\n", b"\r"),
        "no Host of a whole URL": b"GET http://x/health/live HTTP/1.1\r\n\r\n",
        "GET with a body": LIVE + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY,
        "pipelined: garbage behind a request": LIVE + b"\r\n" + b"\x00\xffgarbage\r\n\r\n",
        "pipelined: half a request behind one": LIVE + b"\r\nGET /health",
        "pipelined: a bad length behind a request": LIVE + b"\r\n" + HEAD + b"Content-Length: -1\r\n\r\n" + BODY,
    }


CASES = {**_lengths(), **_chunks(), **_codings(), **_fields(), **_hosts(), **_heads(), **_targets()}
