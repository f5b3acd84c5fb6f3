"""What travels between the process that reads and writes, and those that score: one batch, and what became of it."""

import csv
import io
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from service.formats import csv_text

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

    def of_row(self, row: str) -> "BadRow":
        """Return it with the row as it was given."""
        return replace(self, row=row)


@dataclass(frozen=True)
class Scored:
    """What became of a batch: the lines to write, how many rows they are, and the rows that were refused, as CSV."""

    content: bytes
    rows: int
    bad: bytes = b""
    bad_rows: int = 0

    def pack(self) -> bytes:
        """Return it as bytes, for another process."""
        return _HEAD.pack(self.rows, self.bad_rows, len(self.bad), len(self.content)) + self.bad + self.content

    @classmethod
    def unpack(cls, packed: bytes) -> "Scored":
        """Return what another process packed."""
        rows, bad_rows, bad, _ = _HEAD.unpack_from(packed)
        middle = _HEAD.size + bad
        return cls(packed[middle:], rows, packed[_HEAD.size : middle], bad_rows)


def bad_rows_of(lines: bytes) -> list[BadRow]:
    """Return the rows that `bad_lines` wrote."""
    cells = csv.reader(io.StringIO(lines.decode(), newline=""))
    return [BadRow(int(line), code, reason, row) for line, code, reason, row in cells]


def bad_lines(found: Iterable[BadRow]) -> bytes:
    """Return rows that were refused as lines of CSV."""
    return csv_text.lines([[each.line, each.code, each.reason, each.row] for each in found])


def order(content: bytes, line: int) -> bytes:
    """Return a batch, of which the first line or row has this number, for another process."""
    return line.to_bytes(_LINE, "little") + content


def doing(score: Callable[[bytes, int], Scored]) -> Callable[[bytes], bytes]:
    """Return what another process does with an order."""
    return lambda given: score(given[_LINE:], int.from_bytes(given[:_LINE], "little")).pack()
