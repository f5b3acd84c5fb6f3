"""What the columns of an Arrow schema hold; arrow/format/Schema.fbs has the numbers of types."""

from dataclasses import dataclass
from typing import Final

from service.formats.flatbuffer_reader import BOOL, BYTE, INT, LONG, SHORT, View

_INT, _FLOAT, _UTF8, _BOOL, _DATE, _TIMESTAMP, _LARGE_UTF8, _UTF8_VIEW = 2, 3, 5, 6, 8, 10, 20, 24
TEXTS: Final = ("text4", "text8")  # with the size of their offsets
VIEWS: Final = "views"
_UNITS: Final = ("s", "ms", "us", "ns")


@dataclass(frozen=True)
class Kind:
    """What a column holds: numbers of a numpy dtype, or texts; by a dictionary of that number, if it has one."""

    dtype: str
    dictionary: int | None = None
    values_dtype: str = ""

    @property
    def repeats_texts(self) -> bool:
        """Whether many cells can be one text of the body."""
        return self.dtype == VIEWS or self.values_dtype in (VIEWS, *TEXTS)


def kind_of(field: View) -> Kind:
    """Return what a field of the schema holds; raises ValueError for what is not read here."""
    kind, details, coded = field.number(2, BYTE), field.view(3), field.view(4)
    dtype = _dtype(kind, details)
    if dtype is None or field.count(5):
        raise ValueError(f"a column of type {kind}; flat columns of numbers, booleans, texts and datetimes are read")
    if coded is None:
        return Kind(dtype)
    index = coded.view(1)
    places = "<i4" if index is None else _dtype(_INT, index)
    if places is None:
        raise ValueError("a dictionary whose places are no whole numbers")
    return Kind(places, coded.number(0, LONG), dtype)


def _dtype(kind: int, details: View | None) -> str | None:
    """Return numpy's name of a type, or a word of ours for texts; None for what is not read here."""
    texts = {_UTF8: TEXTS[0], _LARGE_UTF8: TEXTS[1], _UTF8_VIEW: VIEWS, _BOOL: "?"}
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
