"""Arrow's columnar format (apache/arrow, docs/source/format/Columnar.rst, "Serialization and IPC"), streams and files.

Reads flat columns of numbers, booleans, texts and datetimes, dictionary-encoded or not. Every offset and length is
checked against the body, and nothing is allocated by what the body claims.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from model.engines import Rows
from service.errors import InvalidBody, InvalidRows, Problem
from service.tables import Column
from service.wire import Contract
from service.wire.arrowcolumns import Buffers, Kind, joined, kind_of, read_column
from service.wire.flatview import BOOL, BYTE, LONG, SHORT, View

STREAM, FILE = "application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file"
_MAGIC: Final = b"ARROW1\0\0"  # a file is this, a stream, and an index of it
_SIZE: Final = struct.Struct("<I")
_CONTINUED: Final = 0xFFFFFFFF
_SCHEMA, _DICTIONARY, _BATCH = 1, 2, 3
_MOST_MESSAGES: Final = 4096
_MOST_FIELDS: Final = 100_000


@dataclass
class _Reading:
    """What is known of a stream so far."""

    kinds: dict[str, Kind] = field(default_factory=dict)
    dictionaries: dict[int, Column] = field(default_factory=dict)
    batches: dict[str, list[Column]] = field(default_factory=dict)
    rows: int = 0


def read(body: bytes, contract: Contract) -> Rows:
    """Return the rows of all batches, columns by name; raises InvalidBody and InvalidRows."""
    reading = _Reading()
    try:
        for number, (kind, header, content) in enumerate(_messages(body)):
            if number > _MOST_MESSAGES:
                raise ValueError(f"more than {_MOST_MESSAGES} batches")
            if kind == _SCHEMA and number == 0:
                _read_schema(header, reading, contract)
            elif kind == _DICTIONARY and number > 0:
                _read_dictionary(header, content, reading)
            elif kind == _BATCH and number > 0:
                _read_batch(header, content, reading, contract)
            else:
                raise ValueError("a message out of its order")
    except (ValueError, struct.error) as error:
        raise InvalidBody(f"Expected an Arrow IPC stream of flat columns; {str(error)[:200]}.") from None
    if not reading.kinds:
        raise InvalidBody("Expected an Arrow IPC stream, got a body without a schema.")
    return contract.tables.read({name: joined(parts) for name, parts in reading.batches.items()})


def _messages(body: bytes) -> Iterator[tuple[int, View, memoryview]]:
    """Yield each message's kind, header and body, up to the end of the stream."""
    place = len(_MAGIC) if body.startswith(_MAGIC) else 0
    while place < len(body):
        (size,) = _SIZE.unpack_from(body, place)
        place += _SIZE.size
        if size == _CONTINUED:
            (size,) = _SIZE.unpack_from(body, place)
            place += _SIZE.size
        if size == 0:
            return
        message = View.root(body[place : place + size])
        length, header = message.number(3, LONG), message.view(2)
        start = place + size
        place = start + length
        if length < 0 or place > len(body) or header is None:
            raise ValueError("a message that goes beyond the end")
        yield message.number(1, BYTE), header, memoryview(body)[start:place]


def _read_schema(schema: View, reading: _Reading, contract: Contract) -> None:
    if schema.number(0, SHORT):
        raise ValueError("big-endian numbers")
    fields = schema.views(1, _MOST_FIELDS)
    names = [each.text(0) for each in fields]
    if len(set(names)) < len(names):
        raise InvalidRows((Problem("duplicate_name", "", "each column once", "one twice"),))
    contract.tables.check_names(names)
    reading.kinds = {name: kind_of(each) for name, each in zip(names, fields, strict=True)}
    reading.batches = {name: [] for name in names}


def _read_dictionary(header: View, content: memoryview, reading: _Reading) -> None:
    number, batch = header.number(0, LONG), header.view(1)
    kinds = [kind for kind in reading.kinds.values() if kind.dictionary == number]
    if batch is None or not kinds:
        raise ValueError("a dictionary that no column has")
    (values,) = _columns(batch, content, [kinds[0].values], reading)
    if header.number(2, BOOL) and number in reading.dictionaries:
        values = joined([reading.dictionaries[number], values])
    reading.dictionaries[number] = values


def _read_batch(batch: View, content: memoryview, reading: _Reading, contract: Contract) -> None:
    reading.rows += batch.number(0, LONG)
    if batch.number(0, LONG):
        contract.tables.check_height(reading.rows)
        columns = _columns(batch, content, list(reading.kinds.values()), reading)
        for name, column in zip(reading.kinds, columns, strict=True):
            reading.batches[name].append(column)


def _columns(batch: View, content: memoryview, kinds: list[Kind], reading: _Reading) -> list[Column]:
    if batch.view(3) is not None:
        raise ValueError("compressed buffers, which are not read here; use Content-Encoding: gzip instead")
    height, nodes = batch.number(0, LONG), batch.longs(1, 2)
    if len(nodes) != len(kinds) or height < 0 or (nodes[:, 0] != height).any():
        raise ValueError("columns that are not of the batch's length")
    buffers = Buffers(content, iter(batch.longs(2, 2).tolist()), iter(batch.longs(4, 1).ravel().tolist()))
    columns = []
    for kind, missing in zip(kinds, nodes[:, 1].tolist(), strict=True):
        columns.append(read_column(kind, buffers, height, reading.dictionaries, has_missing=missing != 0))
    return columns
