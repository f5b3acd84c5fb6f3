"""The predictions of an earlier run, for a file that must be written again from its beginning."""

import os
from collections.abc import Iterator
from typing import Final

from service.scoring.batches import Scored

_SIZE: Final = 8  # bytes of the size before each


def framed(scored: Scored) -> bytes:
    """Return the result of a batch as `read` reads it."""
    packed = scored.pack()
    return len(packed).to_bytes(_SIZE, "little") + packed


def read(file: int, count: int) -> Iterator[Scored]:
    """Yield the results of the first `count` batches."""
    offset = 0
    for _ in range(count):
        size = int.from_bytes(os.pread(file, _SIZE, offset), "little")
        yield Scored.unpack(os.pread(file, size, offset + _SIZE))
        offset += _SIZE + size
