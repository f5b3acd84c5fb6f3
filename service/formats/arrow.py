"""Arrow's columnar format (apache/arrow, docs/source/format/Columnar.rst, "Serialization and IPC"), streams and files.

Reads flat columns of numbers, booleans, strings and datetimes, dictionary-encoded or not. Every offset and length is
checked against the body, and every row count against the limit, before anything is allocated for it.
"""

import struct
from dataclasses import dataclass, field
from typing import Final

from model.prediction import Rows
from service.errors import InvalidBody, InvalidRows, Problem
from service.formats.arrow_columns import Buffers, Kind, Values, cells, grown, joined, kind_of, looked_up, read_values
from service.formats.arrow_messages import BATCH, DICTIONARY, SCHEMA, messages_of
from service.formats.flatbuffer_reader import BOOL, LONG, SHORT, View
from service.validation.columns import Column, TableReader

STREAM, FILE = "application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file"
_MOST_GROWTH: Final = 100  # deltas of a dictionary of numbers, each of which copies an array
# A string that stands once in the body but in many cells costs the model work for each cell. The characters of all
# cells, less 64 for each cell, may add up to a megabyte, or to 4 times the body if that is more.
_NAME, _MOST_TEXT, _MOST_REPEATED = 64, 2**20, 4


@dataclass
class _Reading:
    """The part of a stream that has been read so far; `size` is that of the body in bytes."""

    size: int
    kinds: dict[str, Kind] = field(default_factory=dict)
    coded: dict[int, str] = field(default_factory=dict)  # the type of each dictionary's values
    dictionaries: dict[int, Values] = field(default_factory=dict)
    batches: dict[str, list[Column]] = field(default_factory=dict)
    rows: int = 0
    growth: int = 0


def read(body: bytes, tables: TableReader) -> Rows:
    """Return the rows of all batches, columns by name; raises InvalidBody and InvalidRows."""
    return tables.read(columns_of(body, tables))


def columns_of(body: bytes, tables: TableReader) -> dict[str, Column]:
    """Return the columns of all batches by name, with cells that are not checked yet; raises as `read` does."""
    reading = _Reading(len(body))
    try:
        for number, (kind, table, content) in enumerate(messages_of(body)):
            if kind == SCHEMA and number == 0:
                _read_schema(table, reading, tables)
            elif kind == DICTIONARY and number > 0:
                _read_dictionary(table, content, reading)
            elif kind == BATCH and number > 0:
                _read_batch(table, content, reading, tables)
            else:
                raise ValueError("a message is out of order")
        columns = {name: joined(parts) for name, parts in reading.batches.items()}
        _check_repeated_strings(columns, reading, tables)
    except (ValueError, struct.error) as error:
        raise InvalidBody(f"Expected an Arrow IPC stream of flat columns; {str(error)[:200]}.") from None
    if not reading.kinds:
        raise InvalidBody("Expected an Arrow IPC stream, got a body without a schema.")
    return columns


def _read_schema(schema: View, reading: _Reading, tables: TableReader) -> None:
    """Read the columns' names and types; if there are too many columns, only enough to name an unknown one."""
    if schema.number(0, SHORT):
        raise ValueError("big-endian numbers are not supported")
    most, left = tables.most_columns, reading.size
    fields, names = schema.views(1, most + 1), []
    for each in fields:
        names.append(each.string(0, left))
        left -= len(names[-1])
    if len(set(names)) < len(names):
        raise InvalidRows((Problem("duplicate_name", "", "each column once", "one twice"),))
    tables.check_names(names if len(names) <= most else [*tables.names, *names])
    reading.kinds = {name: kind_of(each) for name, each in zip(names, fields, strict=True)}
    for kind in reading.kinds.values():
        if kind.dictionary is not None:
            reading.coded.setdefault(kind.dictionary, kind.values_dtype)
    reading.batches = {name: [] for name in names}


def _read_dictionary(header: View, content: memoryview, reading: _Reading) -> None:
    number, batch = header.number(0, LONG), header.view(1)
    if batch is None or number not in reading.coded:
        raise ValueError("no column uses one of the dictionaries")
    (values,) = _columns(batch, content, batch.number(0, LONG), [reading.coded[number]])
    if header.number(2, BOOL) and number in reading.dictionaries:
        known = reading.dictionaries[number]
        reading.growth += not isinstance(known.data, list)
        if reading.growth > _MOST_GROWTH:
            raise ValueError(f"a dictionary of numbers has more than {_MOST_GROWTH} deltas")
        values = grown(known, values)
    reading.dictionaries[number] = values


def _read_batch(batch: View, content: memoryview, reading: _Reading, tables: TableReader) -> None:
    height = batch.number(0, LONG)
    reading.rows += height
    if height:
        tables.check_row_count(reading.rows)
        columns = _columns(batch, content, height, [kind.dtype for kind in reading.kinds.values()])
        for (name, kind), values in zip(reading.kinds.items(), columns, strict=True):
            if kind.dictionary is None:
                column = cells(values)
            else:
                column = looked_up(values, reading.dictionaries.get(kind.dictionary, Values([])))
            reading.batches[name].append(column)


def _columns(batch: View, content: memoryview, height: int, dtypes: list[str]) -> list[Values]:
    if batch.view(3) is not None:
        raise ValueError("compressed buffers are not supported; use Content-Encoding: gzip instead")
    nodes = batch.longs(1, 2)
    if len(nodes) != len(dtypes) or (nodes[:, 0] != height).any():
        raise ValueError("a column is not of the batch's length")
    if not 0 <= height <= 8 * len(content):  # a boolean takes a bit
        raise ValueError(f"{len(content)} bytes cannot hold {height} rows")
    buffers = Buffers(content, batch.longs(2, 2), batch.longs(4, 1).ravel())
    missing = nodes[:, 1].tolist()
    return [
        read_values(each, buffers, height, has_missing=count != 0) for each, count in zip(dtypes, missing, strict=True)
    ]


def _check_repeated_strings(columns: dict[str, Column], reading: _Reading, tables: TableReader) -> None:
    """Raise ValueError if few bytes of the body become much text for the model.

    Columns with fixed categories do not count: their readers refuse every other string.
    """
    left = max(_MOST_TEXT, _MOST_REPEATED * reading.size)
    for feature in tables.features:
        if feature.categories is None and feature.name in columns and reading.kinds[feature.name].shares_strings:
            column = columns[feature.name]
            left -= max(0, sum(map(len, filter(None, column))) - _NAME * len(column))
    if left < 0:
        raise ValueError("long strings are repeated too often; send fewer rows, or strings that are not shared")
