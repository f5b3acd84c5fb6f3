"""Lists of numbers in JSON, parsed without an object for each number."""

import threading
from typing import Any, Final

import numpy as np
import simdjson
from numpy.typing import NDArray

LONGEST_KEPT: Final = 256 * 1024  # a parser keeps some 14 bytes for each byte of the longest body it has read
SHORTEST: Final = 1024  # what is shorter is read as soon in the common way


class NumberParser:
    """A strict parser of lists of numbers."""

    def __init__(self) -> None:
        self._kept = threading.local()

    def numbers(self, text: bytes, member: str | None = None) -> NDArray[np.float64] | None:
        """Return the numbers of a list, or of that member of an object, nested or not; None for what is none."""
        try:
            document: Any = self._parser(len(text)).parse(text)
            found = document if member is None else document[member]
            return np.frombuffer(found.as_buffer(of_type="d"))
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
