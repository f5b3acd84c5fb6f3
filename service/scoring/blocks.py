"""Cuts a text of any size into blocks of whole records, one at a time in memory.

A record is a line, but a quoted cell of CSV may contain line feeds.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.scoring.stopped import Stopped

SIZE: Final = 2**20  # bytes of a block
MOST_RECORD: Final = 16 * 2**20  # bytes; the default limit of a request's body
Ends = Callable[[bytes], NDArray[np.int64]]  # where the records of a text end that begins with one
_LINE_FEED, _QUOTE = ord("\n"), ord('"')
_BEFORE_QUOTED: Final = np.frombuffer(b',\n\r"', np.uint8)  # and the beginning of the text
# A quote in the middle of a cell is an ordinary character, so what is quoted is only known from reading each cell.
_CELL_END: Final = re.compile(rb'(?:"(?:[^"]|"")*+(?:"[^,\n]*+|\Z)|[^",\n][^,\n]*+|)(,|\n|\Z)')


@dataclass(frozen=True)
class Block:
    """Whole records: `line` is the number of their first line, `end` their end in the input, in bytes."""

    content: bytes
    line: int
    end: int
    lines: int


@dataclass(frozen=True)
class Cutter:
    """Cuts what `read` returns; where a block ends depends only on where it starts, so a resumed run cuts the same.

    A block has at most `rows` records, which bounds how much is predicted at once if records are short.
    """

    read: Callable[[int], bytes]
    ends: Ends
    rows: int
    size: int = SIZE
    held: bytes = b""  # what was read already

    def blocks(self, line: int, offset: int) -> Iterator[Block]:
        """Yield the blocks from here to the end; raises Stopped for a record that is too long."""
        held, more = self.held, True
        start, size = 0, self.size
        while True:
            while more and len(held) - start < size:
                piece = self.read(max(self.size, size - len(held) + start))
                more = bool(piece)
                held, start = held[start:] + piece, 0
            if start == len(held):
                return
            window = held[start : start + size]
            cut = self._cut(window, last=not more and start + size >= len(held))
            if not cut:
                if size >= MOST_RECORD:
                    message = f"the record that starts in line {line} does not end within {MOST_RECORD // 2**20} MiB"
                    raise Stopped("bad_input", f"{message}; is there a quote that is not closed?")
                size *= 4
                continue
            size = self.size
            content = window[:cut]
            lines = content.count(b"\n") + (not content.endswith(b"\n"))
            offset += cut
            yield Block(content, line, offset, lines)
            line += lines
            start += cut

    def _cut(self, window: bytes, *, last: bool) -> int:
        """Return where to end a block that starts with the window; 0 if no record ends in it."""
        ends = self.ends(window)
        if len(ends) > self.rows:
            return int(ends[self.rows - 1])
        if last:
            return len(window)
        return int(ends[-1]) if len(ends) else 0


def line_ends(text: bytes) -> NDArray[np.int64]:
    """Return where each line ends: the positions after the line feeds."""
    return np.flatnonzero(np.frombuffer(text, np.uint8) == _LINE_FEED) + 1


def record_ends(text: bytes) -> NDArray[np.int64]:
    """Return where each record of CSV ends, as Python's csv module reads it; the text begins with a record."""
    ends = line_ends(text)
    if b'"' not in text:
        return ends
    characters = np.frombuffer(text, np.uint8)
    quotes = np.flatnonzero(characters == _QUOTE)
    opening = quotes[::2]
    before = characters[opening[opening > 0] - 1]
    if np.isin(before, _BEFORE_QUOTED).all():
        inside = np.searchsorted(quotes, ends) % 2 == 1
        outside: NDArray[np.int64] = ends[~inside]
        return outside
    return _ends_by_cell(text)


def _ends_by_cell(text: bytes) -> NDArray[np.int64]:
    ends, position = [], 0
    while position < len(text) and (match := _CELL_END.match(text, position)):
        position = match.end()
        if match[1] == b"\n":
            ends.append(position)
        elif not match[1]:
            break
    return np.array(ends, dtype=np.int64)
