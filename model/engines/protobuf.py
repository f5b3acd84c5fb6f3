"""Reads the wire format of protocol buffers (protobuf.dev/programming-guides/encoding).

It is strict: a field that is not expected, or that has another wire type than expected, raises ValueError.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

VARINT: Final = 0
LENGTH: Final = 2
FIXED32: Final = 5
# Repeated integers, packed or each with its own key.
NUMBERS: Final = -1
_MOST_BYTES: Final = 10
_LAST: Final = 128  # a byte below this is the last byte of its number


def read(buffer: memoryview, kinds: Mapping[int, int]) -> dict[int, list[Any]]:
    """Return the values of a message by field number: ints, parts of the buffer, or arrays of int64."""
    found: dict[int, list[Any]] = {}
    position = 0
    value: Any
    while position < len(buffer):
        start = position
        key, position = _number(buffer, position)
        field, kind = key >> 3, key & 7
        expected = kinds.get(field)
        if kind == VARINT and expected == NUMBERS:
            value, used = _run(np.frombuffer(buffer[start:], np.uint8), key)
            position = start + used
        elif kind == VARINT == expected:
            value, position = _number(buffer, position)
        elif kind == FIXED32 == expected:
            value, position = _part(buffer, position, 4)
        elif kind == LENGTH and expected in (LENGTH, NUMBERS):
            size, position = _number(buffer, position)
            value, position = _part(buffer, position, size)
            if expected == NUMBERS:
                data = np.frombuffer(value, np.uint8)
                value = _decoded(data, np.flatnonzero(data < _LAST))
        else:
            raise ValueError(f"field {field} of wire type {kind} is not expected here")
        found.setdefault(field, []).append(value)
    return found


def _part(buffer: memoryview, position: int, size: int) -> tuple[memoryview, int]:
    if size > len(buffer) - position:
        raise ValueError("a field ends beyond its message")
    return buffer[position : position + size], position + size


def _number(buffer: memoryview, position: int) -> tuple[int, int]:
    """Return an unsigned number, and the position after it."""
    value = 0
    for count in range(_MOST_BYTES):
        byte = buffer[position + count]
        value |= (byte & (_LAST - 1)) << (7 * count)
        if byte < _LAST:
            return value, position + count + 1
    raise ValueError("a number is too long")


def _run(data: NDArray[np.uint8], key: int) -> tuple[NDArray[np.int64], int]:
    """Return the numbers at the start of the data that each follow this key, and how many bytes they take.

    A graph of many trees has millions of such numbers, so they are read by numpy.
    """
    ends = np.flatnonzero(data < _LAST)
    ends = ends[: len(ends) // 2 * 2]
    keys, numbers = ends[::2], ends[1::2]
    same = (np.diff(numbers, prepend=-1) - (numbers - keys) == 1) & (data[keys] == key)
    count = len(same) if same.all() else int(same.argmin())
    if not count:
        raise ValueError("a number is missing after its key")
    return _decoded(data, numbers[:count], keys[:count]), int(numbers[count - 1]) + 1


def _decoded(data: NDArray[np.uint8], ends: NDArray[np.int64], before: Any = None) -> NDArray[np.int64]:
    """Return the numbers that end at `ends` and begin after `before`, by default after the previous end."""
    before = np.concatenate([[-1], ends[:-1]]) if before is None else before
    lengths = ends - before
    if len(lengths) and int(lengths.max()) > _MOST_BYTES:
        raise ValueError("a number is too long")
    values = np.zeros(len(ends), np.uint64)
    for count in range(int(lengths.max()) if len(lengths) else 0):
        longer = lengths > count
        bits = (data[before[longer] + 1 + count] & (_LAST - 1)).astype(np.uint64)
        values[longer] |= bits << np.uint64(7 * count)
    return values.view(np.int64)
