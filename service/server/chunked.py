"""Removes the framing of a chunked body (RFC 9112, 7.1) as it arrives."""

import re
from typing import Final

MOST_TRAILERS: Final = 64 * 1024
# Each chunk costs work, however small it is. So framing beyond this many bytes may be at most a quarter of the data
# (chunks of 20 bytes on average). Go's net/http has a similar limit.
FRAMING_FREE: Final = 128 * 1024
FRAMING_SHARE: Final = 4
_MOST_LINE: Final = 4096
_SIZE: Final = re.compile(rb"0*([0-9A-Fa-f]{1,12})[ \t]*(?:;[^\r\n\x00]*)?\r\n")
_FIELD: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n\x00]*\r\n")
_EMPTY: Final = b"\r\n"


class Chunks:
    """A chunked body: the `body` so far, and whether it has `ended` or is `malformed`. Trailers are dropped."""

    def __init__(self) -> None:
        self.body = bytearray()
        self.ended = self.malformed = False
        self._line = b""  # the beginning of a line that is not complete yet
        self._left = 0  # bytes of the chunk's data that have not come yet
        self._closes = self._last = False  # whether the next line ends a chunk, or follows the last chunk
        self._trailers = 0  # bytes so far
        self._data = self._framing = 0  # bytes so far

    def add(self, content: bytes) -> int:
        """Add bytes; return how many of them belong to this body."""
        position, size = 0, len(content)
        while position < size and not (self.ended or self.malformed):
            if self._left:
                taken = min(self._left, size - position)
                self.body += content[position : position + taken]
                self._left -= taken
                self._data += taken
                position += taken
                continue
            end = content.find(b"\n", position) + 1
            line = self._line + content[position : end or size]
            position = end or size
            if end:
                self._line = b""
                self._framing += len(line)
                self._read(line)
            else:
                self._line = line
                self.malformed = len(line) > _MOST_LINE
        return position

    def _read(self, line: bytes) -> None:
        if self._closes:
            self._closes, self.malformed = False, line != _EMPTY
        elif self._last:
            self._trailers += len(line)
            self.ended = line == _EMPTY
            self.malformed = self._trailers > MOST_TRAILERS or not (self.ended or _FIELD.fullmatch(line))
        elif size := _SIZE.fullmatch(line):
            self._left = int(size[1], 16)
            self._closes, self._last = self._left > 0, self._left == 0
            self.malformed = self._framing > FRAMING_FREE + self._data // FRAMING_SHARE
        else:
            self.malformed = True
