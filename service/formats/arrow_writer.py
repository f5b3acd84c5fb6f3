"""Writes one record batch of flat columns as an Arrow IPC stream (arrow/format/Message.fbs, Schema.fbs)."""

import struct
from collections.abc import Callable
from itertools import accumulate
from typing import Any, Final

import numpy as np
from flatbuffers import Builder
from numpy.typing import NDArray

_VERSION_5, _SCHEMA, _BATCH = 4, 1, 3
_INT, _FLOAT, _UTF8, _BOOL = 2, 3, 5, 6
_END: Final = struct.pack("<II", 0xFFFFFFFF, 0)
_ALIGNMENT: Final = 8
# The numbers of a table: member → the type in the builder's words, and the value.
_Numbers = dict[int, tuple[str, int]]


def write(columns: dict[str, NDArray[Any]]) -> bytes:
    """Return columns of one length: float64, int64, uint64, bool, or objects that are all strings."""
    height = len(next(iter(columns.values())))
    buffers = [buffer for values in columns.values() for buffer in (b"", *_buffers(values))]
    padded = [buffer + bytes(-len(buffer) % _ALIGNMENT) for buffer in buffers]
    starts = list(accumulate(map(len, padded), initial=0))
    located = [(start, len(buffer)) for start, buffer in zip(starts, buffers, strict=False)]

    def schema(builder: Builder) -> int:
        fields = [_field(builder, name, values) for name, values in columns.items()]
        return _table(builder, {}, {1: _vector(builder, fields)})

    def batch(builder: Builder) -> int:
        nodes = _structs(builder, [(height, 0)] * len(columns))
        return _table(builder, {0: ("Int64", height)}, {1: nodes, 2: _structs(builder, located)})

    body = b"".join(padded)
    return _message(_SCHEMA, schema, 0) + _message(_BATCH, batch, len(body)) + body + _END


def _buffers(values: NDArray[Any]) -> list[bytes]:
    if values.dtype.kind == "b":
        return [np.packbits(values, bitorder="little").tobytes()]
    if values.dtype.kind in "iuf":
        return [values.astype(values.dtype.newbyteorder("<")).tobytes()]
    strings = [cell.encode() for cell in values.tolist()]
    offsets = np.fromiter(accumulate(map(len, strings), initial=0), "<i4", len(strings) + 1)
    return [offsets.tobytes(), b"".join(strings)]


def _message(kind: int, make: Callable[[Builder], int], length: int) -> bytes:
    builder = Builder(1024)
    header = make(builder)
    numbers = {0: ("Int16", _VERSION_5), 1: ("Uint8", kind), 3: ("Int64", length)}
    builder.Finish(_table(builder, numbers, {2: header}))
    content = bytes(builder.Output())
    content += bytes(-len(content) % _ALIGNMENT)
    return struct.pack("<II", 0xFFFFFFFF, len(content)) + content


def _field(builder: Builder, name: str, values: NDArray[Any]) -> int:
    code, numbers = {
        "b": (_BOOL, {}),
        "i": (_INT, {0: ("Int32", 64), 1: ("Bool", 1)}),
        "u": (_INT, {0: ("Int32", 64)}),
        "f": (_FLOAT, {0: ("Int16", 2)}),
    }.get(values.dtype.kind, (_UTF8, {}))
    details = _table(builder, numbers, {})
    offsets = {0: builder.CreateString(name), 3: details, 5: _vector(builder, [])}
    return _table(builder, {2: ("Uint8", code)}, offsets)


def _table(builder: Builder, numbers: _Numbers, offsets: dict[int, int]) -> int:
    builder.StartObject(6)
    for member, offset in offsets.items():
        builder.PrependUOffsetTRelativeSlot(member, offset, 0)
    for member, (kind, value) in numbers.items():
        getattr(builder, f"Prepend{kind}Slot")(member, value, 0)
    return int(builder.EndObject())


def _vector(builder: Builder, offsets: list[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _structs(builder: Builder, pairs: list[tuple[int, int]]) -> int:
    builder.StartVector(16, len(pairs), 8)
    for first, second in reversed(pairs):
        builder.Prep(8, 16)
        builder.PrependInt64(second)
        builder.PrependInt64(first)
    return int(builder.EndVector())
