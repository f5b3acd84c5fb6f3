"""Reads JSON and CSV that holds nothing but numbers, without a Python object for each number and each row."""

import threading
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

try:
    import simdjson
except ModuleNotFoundError:  # it has no wheels for Python 3.14
    simdjson = None  # type: ignore[assignment]

LONGEST_KEPT: Final = 256 * 1024  # a parser keeps some 14 bytes for each byte of the longest body it has read
SHORTEST: Final = 1024  # bytes; the ordinary readers are as fast below it
_NUMBERS: Final = b"0123456789+-.eE"
_NUMBERS_AND_SPACE: Final = _NUMBERS + b" \t\r\n"


class NumberParser:
    """A strict parser of lists of numbers in JSON. Without simdjson it leaves all of them to the ordinary reader."""

    def __init__(self) -> None:
        self._kept = threading.local()

    def parse(self, text: bytes, member: str | None = None) -> NDArray[np.float64] | None:
        """Return the numbers of a list, nested or not, or of that member of an object; None for anything else."""
        if simdjson is None:
            return None
        try:
            document: Any = self._parser(len(text)).parse(text)
            numbers = document if member is None else document[member]
            return np.frombuffer(numbers.as_buffer(of_type="d"))
        except (KeyError, RuntimeError, TypeError, ValueError):  # the ordinary reader says what is wrong
            return None

    def _parser(self, size: int) -> "simdjson.Parser":
        """Return this thread's parser, whose memory is allocated already, or a new one for a long body."""
        if size > LONGEST_KEPT:
            return simdjson.Parser()
        if not hasattr(self._kept, "parser"):
            self._kept.parser = simdjson.Parser()
        parser: simdjson.Parser = self._kept.parser
        return parser


class MatrixReader:
    """Reads rows of `width` numbers.

    With the bytes of numbers removed, n rows of one width always leave the same bytes, which proves that a body has
    that shape and nothing else in it. A strict JSON parser proves that the numbers are numbers. Both methods return
    None for a body that the ordinary reader must read: a short one, one with any other value, and a malformed one.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._row, self._line = b"[" + b"," * (width - 1) + b"]", b"," * (width - 1)
        self._parser = NumberParser()

    def from_json(self, body: bytes, member: str) -> NDArray[np.float64] | None:
        """Return shape (n, width), n ≥ 1, of a body that is `{member: [[number, ...], ...]}`."""
        if len(body) < SHORTEST:
            return None
        skeleton = body.translate(None, _NUMBERS_AND_SPACE)
        start, end = f'{{"{member}":['.encode().translate(None, _NUMBERS_AND_SPACE), b"]}"
        count = (len(skeleton) - len(start) - len(end) + 1) // (len(self._row) + 1)
        if count < 1 or skeleton != start + b",".join([self._row] * count) + end:
            return None
        numbers = self._parser.parse(body, member)
        if numbers is None or numbers.size != count * self._width:
            return None
        return numbers.reshape(count, self._width)

    def from_csv(self, lines: bytes, max_rows: int) -> NDArray[np.float64] | None:
        """Return shape (n, width), 1 ≤ n ≤ max_rows, of lines where every cell is a number as JSON writes it.

        What JSON does not know (.5, +1) or reads as another number (-0) is left to the ordinary reader too.
        """
        if len(lines) < SHORTEST or lines.count(b"\n") > max_rows:
            return None
        lines = lines.replace(b"\r\n", b"\n").removesuffix(b"\n")
        skeleton = lines.translate(None, _NUMBERS)
        count = (len(skeleton) + 1) // self._width
        if skeleton != b"\n".join([self._line] * count):
            return None
        text = b"[" + lines.replace(b"\n", b",") + b"]"
        numbers = None if b"-0," in text or b"-0]" in text else self._parser.parse(text)
        return None if numbers is None else numbers.reshape(count, -1)
