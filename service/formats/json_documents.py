"""Reads JSON documents, but first refuses bodies that cannot be rows of the model: a small one can need much memory.

In documents of tensors, long lists of numbers become arrays without a Python object for each number.
"""

import re
import secrets
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.errors import InvalidJson, InvalidRows, Problem
from service.formats import strict_json
from service.validation.plain_numbers import SHORTEST, NumberParser

_QUOTE: Final = ord('"')
_UNCHECKED: Final = 64 * 1024  # bytes; a shorter body costs little, whatever it contains
_SPARSE: Final = 32  # bytes of text for each list and object; with as many, lists cost no more memory than strings can
_AROUND: Final = 64  # lists and objects that may stand around the rows and columns
_DATA: Final = re.compile(rb'"data"[ \t\r\n]*+:[ \t\r\n]*+\[')


def outside_strings(text: bytes) -> bytes:
    """Return a JSON text without its strings, except for their closing quotes; takes linear time."""
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    characters = np.frombuffer(text, np.uint8)
    inside = np.add.accumulate(characters == _QUOTE, dtype=np.uint8) & 1
    outside: bytes = characters[inside == 0].tobytes()
    return outside


class DocumentReader:
    """Reads documents with at most `max_rows` rows of a model's features and at most `extra` other columns."""

    def __init__(self, features: int, max_rows: int, extra: int = 0) -> None:
        width = features + extra
        self._max_tensors, self._width, self._max_rows = features, width, max_rows
        self._parser = NumberParser()
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

    def read_tensors(self, body: bytes) -> Any:
        """Return a document of tensors: each long flat list of numbers that is `data` of a float input is an array.

        Such lists are cut out, each is replaced by a random string, and the ordinary reader reads the rest. Where a
        string is not found again as the `data` of a float input, the ordinary reader reads the whole body instead.
        Raises InvalidJson and InvalidRows.
        """
        document = self._read_around(body) if len(body) >= SHORTEST else None
        return self.read(body) if document is None else document

    def _read_around(self, body: bytes) -> Any:
        arrays: dict[str, NDArray[np.float64]] = {}
        try:
            document = self.read(self._without(body, arrays))
        except InvalidJson:
            return None  # reading the whole body will say where
        inputs = document.get("inputs") if isinstance(document, dict) else None
        for each in inputs if isinstance(inputs, list) else ():
            if not isinstance(each, dict):
                continue
            datatype, mark = each.get("datatype"), each.get("data")
            if isinstance(datatype, str) and datatype.startswith("FP") and isinstance(mark, str) and mark in arrays:
                each["data"] = arrays.pop(mark)
        return None if arrays else document

    def _without(self, body: bytes, arrays: dict[str, NDArray[np.float64]]) -> bytes:
        """Return the body with a mark in place of each list of numbers; adds their arrays to `arrays` by mark."""
        pieces: list[bytes] = []
        kept = end = 0
        for _ in range(self._max_tensors):
            match = _DATA.search(body, end)
            if match is None or not (end := body.find(b"]", match.end()) + 1):
                break
            start = match.end() - 1
            numbers = self._parser.parse(body[start:end]) if end - start >= SHORTEST else None
            if numbers is not None:
                mark = secrets.token_hex(16)
                arrays[mark] = numbers
                pieces += body[kept:start], f'"{mark}"'.encode()
                kept = end
        return b"".join([*pieces, body[kept:]])

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
