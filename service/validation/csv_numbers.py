"""Many lines of numbers between commas, read without an object for each number and each line."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.validation.json_numbers import SHORTEST, NumberParser

_OF_NUMBERS: Final = b"0123456789+-.eE"


class LineReader:
    """Reads at most `most` lines of `width` numbers."""

    def __init__(self, width: int, most: int) -> None:
        self._most = most
        self._line = b"," * (width - 1)
        self._parser = NumberParser()

    def read(self, lines: bytes) -> NDArray[np.float64] | None:
        """Return shape (n, width), n >= 1, of lines where every cell is a number as JSON writes it.

        None is what needs to be read otherwise: more lines, lines that are empty or of another width, empty cells,
        texts, space, quotes, and numbers that JSON does not know (.5, +1) or reads otherwise (-0). Without the bytes of
        numbers, n such lines are always the same, which proves their shape; as one list in JSON, a strict parser proves
        the rest.
        """
        if len(lines) < SHORTEST or lines.count(b"\n") > self._most:
            return None
        lines = lines.replace(b"\r\n", b"\n").removesuffix(b"\n")
        skeleton = lines.translate(None, _OF_NUMBERS)
        count = (len(skeleton) + 1) // (len(self._line) + 1)
        if skeleton != b"\n".join([self._line] * count):
            return None
        text = b"[" + lines.replace(b"\n", b",") + b"]"
        found = None if b"-0," in text or b"-0]" in text else self._parser.numbers(text)
        return None if found is None else found.reshape(count, -1)
