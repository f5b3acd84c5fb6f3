"""The types of an Arrow schema's columns; arrow/format/Schema.fbs has their numbers."""

from dataclasses import dataclass
from typing import Final

from service.formats.flatbuffer_reader import BOOL, BYTE, INT, LONG, SHORT, View

_INT, _FLOAT, _UTF8, _BOOL, _DATE, _TIMESTAMP, _LARGE_UTF8, _UTF8_VIEW = 2, 3, 5, 6, 8, 10, 20, 24
STRINGS: Final = ("string4", "string8")  # the digit is the size of an offset in bytes
VIEWS: Final = "views"
_UNITS: Final = ("s", "ms", "us", "ns")


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
