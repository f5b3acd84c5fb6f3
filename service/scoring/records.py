"""Finds where the records of a text end; a quoted cell of CSV may contain line feeds."""

import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

_LINE_FEED, _QUOTE = ord("\n"), ord('"')
_BEFORE_QUOTED: Final = np.frombuffer(b',\n\r"', np.uint8)  # and the beginning of the text
# A quote in the middle of a cell is an ordinary character, so what is quoted is only known from reading each cell.
_CELL_END: Final = re.compile(rb'(?:"(?:[^"]|"")*+(?:"[^,\n]*+|\Z)|[^",\n][^,\n]*+|)(,|\n|\Z)')


def line_ends(text: bytes) -> NDArray[np.int64]:
    """Return where each line ends: the positions after the line feeds."""
    return np.flatnonzero(np.frombuffer(text, np.uint8) == _LINE_FEED) + 1


def record_ends(text: bytes) -> NDArray[np.int64]:
    """Return where each record of CSV ends, as Python's csv module reads it; the text begins with a record."""
    ends = line_ends(text)
    if b'"' not in text:
        return ends
    characters = np.frombuffer(text, np.uint8)
    quotes = np.flatnonzero(characters == _QUOTE)
    opening = quotes[::2]
    before = characters[opening[opening > 0] - 1]
    if np.isin(before, _BEFORE_QUOTED).all():
        inside = np.searchsorted(quotes, ends) % 2 == 1
        outside: NDArray[np.int64] = ends[~inside]
        return outside
    return _ends_by_cell(text)


def _ends_by_cell(text: bytes) -> NDArray[np.int64]:
    ends, position = [], 0
    while position < len(text) and (match := _CELL_END.match(text, position)):
        position = match.end()
        if match[1] == b"\n":
            ends.append(position)
        elif not match[1]:
            break
    return np.array(ends, dtype=np.int64)
