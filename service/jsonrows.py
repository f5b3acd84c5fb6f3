"""Many rows of numbers in a JSON document, read without an object for each number and each row."""

import threading
from typing import Any, Final

import numpy as np
import simdjson
from numpy.typing import NDArray

LONGEST_KEPT: Final = 256 * 1024  # a parser keeps some 14 bytes for each byte of the longest body it has read
SHORTEST: Final = 1024  # what is shorter is read as soon in the common way
_OF_NUMBERS: Final = b"0123456789+-.eE \t\r\n"


class NumberReader:
    """Reads rows of `width` numbers."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._row = b"[" + b"," * (width - 1) + b"]"
        self._kept = threading.local()

    def read(self, body: bytes, member: str) -> NDArray[np.float64] | None:
        """Return shape (n, width), n >= 1, of a body that is `{member: [[number, ...], ...]}` and nothing else.

        None is what needs to be read otherwise: nulls, texts, objects, other members, rows of another width, numbers
        that are too large, and what is no JSON. Without the bytes of numbers and the space between them, such a body is
        the same for every n, which proves its shape and that there is nothing else in it; a strict parser proves the
        rest.
        """
        if len(body) < SHORTEST:
            return None
        skeleton = body.translate(None, _OF_NUMBERS)
        start, end = f'{{"{member}":['.encode().translate(None, _OF_NUMBERS), b"]}"
        count = (len(skeleton) - len(start) - len(end) + 1) // (len(self._row) + 1)
        if count < 1 or skeleton != start + b",".join([self._row] * count) + end:
            return None
        try:
            document: Any = self._parser(len(body)).parse(body)
            return np.frombuffer(document[member].as_buffer(of_type="d")).reshape(count, self._width)
        except (KeyError, RuntimeError, TypeError, ValueError):  # what it raises; the common reader says what is wrong
            return None

    def _parser(self, size: int) -> simdjson.Parser:
        """Return this thread's parser, which has its memory already, or another for a long body."""
        if size > LONGEST_KEPT:
            return simdjson.Parser()
        if not hasattr(self._kept, "parser"):
            self._kept.parser = simdjson.Parser()
        parser: simdjson.Parser = self._kept.parser
        return parser
