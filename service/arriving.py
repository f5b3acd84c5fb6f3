"""Says when a request has arrived whole, from its bytes alone; what it means is for the HTTP parser to decide.

Only a hint for when a thread is worth giving: whatever is odd counts as arrived, so that the parser gets to refuse it.
"""

import re
from typing import Final

# Larger than any head that gunicorn takes (limit_request_line 4094, 100 fields of 8190).
MOST_HEAD: Final = 64 * 1024
_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,15})[ \t]*(?=\r\n)", re.IGNORECASE)
_CODING: Final = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_EXPECT: Final = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*(?=\r\n)", re.IGNORECASE)
# The last chunk and its trailers, at the very end.
_LAST_CHUNK: Final = re.compile(rb"0+[ \t]*(?:;[^\r\n]*)?\r\n(?:[^\r\n]+\r\n)*\r\n\Z")
_TAIL: Final = 4096


class Arriving:
    """The bytes of one request so far."""

    def __init__(self, most_body: int) -> None:
        self.content = bytearray()
        self._most_body = most_body
        self._head_end = -1
        self._whole: int | None = None  # the request's length in bytes, where its head says so
        self.waits_for_continue = False

    def add(self, content: bytes) -> bool:
        """Take more bytes; say whether the request is whole, or cannot or need not be waited for."""
        searched = max(0, len(self.content) - len(_END))
        self.content += content
        if self._head_end < 0:
            found = self.content.find(_END, searched)
            if found < 0:
                return len(self.content) > MOST_HEAD
            self._read_head(found + len(_END))
        if self._whole is not None:
            return len(self.content) >= self._whole
        tail = bytes(self.content[max(self._head_end, len(self.content) - _TAIL) :])
        return len(self.content) - self._head_end > self._most_body or _LAST_CHUNK.search(tail) is not None

    def _read_head(self, end: int) -> None:
        self._head_end = end
        head = bytes(self.content[: end - 2])
        lengths = _LENGTH.findall(head)
        body = int(lengths[0]) if len(lengths) == 1 else 0
        chunked = _CODING.search(head) is not None and not lengths
        if not chunked:
            # A body that is too large is not waited for: it is refused before it is read.
            self._whole = end + (body if body <= self._most_body else 0)
        self.waits_for_continue = len(self.content) == end and _EXPECT.search(head) is not None
