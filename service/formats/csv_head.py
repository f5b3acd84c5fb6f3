"""Whether the first line of CSV is a header line or a row, if the content type does not say so."""

import re
from collections.abc import Sequence
from typing import Final

from model.signature import Feature
from service.validation.cells import shown
from service.validation.requests import invalid_request

_NO_LETTERS: Final = re.compile(r"[\d\s.,+eE-]*")
_SEPARATOR: Final = re.compile("sep=.")
_NOT_WORDS: Final = re.compile(r"[\W_]+")


def is_head(cells: Sequence[str], header: str, names: list[str]) -> bool:
    """Return whether a first line is a header line: it names a feature, or most cells are misspelt names of features.

    A name in another case, or with other punctuation, is then refused as a name, and never read as a value.
    """
    if header:
        return header == "present"
    if _NO_LETTERS.fullmatch("".join(cells)):  # the common case; names like "1" are compared exactly
        return not set(names).isdisjoint(cells)
    known = {_spelt(name) for name in names} - {""}
    return not set(names).isdisjoint(cells) or 2 * sum(_spelt(cell) in known for cell in cells) > len(cells)


def refuse_separator_line(lines: Sequence[Sequence[str]], names: list[str]) -> None:
    """Raise InvalidRows for Excel's first line `sep=,`, which is neither names nor a row."""
    if lines and _SEPARATOR.fullmatch(",".join(lines[0])) and (len(names) > 1 or [*lines[1:2]] == [names]):
        raise invalid_request("/0", "names or a row: leave out the line by which Excel names the separator", "sep=")


def check_row(cells: Sequence[str], features: Sequence[Feature]) -> None:
    """Raise InvalidRows for a first line that may be a row or a header line.

    If the model accepts any string in every column, a line of single words may be a row, or names that the model does
    not know: a text vectoriser never saw the name of its column.
    """
    strings = all(feature.dtype in ("string", "any") and feature.categories is None for feature in features)
    if strings and len(cells) == len(features) and all(cell.strip().isidentifier() for cell in cells):
        expected = "header=present or header=absent in the Content-Type, as this line may be a row or names"
        raise invalid_request("/0", expected, shown(",".join(cells)))


def _spelt(name: str) -> str:
    """Return a name without case, spaces and punctuation."""
    return _NOT_WORDS.sub("", name.casefold())
