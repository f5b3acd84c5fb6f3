"""Reads the wire format of protocol buffers (protobuf.dev/programming-guides/encoding).

Strictly: of each message only the fields that are asked for, each in its wire type; anything else is a ValueError.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

VARINT: Final = 0
LENGTH: Final = 2
FIXED32: Final = 5
# Repeated whole numbers, packed or each with a key of its own.
NUMBERS: Final = -1
_MOST_BYTES: Final = 10
_LAST: Final = 128  # a byte below is the last one of its number


def read(buffer: memoryview, kinds: Mapping[int, int]) -> dict[int, list[Any]]:
    """Return what a message holds for each field by its number: ints, parts of the buffer, or arrays of int64."""
    found: dict[int, list[Any]] = {}
    place = 0
    value: Any
    while place < len(buffer):
        start = place
        key, place = _number(buffer, place)
        field, kind = key >> 3, key & 7
        expected = kinds.get(field)
        if kind == VARINT and expected == NUMBERS:
            value, used = _run(np.frombuffer(buffer[start:], np.uint8), key)
            place = start + used
        elif kind == VARINT == expected:
            value, place = _number(buffer, place)
        elif kind == FIXED32 == expected:
            value, place = _part(buffer, place, 4)
        elif kind == LENGTH and expected in (LENGTH, NUMBERS):
            size, place = _number(buffer, place)
            value, place = _part(buffer, place, size)
            if expected == NUMBERS:
                data = np.frombuffer(value, np.uint8)
                value = _decoded(data, np.flatnonzero(data < _LAST))
        else:
            raise ValueError(f"field {field} of wire type {kind} is not expected here")
        found.setdefault(field, []).append(value)
    return found


def _part(buffer: memoryview, place: int, size: int) -> tuple[memoryview, int]:
    if size > len(buffer) - place:
        raise ValueError("a field ends beyond its message")
    return buffer[place : place + size], place + size


def _number(buffer: memoryview, place: int) -> tuple[int, int]:
    """Return a number without a sign, and where it ends."""
    value = 0
    for count in range(_MOST_BYTES):
        byte = buffer[place + count]
        value |= (byte & (_LAST - 1)) << (7 * count)
        if byte < _LAST:
            return value, place + count + 1
    raise ValueError("a number is too long")


def _run(data: NDArray[np.uint8], key: int) -> tuple[NDArray[np.int64], int]:
    """Return the numbers at the start of the data that follow the same key each, and how many bytes they take.

    A graph of many trees has millions of them.
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
    """Return the numbers that end there, and begin after the ends `before`, or where the last one ended."""
    before = np.concatenate([[-1], ends[:-1]]) if before is None else before
    lengths = ends - before
    if len(lengths) and int(lengths.max()) > _MOST_BYTES:
        raise ValueError("a number is too long")
    values = np.zeros(len(ends), np.uint64)
    for count in range(int(lengths.max()) if len(lengths) else 0):
        there = lengths > count
        bits = (data[before[there] + 1 + count] & (_LAST - 1)).astype(np.uint64)
        values[there] |= bits << np.uint64(7 * count)
    return values.view(np.int64)
