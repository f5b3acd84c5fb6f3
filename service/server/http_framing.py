"""Says when a request has arrived whole, from its bytes alone; what its head means is for the HTTP parser to decide.

Whatever is odd counts as arrived, so that the parser gets to refuse it. What is too large is counted and thrown away.
What can no longer become a head (TLS, another protocol, bare line feeds) is malformed at once.
"""

import re
from typing import Final

from service.server.chunked import Chunks

# Larger than any head that gunicorn takes (limit_request_line 4094, 100 fields of 8190).
MOST_HEAD: Final = 64 * 1024
# A body that is too large is read to its end up to this many times the limit, so that its sender gets to read the
# answer: a sender whose connection is closed while it sends sees a reset instead.
DISCARDED_LIMITS: Final = 4
LARGE: Final = 64 * 1024
MOST_PATH: Final = 256  # bytes of the request line that are looked at for the path
_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,1000})[ \t]*(?=\r\n)", re.IGNORECASE)
_CODING: Final = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
# As far as it has come: an empty line perhaps, a method as the parser takes it, a target, a version.
_LINE: Final = re.compile(
    rb"\r?\Z|(?:\r\n)?(?:[!$%&'*+.^_`|~0-9A-Z-]{0,20}\Z"
    rb"|[!$%&'*+.^_`|~0-9A-Z-]{3,20} (?:[!-~]*\Z|[!-~]+ (?:[HTP/0-9.]{0,8}\r?\Z|HTTP/1\.[0-9]\r\n)))"
)
_NOWHERE: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r[^\n]|(?<!\r)\n")  # in a head (RFC 9112, 2.2 and 5)
_EXPECT: Final = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*(?=\r\n)", re.IGNORECASE)


class Arriving:
    """The bytes of one request so far."""

    def __init__(self, most_body: int) -> None:
        self.whole = False  # whether its body has come to its end
        self.discarded = False  # whether its body is too large, and was thrown away
        self.malformed = False  # whether no head can come of it any more
        self.waits_for_continue = False
        self.length: int | None = 0  # of the body, as the head says; None where it comes in chunks
        self._most_body = most_body
        self._content: bytes | bytearray = b""  # the head, and what has come of a body with a length, and behind it
        self._head_end = -1
        self._came = 0  # bytes of the body, with its framing
        self._chunks = Chunks()
        self._behind = b""  # what has come behind the chunks
        self._hopeless = False  # whether the rest of it need not be waited for

    @property
    def size(self) -> int:
        """How many bytes are kept."""
        return len(self._content) + len(self._chunks.body)

    @property
    def posts(self) -> bool:
        """Whether the method is POST."""
        return self._content.startswith(b"POST ")

    @property
    def path(self) -> bytes:
        """The path that GET or HEAD asks for, as it stands there; empty for any other method."""
        method, _, rest = bytes(self._content[:MOST_PATH]).partition(b" ")
        return rest.partition(b" ")[0].partition(b"?")[0] if method in (b"GET", b"HEAD") else b""

    @property
    def heads(self) -> bool:
        """Whether the method is HEAD, as far as the bytes say: the answer then has no body, whatever it is."""
        return bytes(self._content[:16]).lstrip(b"\r\n").startswith(b"HEAD ")

    def add(self, content: bytes) -> bool:
        """Take more bytes; say whether the request is whole, or cannot or need not be waited for."""
        if self._head_end < 0:
            searched = max(0, len(self._content) - len(_END))
            self._keep(content)
            found = self._content.find(_END, searched)
            if found < 0:
                self.malformed = not _LINE.match(self._content) or bool(_NOWHERE.search(self._content, searched))
                return self.malformed or len(self._content) > MOST_HEAD
            self._read_head(found + len(_END))
            self._came = len(self._content) - self._head_end
            if self.length is None or self.discarded:
                content = bytes(self._content[self._head_end :])
                self._content = bytes(self._content[: self._head_end])
        else:
            self._came += len(content)
            if self.length is not None and not self.discarded:
                self._keep(content)
        if self.length is None:
            self._add_chunks(content)
        else:
            self.whole = self._came >= self.length
        return self.whole or self._hopeless or self._came > self._most_body * DISCARDED_LIMITS

    def parts(self) -> tuple[bytes, bytes, bytes]:
        """Return the head, the body without its framing, and what has come behind it."""
        if self._head_end < 0:
            return bytes(self._content), b"", b""
        content = memoryview(self._content)
        head, rest = bytes(content[: self._head_end]), content[self._head_end :]
        if self.length is None:
            return head, bytes(self._chunks.body), self._behind
        return head, bytes(rest[: self.length]), bytes(rest[self.length :])

    def _keep(self, content: bytes) -> None:
        """Keep what came: a large request that comes in one piece as it came, all others copied.

        What is received lies in memory for the most that could have come; a small rest of that, kept from request to
        request, would split the heap.
        """
        if not self._content and len(content) >= LARGE:
            self._content = content
            return
        if isinstance(self._content, bytes):
            self._content = bytearray(self._content)
        self._content += content

    def _read_head(self, end: int) -> None:
        self._head_end = end
        head = bytes(self._content[: end - 2])
        lengths, chunked = _LENGTH.findall(head), _CODING.search(head) is not None
        if chunked and not lengths:
            self.length = None
        elif len(lengths) == 1 and not chunked:
            self.length = int(lengths[0])
            self.discarded = self.length > self._most_body
        modern = head.partition(b"\r\n")[0].endswith(b" HTTP/1.1")  # RFC 9110, 10.1.1: others do not expect anything
        expects = modern and len(self._content) == end and _EXPECT.search(head) is not None
        self.waits_for_continue = expects and not self.discarded
        most = self._most_body * DISCARDED_LIMITS
        self._hopeless = self.discarded and (expects or (self.length or 0) > most)

    def _add_chunks(self, content: bytes) -> None:
        self._behind = content[self._chunks.add(content) :]
        self.whole, self._hopeless = self._chunks.ended, self._chunks.malformed
        self.discarded = self.discarded or len(self._chunks.body) > self._most_body
        if self.discarded:
            self._chunks.body.clear()
