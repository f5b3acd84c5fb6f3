"""Many rows of numbers in a JSON document, read without an object for each number and each row."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.validation.json_numbers import SHORTEST, NumberParser

_OF_NUMBERS: Final = b"0123456789+-.eE \t\r\n"


class NumberReader:
    """Reads rows of `width` numbers."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._row = b"[" + b"," * (width - 1) + b"]"
        self._parser = NumberParser()

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
        found = self._parser.numbers(body, member)
        return found.reshape(count, self._width) if found is not None and found.size == count * self._width else None
