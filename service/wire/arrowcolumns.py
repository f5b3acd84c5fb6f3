"""One column of an Arrow record batch, from its buffers; arrow/format/Schema.fbs has the numbers of types."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import compress
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.tables import Column
from service.wire.flatview import BOOL, BYTE, INT, LONG, SHORT, View
from service.wire.npy import plain

_INT, _FLOAT, _UTF8, _BOOL, _DATE, _TIMESTAMP, _LARGE_UTF8, _UTF8_VIEW = 2, 3, 5, 6, 8, 10, 20, 24
_UNITS: Final = ("s", "ms", "us", "ns")
# Texts that are pointed at more than once count each time.
_MOST_TEXT: Final = 2**26
_INLINE: Final = 12
_MOST_BUFFERS: Final = 4096


@dataclass(frozen=True)
class Kind:
    """What a column holds: numbers of a numpy dtype, or texts; by a dictionary of that number, if it has one."""

    dtype: str
    dictionary: int | None = None
    values_dtype: str = ""

    @property
    def values(self) -> "Kind":
        """What the dictionary of a column holds."""
        return Kind(self.values_dtype)


@dataclass
class Buffers:
    """The buffers of a batch, one after the other, each checked to lie in the batch's body."""

    content: memoryview
    places: Iterator[list[int]]
    further: Iterator[int]  # how many buffers of text each column of views has

    def take(self) -> memoryview:
        """Return the next buffer; raises ValueError."""
        place, length = next(self.places, (-1, 0))
        if place < 0 or length < 0 or place + length > len(self.content):
            raise ValueError("a buffer that is not in the message")
        return self.content[place : place + length]

    def numbers(self, dtype: str, count: int) -> NDArray[Any]:
        """Return the first numbers of the next buffer; raises ValueError."""
        return np.frombuffer(self.take(), dtype, count)

    def bits(self, count: int, content: memoryview | None = None) -> NDArray[np.bool_]:
        """Return the first bits of the next buffer, or of this one; raises ValueError."""
        packed = np.frombuffer(self.take() if content is None else content, np.uint8, (count + 7) // 8)
        return np.unpackbits(packed, count=count, bitorder="little").view(np.bool_)


def kind_of(field: View) -> Kind:
    """Return what a field of the schema holds; raises ValueError for what is not read here."""
    kind, details, coded = field.number(2, BYTE), field.view(3), field.view(4)
    dtype = _dtype(kind, details)
    if dtype is None or field.views(5, 0):
        raise ValueError(f"a column of type {kind}; flat columns of numbers, booleans, texts and datetimes are read")
    if coded is None:
        return Kind(dtype)
    index = coded.view(1)
    places = "<i4" if index is None else _dtype(_INT, index)
    if places is None:
        raise ValueError("a dictionary whose places are no whole numbers")
    return Kind(places, coded.number(0, LONG), dtype)


def read_column(
    kind: Kind, buffers: Buffers, height: int, dictionaries: dict[int, Column], *, has_missing: bool
) -> Column:
    """Return a column of `height` cells: numbers with NaN where one is missing, or cells as JSON has them.

    Raises ValueError for whatever is not where or what it is said to be.
    """
    validity = buffers.take()
    valid = buffers.bits(height, validity) if has_missing else np.ones(height, dtype=bool)
    if kind.dictionary is not None:
        return _looked_up(buffers.numbers(kind.dtype, height), valid, dictionaries.get(kind.dictionary, ()))
    if kind.dtype in ("text4", "text8"):
        return _texts(buffers, f"<i{kind.dtype[-1]}", valid)
    if kind.dtype == "views":
        return _viewed(buffers, valid)
    if kind.dtype == "?":
        values = buffers.bits(height)
    elif kind.dtype == "days":
        values = buffers.numbers("<i4", height).astype("<M8[D]")
    else:
        values = buffers.numbers(kind.dtype, height)
    if valid.all():
        return plain(values)
    if values.dtype.kind in "fiu":
        return np.where(valid, values, np.nan)
    cells = plain(values)
    return [cell if there else None for cell, there in zip(np.asarray(cells, dtype=object), valid, strict=True)]


def joined(parts: list[Column]) -> Column:
    """Return the cells of several parts as one column; numbers stay numbers."""
    if len(parts) == 1:
        return parts[0]
    if parts and all(isinstance(part, np.ndarray) for part in parts):
        return np.concatenate(parts)
    return [cell for part in parts for cell in (part.tolist() if isinstance(part, np.ndarray) else part)]


def _dtype(kind: int, details: View | None) -> str | None:
    """Return numpy's name of a type, or a word of ours for texts; None for what is not read here."""
    texts = {_UTF8: "text4", _LARGE_UTF8: "text8", _UTF8_VIEW: "views", _BOOL: "?"}
    if kind in texts or details is None:
        return texts.get(kind)
    if kind == _INT:
        bits = details.number(0, INT)
        return f"<{'i' if details.number(1, BOOL) else 'u'}{bits // 8}" if bits in (8, 16, 32, 64) else None
    if kind == _FLOAT:
        return {0: "<f2", 1: "<f4", 2: "<f8"}.get(details.number(0, SHORT))
    if kind == _DATE:
        return "<M8[ms]" if details.number(0, SHORT, 1) else "days"
    unit = details.number(0, SHORT)
    return f"<M8[{_UNITS[unit]}]" if kind == _TIMESTAMP and unit in range(len(_UNITS)) else None


def _texts(buffers: Buffers, dtype: str, valid: NDArray[np.bool_]) -> Column:
    ends, content = buffers.take(), buffers.take()
    if not len(valid):
        return []
    offsets = np.frombuffer(ends, dtype, len(valid) + 1)
    if offsets[0] < 0 or offsets[-1] > len(content) or (np.diff(offsets) < 0).any():
        raise ValueError("texts that are not in their buffer")
    bounds = offsets.tolist()
    pieces = zip(bounds, bounds[1:], valid.tolist(), strict=False)
    return [str(content[start:end], "utf-8") if there else None for start, end, there in pieces]


def _viewed(buffers: Buffers, valid: NDArray[np.bool_]) -> Column:
    """Return texts of views: a length, then the text itself if it is short, else its start, buffer and place."""
    content = buffers.take()
    views = np.frombuffer(content, "<i4", 4 * len(valid)).reshape(-1, 4)
    if views[valid, 0].sum(dtype=np.int64) > _MOST_TEXT:
        raise ValueError("more text than is taken")
    texts = {number: buffers.take() for number in range(min(next(buffers.further, 0), _MOST_BUFFERS))}
    cells: list[Any] = [None] * len(valid)
    for row, (length, _, number, start) in compress(enumerate(views.tolist()), valid.tolist()):
        source, begin = (content, 16 * row + 4) if length <= _INLINE else (texts.get(number, content[:0]), start)
        if length < 0 or begin < 0 or begin + length > len(source):
            raise ValueError("a text that is not in its buffer")
        cells[row] = str(source[begin : begin + length], "utf-8")
    return cells


def _looked_up(places: NDArray[Any], valid: NDArray[np.bool_], values: Column) -> Column:
    chosen = places[valid].astype(np.int64)
    if len(chosen) and not 0 <= chosen.min() <= chosen.max() < len(values):
        raise ValueError("a place that is not in the dictionary")
    cells = np.empty(len(valid), dtype=object)
    known = np.empty(len(values), dtype=object)
    known[:] = values if isinstance(values, list) else np.asarray(values).tolist()
    cells[valid] = known[chosen]
    found: list[Any] = cells.tolist()
    if sum(len(cell) for cell in found if isinstance(cell, str)) > _MOST_TEXT:
        raise ValueError("more text than is taken")
    return found
