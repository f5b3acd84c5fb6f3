"""Predictions that an earlier run has made, for a file that has to be written again from its beginning."""

import os
from collections.abc import Iterator
from typing import Final

from service.scoring.batches import Scored

_SIZE: Final = 8  # bytes of the size before each


def framed(scored: Scored) -> bytes:
    """Return what became of a batch, to be read again."""
    packed = scored.pack()
    return len(packed).to_bytes(_SIZE, "little") + packed


def read(file: int, count: int) -> Iterator[Scored]:
    """Yield what became of the first batches."""
    place = 0
    for _ in range(count):
        size = int.from_bytes(os.pread(file, _SIZE, place), "little")
        yield Scored.unpack(os.pread(file, size, place + _SIZE))
        place += _SIZE + size
