"""Arrow IPC messages whose counts, lengths and places are whatever the caller says, for bodies made to harm.

apache/arrow, format/Message.fbs and format/Schema.fbs; nothing of the product is imported here.
"""

import struct
from dataclasses import dataclass

import numpy as np
from flatbuffers import Builder, encode, packer
from flatbuffers import number_types as numbers
from flatbuffers.table import Table

SCHEMA, DICTIONARY, BATCH = 1, 2, 3
END = struct.pack("<II", 0xFFFFFFFF, 0)
FILE = b"ARROW1\0\0"
_OF_MESSAGE = ((1, numbers.Uint8Flags), (3, numbers.Int64Flags))  # kind and length, by place in the table
# A type: its number in the union, and its members by place, with the builder's method for each.
FLOAT = {bits: (3, {0: ("Int16", precision)}) for precision, bits in enumerate((16, 32, 64))}
WHOLE = {bits: (2, {0: ("Int32", bits), 1: ("Bool", 1)}) for bits in (8, 16, 32, 64)}
TEXT, LARGE_TEXT, VIEWS, TRUTH = (5, {}), (20, {}), (24, {}), (6, {})
DAYS, MOMENTS = (8, {0: ("Int16", 0)}), (10, {0: ("Int16", 2)})


@dataclass(frozen=True)
class Field:
    """One column of a schema; `dictionary` is the number of its dictionary, `places` the type of what points there."""

    name: str
    kind: tuple = FLOAT[64]
    dictionary: int | None = None
    places: tuple = WHOLE[32]


def stream(*messages):
    return b"".join(messages) + END


def as_file(body, *, places=None):
    """Return a stream as a file: its footer has the stream's schema, and points to its messages, or to `places`."""
    content, found = FILE + body, {DICTIONARY: [], BATCH: []}
    schemas, offset = [], len(FILE)
    while content[offset + 4 : offset + 8] not in (b"", bytes(4)):
        (size,) = struct.unpack_from("<I", content, offset + 4)
        message = content[offset + 8 : offset + 8 + size]
        table = Table(message, encode.Get(packer.uoffset, message, 0))
        kind, length = (table.GetSlot(4 + 2 * member, 0, flags) for member, flags in _OF_MESSAGE)
        header = table.Indirect(table.Pos + table.Offset(8))
        schemas += [(header, message)] if kind == SCHEMA else []
        found.get(kind, []).append((offset, 8 + size, length))
        offset += 8 + size + length
    blocks = [found[DICTIONARY], found[BATCH]] if places is None else [[], [(place, 0, 0) for place in places]]
    footer = _footer(blocks, *schemas[0])
    return content + footer + struct.pack("<I", len(footer)) + FILE[:6]


def _footer(blocks, header, message):
    """Return a FlatBuffer with the lists of blocks, and at its end another one, in which the schema is."""
    table, lists = (
        16,
        [struct.pack("<I", len(each)) + b"".join(struct.pack("<qqq", *one) for one in each) for each in blocks],
    )
    starts = [table + 16, table + 16 + len(lists[0])]
    schema_at = starts[1] + len(lists[1]) + header
    members = [place - (table + 4 + 4 * number) for number, place in enumerate((schema_at, *starts))]
    head = struct.pack("<I6H", table, 12, 16, 0, 4, 8, 12) + struct.pack("<i3I", table - 4, *members)
    return head + b"".join(lists) + message


def schema(*fields, shared=1):
    """Say which columns there are; all of them `shared` times, as references to the same fields."""
    builder = _builder()
    places = [_field(builder, field) for field in fields] * shared
    return _message(builder, SCHEMA, _table(builder, {}, {1: _references(builder, places)}), b"")


def batch(height, nodes, buffers, body=b"", further=()):
    """Claim `height` rows: a (length, missing) for each column and a (place, length) for each buffer of the body."""
    builder = _builder()
    return _message(builder, BATCH, _batch(builder, height, nodes, buffers, further), body)


def dictionary(number, height, nodes, buffers, body=b"", *, more=False, further=()):
    """Claim the `height` values of a dictionary, or `more` of them behind those that it has."""
    builder = _builder()
    values = _batch(builder, height, nodes, buffers, further)
    numbers = {0: ("Int64", number), 2: ("Bool", int(more))}
    return _message(builder, DICTIONARY, _table(builder, numbers, {1: values}), body)


def laid(*buffers):
    """Lay buffers one after the other: where each is, and the body that holds them."""
    places, body = [], b""
    for buffer in buffers:
        places.append((len(body), len(buffer)))
        body += buffer + bytes(-len(buffer) % 8)
    return places, body


def _builder():
    builder = Builder(1024)
    builder.ForceDefaults(True)  # what is 0 need not be the schema's default
    return builder


def _message(builder, kind, header, body):
    numbers = {0: ("Int16", 4), 1: ("Uint8", kind), 3: ("Int64", len(body))}
    builder.Finish(_table(builder, numbers, {2: header}))
    content = bytes(builder.Output())
    content += bytes(-len(content) % 8)
    return struct.pack("<II", 0xFFFFFFFF, len(content)) + content + body


def _batch(builder, height, nodes, buffers, further):
    offsets = {1: _structs(builder, nodes), 2: _structs(builder, buffers)}
    if further:
        builder.StartVector(8, len(further), 8)
        for number in reversed(further):
            builder.PrependInt64(number)
        offsets[4] = builder.EndVector()
    return _table(builder, {0: ("Int64", height)}, offsets)


def _field(builder, field):
    offsets = {0: builder.CreateString(field.name), 3: _table(builder, field.kind[1], {}), 5: _references(builder, [])}
    if field.dictionary is not None:
        index = _table(builder, field.places[1], {})
        offsets[4] = _table(builder, {0: ("Int64", field.dictionary)}, {1: index})
    return _table(builder, {2: ("Uint8", field.kind[0])}, offsets)


def _table(builder, numbers, offsets):
    builder.StartObject(7)
    for member, offset in offsets.items():
        builder.PrependUOffsetTRelativeSlot(member, offset, 0)
    for member, (kind, value) in numbers.items():
        getattr(builder, f"Prepend{kind}Slot")(member, value, 0)
    return builder.EndObject()


def _references(builder, places):
    builder.StartVector(4, len(places), 4)
    for place in reversed(places):
        builder.PrependUOffsetTRelative(place)
    return builder.EndVector()


def _structs(builder, pairs):
    """Write pairs of long numbers, all at once: there may be a million."""
    packed = np.array(pairs, "<i8").tobytes()
    builder.StartVector(16, len(packed) // 16, 8)
    builder.head -= len(packed)
    builder.Bytes[builder.head : builder.head + len(packed)] = packed
    return builder.EndVector()
