"""What travels between the process that reads and writes and those that score: batches, and their results."""

import csv
import io
import os
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.prediction import Prediction, Rows
from service.formats import csv_text
from service.scoring.scorer import Scorer, sift

_HEAD: Final = struct.Struct("<QQQQ")
_NUMBER: Final = 8  # bytes of the line before an order, and of the size before a result in a file
BAD_HEAD: Final = b"line,code,reason,row\r\n"


class BadRow(NamedTuple):
    """A row that cannot be scored: the number of its line, why, and the row as it was given."""

    line: int
    code: str
    reason: str
    row: str


@dataclass(frozen=True)
class Scored:
    """The result of a batch: the content to write, how many rows it has, and the refused rows as CSV."""

    content: bytes
    rows: int
    bad: bytes = b""
    bad_rows: int = 0

    def pack(self) -> bytes:
        """Return the result as bytes, for another process."""
        return _HEAD.pack(self.rows, self.bad_rows, len(self.bad), len(self.content)) + self.bad + self.content

    @classmethod
    def unpack(cls, packed: bytes) -> "Scored":
        """Return the result that another process packed."""
        rows, bad_rows, bad, _ = _HEAD.unpack_from(packed)
        middle = _HEAD.size + bad
        return cls(packed[middle:], rows, packed[_HEAD.size : middle], bad_rows)

    def framed(self) -> bytes:
        """Return the result as bytes, to append to a file."""
        packed = self.pack()
        return len(packed).to_bytes(_NUMBER, "little") + packed


def read_framed(file: int, count: int) -> Iterator[Scored]:
    """Yield the first `count` results in a file."""
    offset = 0
    for _ in range(count):
        size = int.from_bytes(os.pread(file, _NUMBER, offset), "little")
        yield Scored.unpack(os.pread(file, size, offset + _NUMBER))
        offset += _NUMBER + size


def score_records(
    scorer: Scorer,
    lines: Sequence[int],
    texts: Sequence[bytes],
    read: Callable[[NDArray[np.intp]], Rows],
    write: Callable[[NDArray[np.intp], Prediction], bytes],
) -> Scored:
    """Score the records of a batch, whose numbers of lines and texts (or no texts) stand at their positions.

    `read` reads the records at some positions. `write` returns what is written of good ones and their prediction.
    """
    good, prediction, refused = sift(scorer, len(lines), read)
    bad = [
        BadRow(lines[at], code, reason, texts[at].decode(errors="replace") if texts else "")
        for at, (code, reason) in sorted(refused.items())
    ]
    content = b"" if prediction is None else write(good, prediction)
    return Scored(content, len(good), csv_text.lines(bad), len(bad))


def bad_rows_of(lines: bytes) -> list[BadRow]:
    """Return the refused rows of a result."""
    cells = csv.reader(io.StringIO(lines.decode(), newline=""))
    return [BadRow(int(line), code, reason, row) for line, code, reason, row in cells]


def order(content: bytes, line: int) -> bytes:
    """Return the order for another process to score a batch, whose first line or row has this number."""
    return line.to_bytes(_NUMBER, "little") + content


def doing(score: Callable[[bytes, int], Scored]) -> Callable[[bytes], bytes]:
    """Return the work of a process: from an order to a packed result."""
    return lambda given: score(given[_NUMBER:], int.from_bytes(given[:_NUMBER], "little")).pack()
