"""Reads JSON documents, but first refuses bodies that cannot be rows of the model: a small one can need much memory."""

from typing import Any, Final

import numpy as np

from service.errors import InvalidRows, Problem
from service.formats import strict_json

_QUOTE: Final = ord('"')
_UNCHECKED: Final = 64 * 1024  # bytes; a shorter body costs little, whatever it contains
_SPARSE: Final = 32  # bytes of text for each list and object; with as many, lists cost no more memory than strings can
_AROUND: Final = 64  # lists and objects that may stand around the rows and columns


def outside_strings(text: bytes) -> bytes:
    """Return a JSON text without its strings, except for their closing quotes; takes linear time."""
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    characters = np.frombuffer(text, np.uint8)
    inside = np.add.accumulate(characters == _QUOTE, dtype=np.uint8) & 1
    outside: bytes = characters[inside == 0].tobytes()
    return outside


class DocumentReader:
    """Reads documents for a model of `width` features that takes at most `max_rows` rows."""

    def __init__(self, width: int, max_rows: int) -> None:
        self._width, self._max_rows = width, max_rows
        # Twice as many as a valid request can have: a few rows too many are read, and then reported exactly.
        self._most_values = 2 * max_rows * (width + 2) + 16 * width + _AROUND
        self._most_objects = 2 * max_rows + 4 * width + _AROUND

    def read(self, body: bytes) -> Any:
        """Return a document; raises InvalidJson, and InvalidRows for one that cannot be rows of this model."""
        self.check(body)
        return strict_json.loads(body)

    def check(self, body: bytes, *, lines: bool = False) -> None:
        """Raise InvalidRows for a body, or lines of JSON, with more values, objects or lists than rows can have.

        They are counted, and not parsed. Raises InvalidJson if such a body does not even begin as JSON.
        """
        if len(body) <= _UNCHECKED or self._excess(body, lines=lines) is None:
            return
        if (problem := self._excess(outside_strings(body), lines=lines)) is not None:
            head = body[:_UNCHECKED]
            strict_json.check_beginning(head.partition(b"\n")[0] if lines else head)
            raise InvalidRows((problem,))

    def _excess(self, text: bytes, *, lines: bool) -> Problem | None:
        """Return the problem of a text with too many objects, values or lists; characters in strings count too."""
        objects = text.count(b"{")
        if objects > self._most_objects:
            return Problem("too_many_rows", "", f"at most {self._max_rows} rows", f"{objects} objects")
        parts = objects + text.count(b"[")
        if len(text) <= self._most_values and parts * _SPARSE <= len(text):
            return None
        values = text.count(b",") + (text.count(b"\n") if lines else 0) + 1
        if values > self._most_values:
            expected = f"at most {self._max_rows} rows of {self._width} values"
            return Problem("too_many_rows", "", expected, f"over {values} values")
        if parts > values + self._width + _AROUND and parts * _SPARSE > len(text):
            return Problem("invalid_request", "", "rows or columns of values", f"{parts} lists within others")
        return None
