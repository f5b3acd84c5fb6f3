"""Reads Universal Binary JSON (ubjson.org, draft 12), as far as XGBoost writes it.

The document takes memory in proportion to the file: a count is never larger than the rest of the file.
"""

import struct
from typing import Any, Final

import numpy as np

_MOST_DEPTH: Final = 32
# Numbers of fixed size by their markers, big-endian.
_NUMBERS: Final = {"i": ">i1", "U": ">u1", "I": ">i2", "l": ">i4", "L": ">i8", "d": ">f4", "D": ">f8"}
_FORMATS: Final = {"i": "b", "U": "B", "I": "h", "l": "i", "L": "q", "d": "f", "D": "d"}
_SCALARS: Final = {mark: struct.Struct(f">{code}") for mark, code in _FORMATS.items()}
_CONSTANTS: Final = {"Z": None, "T": True, "F": False}


def read_ubjson(content: bytes) -> Any:
    """Return the document; arrays of one type of number are numpy arrays. Raises ValueError if it is malformed."""
    reader = _Reader(content)
    try:
        found = reader.value(reader.mark(), 0)
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise ValueError(f"it ends early or is damaged ({type(error).__name__})") from None
    if reader.position != len(content):
        raise ValueError("bytes follow the end of the document")
    return found


class _Reader:
    """A document and the position in it."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.position = 0

    def mark(self) -> str:
        """Return the next marker."""
        found = self._content[self.position]
        self.position += 1
        return chr(found)

    def value(self, mark: str, depth: int) -> Any:
        """Return the value whose marker was read."""
        if depth > _MOST_DEPTH:
            raise ValueError("it is nested too deep")
        if mark in _CONSTANTS:
            return _CONSTANTS[mark]
        if mark in _SCALARS:
            return self._number(mark)
        if mark == "S":
            return self._string()
        if mark == "[":
            return self._array(depth)
        if mark == "{":
            return self._object(depth)
        raise ValueError(f"it has an unknown marker at byte {self.position - 1}")

    def _number(self, mark: str) -> Any:
        form = _SCALARS[mark]
        (found,) = form.unpack_from(self._content, self.position)
        self.position += form.size
        return found

    def _length(self) -> int:
        mark = self.mark()
        found = self._number(mark) if mark in "iUIlL" else -1
        if not 0 <= found <= len(self._content) - self.position:
            raise ValueError("a length is beyond the end of the file")
        return int(found)

    def _string(self) -> str:
        size = self._length()
        self.position += size
        return self._content[self.position - size : self.position].decode()

    def _array(self, depth: int) -> Any:
        mark = self.mark()
        if mark == "$":
            return self._typed()
        if mark == "#":
            return [self.value(self.mark(), depth + 1) for _ in range(self._length())]
        found = []
        while mark != "]":
            found.append(self.value(mark, depth + 1))
            mark = self.mark()
        return found

    def _typed(self) -> Any:
        kind = self.mark()
        if kind not in _NUMBERS or self.mark() != "#":
            raise ValueError("an array has no length, or another type than numbers")
        dtype = np.dtype(_NUMBERS[kind])
        count = self._length()
        if count * dtype.itemsize > len(self._content) - self.position:
            raise ValueError("an array is longer than the file")
        found = np.frombuffer(self._content, dtype, count, self.position)
        self.position += count * dtype.itemsize
        return found.astype(dtype.newbyteorder("="))

    def _object(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while self._content[self.position] != ord("}"):
            name = self._string()
            if name in found:
                raise ValueError("a name occurs twice in an object")
            found[name] = self.value(self.mark(), depth + 1)
        self.position += 1
        return found
