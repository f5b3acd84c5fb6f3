"""Reads the tables of an untrusted FlatBuffer; an offset or length that leads outside the buffer raises ValueError."""

import struct
from typing import Any, Final

import numpy as np
from flatbuffers import encode
from flatbuffers import number_types as numbers
from flatbuffers.table import Table
from numpy.typing import NDArray

BYTE: Final = numbers.Uint8Flags
SHORT: Final = numbers.Int16Flags
INT: Final = numbers.Int32Flags
LONG: Final = numbers.Int64Flags
BOOL: Final = numbers.BoolFlags
_OFFSET: Final = numbers.UOffsetTFlags
# What the library raises for offsets and lengths that lead outside the buffer.
_WRONG: Final = (struct.error, IndexError, TypeError, OverflowError, AssertionError, UnicodeDecodeError)


class View:
    """One table; its members have numbers, as in the FlatBuffers schema."""

    def __init__(self, content: memoryview, offset: int) -> None:
        self._table = Table(content, offset)

    @classmethod
    def root(cls, content: memoryview) -> "View":
        """Return the root table of a buffer."""
        try:
            return cls(content, encode.Get(_OFFSET.packer_type, content, 0))
        except _WRONG as error:
            raise ValueError(str(error)) from None

    def number(self, member: int, kind: Any, default: int = 0) -> int:
        """Return a number, or its default where it is absent."""
        try:
            position = self._offset(member)
            return int(self._table.Get(kind, position)) if position else default
        except _WRONG as error:
            raise ValueError(str(error)) from None

    def string(self, member: int, most: int) -> str:
        """Return a string of at most `most` bytes, "" where it is absent."""
        try:
            position = self._offset(member)
            offset = self._table.Indirect(position) if position else 0
            length = self._table.Get(_OFFSET, offset) if position else 0
            if length > most:
                raise ValueError(f"a string of {length} bytes is longer than the {most} that are left")
            start = offset + _OFFSET.bytewidth
            return str(self._table.Bytes[start : start + length], "utf-8")
        except _WRONG as error:
            raise ValueError(str(error)) from None

    def view(self, member: int) -> "View | None":
        """Return a table, or None where it is absent."""
        try:
            position = self._offset(member)
            return View(self._table.Bytes, self._table.Indirect(position)) if position else None
        except _WRONG as error:
            raise ValueError(str(error)) from None

    def count(self, member: int) -> int:
        """Return the length that a list claims to have."""
        try:
            return self._vector(member)[1]
        except _WRONG as error:
            raise ValueError(str(error)) from None

    def views(self, member: int, most: int) -> "list[View]":
        """Return the first `most` tables of a list, which may contain the same table several times."""
        try:
            start, count = self._vector(member)
            offsets = range(start, start + 4 * min(count, most), 4)
            return [View(self._table.Bytes, self._table.Indirect(offset)) for offset in offsets]
        except _WRONG as error:
            raise ValueError(str(error)) from None

    def longs(self, member: int, width: int) -> NDArray[np.int64]:
        """Return a list of structs of `width` longs as shape (n, width)."""
        try:
            start, count = self._vector(member)
        except _WRONG as error:
            raise ValueError(str(error)) from None
        return np.frombuffer(self._table.Bytes, "<i8", count * width, start).reshape(count, width)

    def _offset(self, member: int) -> int:
        """Return the position of a member, 0 where it is absent."""
        offset = self._table.Offset(4 + 2 * member)
        return self._table.Pos + offset if offset else 0

    def _vector(self, member: int) -> tuple[int, int]:
        offset = self._table.Offset(4 + 2 * member)
        return (self._table.Vector(offset), self._table.VectorLen(offset)) if offset else (0, 0)
