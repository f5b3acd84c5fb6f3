"""One request, read from its bytes as they arrive: the head by httptools (llhttp), the body by length or by chunks.

The head is parsed once, when all of it has come. This module adds the rules that the parser does not have
(docs/decisions/http-parser.md): limits; the request line, because the parser accepts only a list of methods; the target
and the host; fields that may occur only once; codings of the body. Bytes that can no longer become a head (TLS, another
protocol, bare line feeds) are refused at once.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from service.server.chunked import Chunks
from service.tracing.context import Trace, random_ids, trace_of

MAX_LINE: Final = 4094  # bytes of the request line
MAX_FIELDS: Final = 100
MAX_FIELD: Final = 8190  # bytes of one field, with its line end
MAX_HEAD: Final = 64 * 1024
# A body that is too large is still read to its end, up to this many times the limit, so that its sender can read the
# answer. A sender whose connection is closed while it sends sees a reset instead.
DISCARDED_LIMITS: Final = 4
LARGE: Final = 64 * 1024
_END: Final = b"\r\n\r\n"
_LINE: Final = re.compile(rb"([!$%&'*+.^_`|~0-9A-Z-]{3,20}) ([!-~]+) HTTP/1\.([0-9])\r\n")
# Bytes that may become a request line, perhaps after one empty line.
_PART_OF_LINE: Final = re.compile(
    rb"\r?\Z|(?:\r\n)?(?:[!$%&'*+.^_`|~0-9A-Z-]{0,20}\Z"
    rb"|[!$%&'*+.^_`|~0-9A-Z-]{3,20} (?:[!-~]*\Z|[!-~]+ (?:[HTP/0-9.]{0,8}\r?\Z|HTTP/1\.[0-9]\r\n)))"
)
_NOT_IN_HEAD: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r[^\n]|(?<!\r)\n")  # RFC 9112, 2.2 and 5
# The host that a request is sent to (RFC 9110, 7.2; RFC 3986, 3.2): no user, and not empty in an absolute target.
_HOST: Final = r"(?:\[[0-9A-Fa-f:.]+\]|(?:[!$&'()*+,;=.~_0-9A-Za-z-]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?"
_ABSOLUTE: Final = re.compile(rf"(?i:https?)://(?=[^:/?]){_HOST}(?:[/?].*)?")
# The fields whose names in WSGI do not begin with HTTP_ (PEP 3333), and those that may occur only once (RFC 9110, 5.3).
_PLAIN_NAMES: Final = {"CONTENT-TYPE": "CONTENT_TYPE", "CONTENT-LENGTH": "CONTENT_LENGTH"}
_SINGLE: Final = frozenset({"HTTP_HOST", "CONTENT_TYPE", "CONTENT_LENGTH"})
# `chunked` is the last coding (RFC 9112, 6.1). The others stay in the body, and the application refuses them.
_CODING: Final = re.compile(r"(?:(?:compress|deflate|gzip|identity)[ \t]*,[ \t]*)*chunked", re.IGNORECASE)
_COMPRESSED: Final = re.compile(r"compress|deflate|gzip", re.IGNORECASE)


class HttpRequest:
    """A request that is arriving. `refused` is the error code as soon as the request is known to be malformed."""

    method = target = path = query = ""  # known when the head is complete
    version = "HTTP/1.1"
    _chunks: Chunks
    keeps_alive = False  # whether the client would send another request on this connection

    def __init__(self, most_body: int, new_ids: Callable[[], str] = random_ids) -> None:
        self._new_ids = new_ids
        self._trace: Trace | None = None
        self.refused = ""
        self.fields: dict[str, str] = {}  # the header's fields by their names in WSGI
        self.complete = False  # whether the head has come and is well formed
        self.whole = False  # whether all of the body has come
        self.discarded = False  # whether the body is too large and was thrown away
        self.waits_for_continue = False
        self.length: int | None = 0  # of the body, as the head says; None if the body comes in chunks
        self.began = 0.0  # when the first bytes came (monotonic clock)
        self.arrived = 0.0  # when the request was handed over to be answered (monotonic clock)
        self.shed = False  # whether to refuse the request because too many others wait
        self.size = 0  # bytes that are kept
        self.behind = b""  # bytes that came after this request
        self._most_body = most_body
        self._head = b""
        self._body: bytes | bytearray = b""
        self._came = 0  # bytes of the body so far, with its framing
        self._hopeless = False  # whether waiting for the rest of the request is pointless

    @property
    def trace(self) -> Trace:
        """The trace that the request belongs to, by the fields that have come when the trace is first asked for."""
        if self._trace is None:
            self._trace = trace_of(self.fields, self._new_ids)
        return self._trace

    @property
    def is_head(self) -> bool:
        """Whether the method is HEAD, as far as the bytes tell: then no answer has a body."""
        return self._head[:16].lstrip(b"\r\n").startswith(b"HEAD ")

    @property
    def body(self) -> bytes:
        """The body without its framing, as far as it has come."""
        return bytes(self._body)

    def feed(self, content: bytes) -> bool:
        """Add bytes; return whether the request is whole or refused, or waiting for the rest is pointless."""
        if not self.complete:
            content = self._feed_head(content)
            if not self.complete:
                return bool(self.refused)
        self._came += len(content)
        if self.length is None:
            self._feed_chunks(content)
        else:
            self.whole = self._came >= self.length
            if content and not self.discarded:
                self._keep(content, self.length)
        self.size = len(self._head) + len(self._body)
        return self.whole or self._hopeless or self._came > self._most_body * DISCARDED_LIMITS

    def _feed_head(self, content: bytes) -> bytes:
        """Add bytes of the head; when the head is complete, return the bytes after it."""
        searched = max(0, len(self._head) - len(_END) + 1)
        head = self._head + content
        end = head.find(_END, searched) + len(_END)
        if end < len(_END):
            self._head, self.size = head, len(head)
            malformed = _NOT_IN_HEAD.search(head, searched) or not _PART_OF_LINE.match(head)
            self.refused = "bad_request" if malformed else _too_large(head)
            return b""
        self._head = head[:end].removeprefix(b"\r\n")
        self.refused = _too_large(self._head, complete=True) or self._read_head(alone=end == len(head))
        self.complete = not self.refused
        return head[end:]

    def _read_head(self, *, alone: bool) -> str:
        """Parse the head; return the error code, "" if it is well formed. `alone`: no byte has come after the head."""
        line = _LINE.match(self._head)
        if line is None:
            return "bad_request"
        self.method, self.target = line[1].decode(), line[2].decode()
        self.version = "HTTP/1.0" if line[3] == b"0" else "HTTP/1.1"
        fields = self.fields
        try:
            HttpRequestParser(self).feed_data(b"POST / HTTP/1.1\r\n" + self._head[line.end() :])
        except HttpParserUpgrade:
            pass  # HTTP goes on without the upgrade
        except HttpParserError:
            return "bad_request"
        expected, coding = fields.get("HTTP_EXPECT"), fields.get("HTTP_TRANSFER_ENCODING")
        if expected is not None and expected.lower() != "100-continue":
            return "expectation_failed"
        decodable = coding is None or (self.version != "HTTP/1.0" and _CODING.fullmatch(coding))
        if not (decodable and self._is_addressed() and self._split_target()):
            return "bad_request"
        self.keeps_alive = self._keeps_alive(coding or "")
        asks = alone and expected is not None and self.version != "HTTP/1.0"
        self._expect_body(int(fields.get("CONTENT_LENGTH", 0)), chunked=coding is not None, asks=asks)
        return ""

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a field that the parser has found; an exception makes the head malformed."""
        key = _wsgi_name(name)
        if not key:
            return
        string = value.rstrip(b" \t").decode("latin-1")
        if key not in self.fields:
            self.fields[key] = string
        elif key in _SINGLE:
            raise ValueError(key)
        else:
            self.fields[key] += f",{string}"

    def _is_addressed(self) -> bool:
        """Return whether the request names its host as it must (RFC 9112, 3.2); one of HTTP/1.0 need not name any."""
        host, target = self.fields.get("HTTP_HOST"), self.target
        named = self.version == "HTTP/1.0" if host is None else _is_host(host)
        if not named or target.startswith("/"):
            return named
        if "://" in target:
            return _ABSOLUTE.fullmatch(target) is not None
        return self.method == ("OPTIONS" if target == "*" else "CONNECT")

    def _split_target(self) -> bool:
        """Split the target into path and query; return whether that was possible."""
        if self.target.startswith("/"):
            path, _, self.query = self.target.partition("#")[0].partition("?")
        else:
            try:
                _, _, path, self.query, _ = urlsplit(self.target)
            except ValueError:
                return False
        self.path = unquote_to_bytes(path).decode("latin-1") if "%" in path else path
        return True

    def _keeps_alive(self, coding: str) -> bool:
        """Return whether another request may follow: none does after CONNECT, or codings that stay in the body."""
        if self.method == "CONNECT" or _COMPRESSED.search(coding):
            return False
        connection = self.fields.get("HTTP_CONNECTION")
        if connection is None:
            return self.version != "HTTP/1.0"
        options = [option.strip(" \t") for option in connection.lower().split(",")]
        return "close" not in options and (self.version != "HTTP/1.0" or "keep-alive" in options)

    def _expect_body(self, length: int, *, chunked: bool, asks: bool) -> None:
        """Prepare for the body. `asks`: the client may wait until it is told to send the body (RFC 9110, 10.1.1)."""
        if chunked:
            self.length, self._chunks = None, Chunks()
        else:
            self.length, self.discarded = length, length > self._most_body
        self.waits_for_continue = asks and not self.discarded
        self._hopeless = self.discarded and (asks or length > self._most_body * DISCARDED_LIMITS)

    def _keep(self, content: bytes, length: int) -> None:
        """Keep the bytes that came of a body with a length, and those that came after it.

        A body that comes in one piece is kept as it is. Pieces are copied together, because each would hold a part of
        the heap.
        """
        if self._came > length:
            end = len(content) - (self._came - length)
            content, self.behind = content[:end], content[end:]
        if not self._body:
            self._body = content
            return
        if isinstance(self._body, bytes):
            self._body = bytearray(self._body)
        self._body += content

    def _feed_chunks(self, content: bytes) -> None:
        chunks = self._chunks
        self.behind = content[chunks.add(content) :]
        self._body, self.whole, self._hopeless = chunks.body, chunks.ended, chunks.malformed
        self.discarded = self.discarded or len(chunks.body) > self._most_body
        if self.discarded:
            chunks.body.clear()


def _too_large(head: bytes, *, complete: bool = False) -> str:
    """Return the error code for a head that is too large, "" for any other."""
    if len(head) > MAX_LINE:
        head = head.removeprefix(b"\r\n")
        line = head.find(b"\r\n")
        if line > MAX_LINE or (line < 0 and len(head) > MAX_LINE + 1):
            return "uri_too_long"
        if len(head) > MAX_HEAD or (complete and max(map(len, head.split(b"\r\n"))) + 2 > MAX_FIELD):
            return "headers_too_large"
    return "headers_too_large" if complete and head.count(b"\n") > MAX_FIELDS + 2 else ""


@lru_cache(1024)
def _wsgi_name(name: bytes) -> str:
    """Return the name of a field in WSGI; "" for one with an underscore, which could be mistaken for another field."""
    upper = name.decode().upper()
    if "_" in upper:
        return ""
    return _PLAIN_NAMES.get(upper) or f"HTTP_{upper.replace('-', '_')}"


@lru_cache(32)
def _is_host(string: str) -> bool:
    return re.fullmatch(_HOST, string) is not None
