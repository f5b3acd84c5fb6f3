"""The types of an Arrow schema's columns, and how a column of a record batch is read from its buffers.

arrow/format/Schema.fbs has the numbers of types. Nothing is allocated for a row count before the buffers are known to
hold as many values.
"""

from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.formats.flatbuffer_reader import BOOL, BYTE, INT, LONG, SHORT, View
from service.formats.npy import plain
from service.validation.columns import Column

_INT, _FLOAT, _UTF8, _BOOL, _DATE, _TIMESTAMP, _LARGE_UTF8, _UTF8_VIEW = 2, 3, 5, 6, 8, 10, 20, 24
STRINGS: Final = ("string4", "string8")  # the digit is the size of an offset in bytes
VIEWS: Final = "views"
_UNITS: Final = ("s", "ms", "us", "ns")
_INLINE: Final = 12
_MOST_SHARED: Final = 2  # how many times over different views may cover their buffers


@dataclass(frozen=True)
class Kind:
    """The type of a column: a numpy dtype, one of STRINGS, or VIEWS.

    If the column is dictionary-encoded, `dtype` is the type of its indices, `dictionary` the dictionary's number, and
    `values_dtype` the type of the dictionary's values.
    """

    dtype: str
    dictionary: int | None = None
    values_dtype: str = ""

    @property
    def shares_strings(self) -> bool:
        """Whether many cells can share one string of the body."""
        return self.dtype == VIEWS or self.values_dtype in (VIEWS, *STRINGS)


def kind_of(field: View) -> Kind:
    """Return the type of a field of the schema; raises ValueError for one that is not supported."""
    kind, details, coded = field.number(2, BYTE), field.view(3), field.view(4)
    dtype = _dtype(kind, details)
    if dtype is None or field.count(5):
        raise ValueError(f"columns of type {kind} are not supported; send numbers, booleans, strings or datetimes")
    if coded is None:
        return Kind(dtype)
    index = coded.view(1)
    indices = "<i4" if index is None else _dtype(_INT, index)
    if indices is None:
        raise ValueError("the indices of a dictionary are not integers")
    return Kind(indices, coded.number(0, LONG), dtype)


def _dtype(kind: int, details: View | None) -> str | None:
    """Return the dtype of a type; None for one that is not supported."""
    simple = {_UTF8: STRINGS[0], _LARGE_UTF8: STRINGS[1], _UTF8_VIEW: VIEWS, _BOOL: "?"}
    if kind in simple or details is None:
        return simple.get(kind)
    if kind == _INT:
        bits = details.number(0, INT)
        return f"<{'i' if details.number(1, BOOL) else 'u'}{bits // 8}" if bits in (8, 16, 32, 64) else None
    if kind == _FLOAT:
        return {0: "<f2", 1: "<f4", 2: "<f8"}.get(details.number(0, SHORT))
    if kind == _DATE:
        return "<M8[ms]" if details.number(0, SHORT, 1) else "days"
    unit = details.number(0, SHORT)
    return f"<M8[{_UNITS[unit]}]" if kind == _TIMESTAMP and unit in range(len(_UNITS)) else None


@dataclass(frozen=True)
class Values:
    """One column of a message: an array, or a list of strings; `valid` says which values of an array are present."""

    data: NDArray[Any] | list[str | None]
    valid: NDArray[np.bool_] | None = None  # None: all are


class Buffers:
    """The buffers of a batch, in order."""

    def __init__(self, content: memoryview, located: NDArray[np.int64], further: NDArray[np.int64]) -> None:
        """Take the buffers' starts and lengths, and how many string buffers each column of views has.

        Raises ValueError for buffers that are outside the body, or that overlap: no writer makes them overlap, and
        reading them would cost many times the body's size.
        """
        starts, lengths = located[:, 0], located[:, 1]
        if (located < 0).any() or (starts > len(content)).any() or (lengths > len(content) - starts).any():
            raise ValueError("a buffer is outside its message")
        if lengths.sum() > len(content):
            raise ValueError("buffers overlap")
        self._content = content
        self._located = zip(starts.tolist(), lengths.tolist(), strict=True)
        self._further = iter(further.tolist())

    def take(self) -> memoryview:
        """Return the next buffer; raises ValueError."""
        for start, length in self._located:
            return self._content[start : start + length]
        raise ValueError("there are fewer buffers than the columns need")

    def take_further(self) -> list[memoryview]:
        """Return the string buffers of the next column of views."""
        located = islice(self._located, max(next(self._further, 0), 0))
        return [self._content[start : start + length] for start, length in located]


def read_values(dtype: str, buffers: Buffers, height: int, *, has_missing: bool) -> Values:
    """Return the `height` values of a column; raises ValueError where its buffers do not hold them."""
    validity = buffers.take()
    valid = _bits(validity, height) if has_missing else None
    if dtype in STRINGS:
        return Values(_strings(buffers, f"<i{dtype[-1]}", height, valid))
    if dtype == VIEWS:
        return Values(_viewed(buffers, height, valid))
    content = buffers.take()
    if dtype == "?":
        return Values(_bits(content, height), valid)
    if dtype == "days":
        return Values(np.frombuffer(content, "<i4", height).astype("<M8[D]"), valid)
    return Values(np.frombuffer(content, dtype, height), valid)


def cells(values: Values) -> Column:
    """Return a column for a TableReader: an array with NaN for a missing number, or a list of cells as in JSON."""
    data, valid = values.data, values.valid
    if isinstance(data, list):
        return data
    if valid is None or valid.all():
        return plain(data)
    if data.dtype.kind == "b":
        return [value if there else None for value, there in zip(data.tolist(), valid.tolist(), strict=True)]
    return plain(np.where(valid, data, np.array("NaT", data.dtype) if data.dtype.kind == "M" else np.nan))


def looked_up(indices: Values, known: Values) -> Column:
    """Return the column of a dictionary's values at these indices; raises ValueError for an index beyond its end."""
    chosen, valid, values = np.asarray(indices.data), indices.valid, known.data
    if valid is not None:
        chosen = chosen[valid]
    if not len(chosen):
        return [None] * len(indices.data)
    if chosen.min() < 0 or chosen.max() >= len(values):
        raise ValueError("an index is not in its dictionary")
    if isinstance(values, list):
        strings = map(values.__getitem__, chosen.tolist())
        return list(strings) if valid is None else [next(strings) if there else None for there in valid.tolist()]
    every = np.zeros(len(indices.data), dtype=np.intp)
    every[... if valid is None else valid] = chosen
    if known.valid is not None:
        valid = known.valid[every] if valid is None else known.valid[every] & valid
    return cells(Values(values[every], valid))


def grown(known: Values, more: Values) -> Values:
    """Return a dictionary with more values appended; a list of strings is extended in place."""
    if isinstance(known.data, list):
        known.data.extend(more.data)
        return known
    valid = None
    if known.valid is not None or more.valid is not None:
        valid = np.concatenate([np.ones(len(v.data), bool) if v.valid is None else v.valid for v in (known, more)])
    return Values(np.concatenate([known.data, more.data]), valid)


def joined(parts: list[Column]) -> Column:
    """Return the cells of several parts as one column; numbers stay numbers."""
    if len(parts) == 1:
        return parts[0]
    if parts and all(isinstance(part, np.ndarray) for part in parts):
        return np.concatenate(parts)
    return [cell for part in parts for cell in (part.tolist() if isinstance(part, np.ndarray) else part)]


def _bits(content: memoryview, count: int) -> NDArray[np.bool_]:
    packed = np.frombuffer(content, np.uint8, (count + 7) // 8)
    return np.unpackbits(packed, count=count, bitorder="little").view(np.bool_)


def _strings(buffers: Buffers, dtype: str, height: int, valid: NDArray[np.bool_] | None) -> list[str | None]:
    ends, content = buffers.take(), buffers.take()
    if not height:
        return []
    offsets = np.frombuffer(ends, dtype, height + 1)
    if offsets[0] < 0 or offsets[-1] > len(content) or (np.diff(offsets) < 0).any():
        raise ValueError("a string is outside its buffer")
    bounds = offsets.tolist()
    strings: list[str | None] = [str(content[start:end], "utf-8") for start, end in pairwise(bounds)]
    if valid is None:
        return strings
    return [string if there else None for string, there in zip(strings, valid.tolist(), strict=True)]


def _viewed(buffers: Buffers, height: int, valid: NDArray[np.bool_] | None) -> list[str | None]:
    """Return the strings of views: each has a length, and a short string or the start, buffer and offset of a long one.

    Equal views share one string. Different views may cover their buffers twice in all, and no more.
    """
    content = buffers.take()
    views = np.frombuffer(content, "<i4", 4 * height).reshape(-1, 4)
    further = buffers.take_further()
    left = _MOST_SHARED * (len(content) + sum(map(len, further)))
    long_strings: dict[tuple[int, int, int], str] = {}
    strings: list[str | None] = [None] * height
    rows = np.arange(height) if valid is None else np.flatnonzero(valid)
    lengths, numbers, starts = views[rows][:, (0, 2, 3)].T.tolist()
    for row, length, number, start in zip(rows.tolist(), lengths, numbers, starts, strict=True):
        if 0 <= length <= _INLINE:
            strings[row] = str(content[16 * row + 4 : 16 * row + 4 + length], "utf-8")
            continue
        key = (number, start, length)
        if key not in long_strings:
            left -= length
            if min(key) < 0 or number >= len(further) or start + length > len(further[number]) or left < 0:
                raise ValueError("strings are outside their buffers, or share too much of them")
            long_strings[key] = str(further[number][start : start + length], "utf-8")
        strings[row] = long_strings[key]
    return strings
