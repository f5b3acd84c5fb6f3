"""One column of an Arrow record batch, from its buffers.

Nothing is allocated for a height before the buffers have proven to hold as much.
"""

from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.formats.arrow_types import TEXTS, VIEWS
from service.formats.npy import plain
from service.validation.columns import Column

_INLINE: Final = 12
_MOST_SHARED: Final = 2  # how often views that differ may cover the bytes of their buffers


@dataclass(frozen=True)
class Values:
    """What a message has of one column: an array, or the texts; `valid` says which of an array are not missing."""

    found: NDArray[Any] | list[str | None]
    valid: NDArray[np.bool_] | None = None  # all are


class Buffers:
    """The buffers of a batch, one after the other."""

    def __init__(self, content: memoryview, places: NDArray[np.int64], further: NDArray[np.int64]) -> None:
        """Take places and lengths, and how many more buffers each column of views has.

        Raises ValueError for buffers that are not in the body, or that share its bytes: nobody writes such, and a body
        would be read as many times as it says.
        """
        starts, lengths = places[:, 0], places[:, 1]
        if (places < 0).any() or (starts > len(content)).any() or (lengths > len(content) - starts).any():
            raise ValueError("a buffer that is not in the message")
        if lengths.sum() > len(content):
            raise ValueError("buffers that share bytes")
        self._content = content
        self._places = zip(starts.tolist(), lengths.tolist(), strict=True)
        self._further = iter(further.tolist())

    def take(self) -> memoryview:
        """Return the next buffer; raises ValueError."""
        for place, length in self._places:
            return self._content[place : place + length]
        raise ValueError("fewer buffers than the columns need")

    def take_further(self) -> list[memoryview]:
        """Return the buffers of text that the next column of views has."""
        found = islice(self._places, max(next(self._further, 0), 0))
        return [self._content[place : place + length] for place, length in found]


def read_values(dtype: str, buffers: Buffers, height: int, *, has_missing: bool) -> Values:
    """Return the `height` values of a column; raises ValueError for whatever is not where or what it is said to be."""
    validity = buffers.take()
    valid = _bits(validity, height) if has_missing else None
    if dtype in TEXTS:
        return Values(_texts(buffers, f"<i{dtype[-1]}", height, valid))
    if dtype == VIEWS:
        return Values(_viewed(buffers, height, valid))
    content = buffers.take()
    if dtype == "?":
        return Values(_bits(content, height), valid)
    if dtype == "days":
        return Values(np.frombuffer(content, "<i4", height).astype("<M8[D]"), valid)
    return Values(np.frombuffer(content, dtype, height), valid)


def cells(values: Values) -> Column:
    """Return a column as tables are read: numbers with NaN where one is missing, or cells as JSON has them."""
    found, valid = values.found, values.valid
    if isinstance(found, list):
        return found
    if valid is None or valid.all():
        return plain(found)
    if found.dtype.kind == "b":
        return [value if there else None for value, there in zip(found.tolist(), valid.tolist(), strict=True)]
    return plain(np.where(valid, found, np.datetime64("NaT") if found.dtype.kind == "M" else np.nan))


def looked_up(places: Values, known: Values) -> Column:
    """Return the column of a dictionary's values at these places; raises ValueError for a place that is not there."""
    chosen, valid, values = np.asarray(places.found), places.valid, known.found
    if valid is not None:
        chosen = chosen[valid]
    if not len(chosen):
        return [None] * len(places.found)
    if chosen.min() < 0 or chosen.max() >= len(values):
        raise ValueError("a place that is not in the dictionary")
    if isinstance(values, list):
        texts = map(values.__getitem__, chosen.tolist())
        return list(texts) if valid is None else [next(texts) if there else None for there in valid.tolist()]
    every = np.zeros(len(places.found), dtype=np.intp)
    every[... if valid is None else valid] = chosen
    if known.valid is not None:
        valid = known.valid[every] if valid is None else known.valid[every] & valid
    return cells(Values(values[every], valid))


def grown(known: Values, more: Values) -> Values:
    """Return a dictionary with more values behind those that it has; a list of texts grows in its place."""
    if isinstance(known.found, list):
        known.found.extend(more.found)
        return known
    valid = None
    if known.valid is not None or more.valid is not None:
        valid = np.concatenate([np.ones(len(v.found), bool) if v.valid is None else v.valid for v in (known, more)])
    return Values(np.concatenate([known.found, more.found]), valid)


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


def _texts(buffers: Buffers, dtype: str, height: int, valid: NDArray[np.bool_] | None) -> list[str | None]:
    ends, content = buffers.take(), buffers.take()
    if not height:
        return []
    offsets = np.frombuffer(ends, dtype, height + 1)
    if offsets[0] < 0 or offsets[-1] > len(content) or (np.diff(offsets) < 0).any():
        raise ValueError("texts that are not in their buffer")
    bounds = offsets.tolist()
    found: list[str | None] = [str(content[start:end], "utf-8") for start, end in pairwise(bounds)]
    return (
        found if valid is None else [text if there else None for text, there in zip(found, valid.tolist(), strict=True)]
    )


def _viewed(buffers: Buffers, height: int, valid: NDArray[np.bool_] | None) -> list[str | None]:
    """Return texts of views: a length, then the text itself if it is short, else its start, buffer and place.

    Views that are equal are one text; those that differ may cover their buffers a few times, and no more.
    """
    content = buffers.take()
    views = np.frombuffer(content, "<i4", 4 * height).reshape(-1, 4)
    texts = buffers.take_further()
    left = _MOST_SHARED * (len(content) + sum(map(len, texts)))
    made: dict[tuple[int, int, int], str] = {}
    found: list[str | None] = [None] * height
    rows = np.arange(height) if valid is None else np.flatnonzero(valid)
    lengths, numbers, starts = views[rows][:, (0, 2, 3)].T.tolist()
    for row, length, number, start in zip(rows.tolist(), lengths, numbers, starts, strict=True):
        if 0 <= length <= _INLINE:
            found[row] = str(content[16 * row + 4 : 16 * row + 4 + length], "utf-8")
            continue
        key = (number, start, length)
        if key not in made:
            left -= length
            if min(key) < 0 or number >= len(texts) or start + length > len(texts[number]) or left < 0:
                raise ValueError("texts that are not in their buffers, or share them")
            made[key] = str(texts[number][start : start + length], "utf-8")
        found[row] = made[key]
    return found
