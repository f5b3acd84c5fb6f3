"""What travels between the process that reads and writes and those that score: batches, and their results."""

import csv
import io
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from service.formats import csv_text
from service.scoring.scorer import Refusal

_HEAD: Final = struct.Struct("<QQQQ")
_LINE: Final = 8  # bytes of the number before an order
BAD_HEAD: Final = b"line,code,reason,row\r\n"


@dataclass(frozen=True)
class BadRow:
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


def bad_rows(refused: Mapping[int, Refusal], lines: Sequence[int], rows: Sequence[bytes]) -> list[BadRow]:
    """Return the refused rows of a text, whose numbers of lines and bytes stand at their positions."""
    return [
        BadRow(lines[at], why.code, why.reason, rows[at].decode(errors="replace"))
        for at, why in sorted(refused.items())
    ]


def bad_rows_of(lines: bytes) -> list[BadRow]:
    """Return the rows that `bad_lines` wrote."""
    cells = csv.reader(io.StringIO(lines.decode(), newline=""))
    return [BadRow(int(line), code, reason, row) for line, code, reason, row in cells]


def bad_lines(found: Iterable[BadRow]) -> bytes:
    """Return refused rows as lines of CSV."""
    return csv_text.lines([[each.line, each.code, each.reason, each.row] for each in found])


def order(content: bytes, line: int) -> bytes:
    """Return the order for another process to score a batch, whose first line or row has this number."""
    return line.to_bytes(_LINE, "little") + content


def doing(score: Callable[[bytes, int], Scored]) -> Callable[[bytes], bytes]:
    """Return the work of a process: from an order to a packed result."""
    return lambda given: score(given[_LINE:], int.from_bytes(given[:_LINE], "little")).pack()
