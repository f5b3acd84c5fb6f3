"""Says when a request has arrived whole, from its bytes alone; what it means is for the HTTP parser to decide.

Whatever is odd counts as arrived, so that the parser gets to refuse it. What is too large is counted and thrown away.
"""

import re
from typing import Final

# Larger than any head that gunicorn takes (limit_request_line 4094, 100 fields of 8190).
MOST_HEAD: Final = 64 * 1024
# A body that is too large is read to its end up to this many times the limit, so that its sender gets to read the
# answer: a sender whose connection is closed while it sends sees a reset instead.
DISCARDED_LIMITS: Final = 4
LARGE: Final = 64 * 1024
_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,15})[ \t]*(?=\r\n)", re.IGNORECASE)
_CODING: Final = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_EXPECT: Final = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*(?=\r\n)", re.IGNORECASE)
_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,12})[ \t]*(?:;[^\r\n]*)?\r\n")
_MOST_LINE: Final = 4096


class Chunks:
    """Follows the framing of a chunked body (RFC 9112, 7.1)."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._skip = 0
        self._last = False

    def end(self, content: bytes) -> bool:
        """Take more bytes; say whether the body ends with them, or is no chunked body."""
        place = 0
        while place < len(content):
            if self._skip:
                step = min(self._skip, len(content) - place)
                self._skip, place = self._skip - step, place + step
                continue
            stop = content.find(b"\n", place) + 1 or len(content)
            self._line += content[place:stop]
            place = stop
            if not self._line.endswith(b"\n"):
                return len(self._line) > _MOST_LINE
            line = bytes(self._line)
            self._line.clear()
            if self._last:  # these are trailers, up to an empty line
                if line == b"\r\n":
                    return True
            elif size := _SIZE.fullmatch(line):
                self._skip = int(size.group(1), 16)
                self._last = not self._skip
                self._skip += 2 if self._skip else 0  # the line's end behind the chunk
            else:
                return True
        return False


class Arriving:
    """The bytes of one request so far: `content`, without its body once that is `discarded`."""

    def __init__(self, most_body: int) -> None:
        self.content: bytes | bytearray = b""
        self.discarded = False
        self.waits_for_continue = False
        self._most_body = most_body
        self._head_end = -1
        self._body = 0  # its bytes so far
        self._length: int | None = None  # and how many they are to be, where the head says so
        self._chunks = Chunks()

    def add(self, content: bytes) -> bool:
        """Take more bytes; say whether the request is whole, or cannot or need not be waited for."""
        searched, fresh = max(0, len(self.content) - len(_END)), len(content)
        self._keep(content)
        if self._head_end < 0:
            found = self.content.find(_END, searched)
            if found < 0:
                return len(self.content) > MOST_HEAD
            self._read_head(found + len(_END))
            fresh = len(self.content) - self._head_end  # of these bytes the last are of the body
        self._body += fresh
        length = self._length
        whole = self._chunks.end(content[len(content) - fresh :]) if length is None else self._body >= length
        if self.discarded or (self._length is None and self._body > self._most_body):
            self._discard()
        return whole or self._body > self._most_body * DISCARDED_LIMITS

    def parts(self) -> tuple[bytes, bytes]:
        """Return the head, and what has come behind it; all of it where the head has no end."""
        if self._head_end < 0:
            return bytes(self.content), b""
        content = memoryview(self.content)
        return bytes(content[: self._head_end]), bytes(content[self._head_end :])

    def _keep(self, content: bytes) -> None:
        """Keep what came: a large request that comes in one piece as it came, all others copied.

        What is received lies in memory for the most that could have come; a small rest of that, kept from request to
        request, would split the heap.
        """
        if not self.content and len(content) >= LARGE:
            self.content = content
            return
        if isinstance(self.content, bytes):
            self.content = bytearray(self.content)
        self.content += content

    def _read_head(self, end: int) -> None:
        self._head_end = end
        head = bytes(self.content[: end - 2])
        lengths = _LENGTH.findall(head)
        chunked = _CODING.search(head) is not None and not lengths
        if not chunked:
            self._length = int(lengths[0]) if len(lengths) == 1 and not _CODING.search(head) else 0
            self.discarded = self._length > self._most_body
            if self._length > self._most_body * DISCARDED_LIMITS:
                self._length = 0
        self.waits_for_continue = len(self.content) == end and _EXPECT.search(head) is not None

    def _discard(self) -> None:
        """Throw away the body; the connection has to end, since what is left of it may still come."""
        self.discarded = True
        head = bytes(self.content[: self._head_end])
        if b"\r\nConnection: close\r\n" not in head:
            head = head.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
        self.content, self._head_end = head, len(head)
