"""Cuts a text of any size into blocks of whole records, one at a time in memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.scoring.stopped import Stopped

SIZE: Final = 2**20  # bytes of a block
MOST_RECORD: Final = 16 * 2**20  # bytes; the default limit of a request's body
Ends = Callable[[bytes], NDArray[np.int64]]


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

    def blocks(self, line: int, offset: int) -> Iterator[Block]:
        """Yield the blocks from here to the end; raises Stopped for a record that is too long."""
        held, more = b"", True
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
