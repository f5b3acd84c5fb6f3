"""Many rows of numbers in a JSON document, read without an object for each number and each row."""

from typing import Any, Final

import numpy as np
import simdjson
from numpy.typing import NDArray

SHORTEST: Final = 1024  # what is shorter is read as soon in the common way
_OF_NUMBERS: Final = b"0123456789+-.eE \t\r\n"


def read(body: bytes, member: str, width: int) -> NDArray[np.float64] | None:
    """Return shape (n, width), n >= 1, of a body that is `{member: [[number, ...], ...]}` and nothing else, or None.

    None is what needs to be read otherwise: nulls, texts, objects, other members, rows of another width, numbers that
    are too large, and what is no JSON. Without the bytes of numbers and the space between them, such a body is the same
    for every n, which proves its shape and that there is nothing else in it; a strict parser proves the rest.
    """
    if len(body) < SHORTEST:
        return None
    skeleton = body.translate(None, _OF_NUMBERS)
    start, row, end = (each.translate(None, _OF_NUMBERS) for each in (b'{"%b":[' % member.encode(), _row(width), b"]}"))
    count = (len(skeleton) - len(start) - len(end) + 1) // (len(row) + 1)
    if count < 1 or skeleton != start + b",".join([row] * count) + end:
        return None
    try:
        document: Any = simdjson.Parser().parse(body)  # one for each body, as a parser keeps the memory of its largest
        return np.frombuffer(document[member].as_buffer(of_type="d")).reshape(count, width)
    except (KeyError, RuntimeError, TypeError, ValueError):  # what it raises; the common reader says what is wrong
        return None


def _row(width: int) -> bytes:
    return b"[" + b"," * (width - 1) + b"]"
