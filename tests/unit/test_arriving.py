import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.server.http_framing import MOST_HEAD, Arriving

HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\n"
WHOLE = [
    b"GET / HTTP/1.1\r\n\r\n",
    b"\r\nGET http://x/?a=b HTTP/1.0\r\nX-A:\tb\xff\r\n\r\n",
    b"M-SEARCH * HTTP/1.1\r\nHost:\r\n\r\n",
    HEAD + b"Content-Length: 5\r\n\r\nhello",
    HEAD + b"content-length:0\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0;a=b\r\nTrailer: x\r\n\r\n",
]


@given(st.sampled_from(WHOLE), st.data())
def test_a_request_is_whole_with_its_last_byte_however_it_is_cut(request_bytes, data):
    """Not before, as a thread would wait for the rest; not later, as the client would wait for the answer."""
    arriving = Arriving(1000)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(request_bytes) - 1), max_size=5)))
    pieces = [request_bytes[start:end] for start, end in zip([0, *cuts], [*cuts, len(request_bytes)], strict=True)]

    found = [arriving.add(piece) for piece in pieces]

    assert [False] * (len(pieces) - 1) + [True] == found
    head, _, body = request_bytes.partition(b"\r\n\r\n")
    assert (head + b"\r\n\r\n", b"hello" if b"hello" in body else b"", b"") == arriving.parts()
    assert arriving.whole


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
    pieces, whole = Arriving(1000), Arriving(1000)

    assert any(pieces.add(content[place : place + 1]) for place in range(len(content)))
    assert pieces.malformed
    assert whole.add(content)
    assert whole.malformed
    assert not whole.whole


@given(st.sampled_from(WHOLE), st.data())
def test_no_beginning_of_a_request_is_malformed(request_bytes, data):
    """Wherever it is cut."""
    arriving = Arriving(1000)

    arriving.add(request_bytes[: data.draw(st.integers(1, len(request_bytes)))])

    assert not arriving.malformed


@pytest.mark.parametrize(
    "content",
    [
        b"GET /" + b"x" * MOST_HEAD,
        HEAD + b"Content-Length: 4001\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"x" * 4097,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\nhello",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nfff\r\n" + b"0" * 4001,
        HEAD + b"Content-Length: x\r\n\r\n",
    ],
    ids=[
        "endless head",
        "too large",
        "two lengths",
        "length and chunks",
        "endless line",
        "bare LF",
        "endless",
        "no number",
    ],
)
def test_what_is_odd_or_too_large_is_not_waited_for(content):
    """The parser, or the limit, is to refuse it."""
    arriving = Arriving(1000)
    assert arriving.add(content)
    assert arriving.discarded or not arriving.whole or arriving.length == 0


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
    arriving = Arriving(1000)
    held = []
    for start in range(0, len(request_bytes), size):
        assert [] == held or not held[-1]
        held.append(arriving.add(request_bytes[start : start + size]))

    assert held[-1]
    assert arriving.discarded
    head, body, _ = arriving.parts()
    assert request_bytes.startswith(head)
    assert (b"", len(head)) == (body, arriving.size)


@pytest.mark.parametrize(
    "body",
    [b"ff\r\n0\r\n\r\n", b"5\r\n0\r\n\r\n", b"0\r\nTrailer: x\r\n", b"0\r\n"],
    ids=["data", "all data", "trailer", "cut"],
)
def test_what_only_looks_like_the_last_chunk_is_not_the_end(body):
    """A thread that was given such a request would wait for the rest."""
    assert not Arriving(1000).add(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body)


@pytest.mark.parametrize("piece", [1, 7, 10_000])
def test_requests_behind_a_chunked_one_are_none_of_its_body(piece):
    """Neither of what it holds nor of what it may hold."""
    one = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"5\r\nhello\r\n" * 20 + b"0\r\n\r\n"
    behind = b"GET / HTTP/1.1\r\n\r\n" * 100
    arriving, content = Arriving(1000), one + behind
    ends = (start + piece for start in range(0, len(content), piece) if arriving.add(content[start : start + piece]))

    end = min(next(ends), len(content))

    assert (b"hello" * 20, behind[: end - len(one)]) == arriving.parts()[1:]
    assert (True, False) == (arriving.whole, arriving.discarded)


@pytest.mark.parametrize(
    ("length", "known"),
    [(b"0000000000000000000042", 42), (b"9999999999999999", 9999999999999999), (b"9" * 1000, int("9" * 1000))],
)
def test_a_length_is_the_number_that_it_says(length, known):
    """However it is padded, and however large: a parser that reads another is not in step."""
    arriving = Arriving(1000)
    arrived = arriving.add(HEAD + b"Content-Length: " + length + b"\r\n\r\n")

    assert (known, known > 1000, False) == (arriving.length, arrived, arriving.whole)


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
    arriving = Arriving(1000)

    assert arrived == arriving.add(head + b"Expect: 100-continue\r\n\r\n")
    assert told == arriving.waits_for_continue
