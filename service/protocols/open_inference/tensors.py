"""Tensors of the Open Inference Protocol: datatypes, data as JSON or as little-endian bytes, both ways."""

import math
import struct
from base64 import b64decode
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.errors import InvalidBody, InvalidRows, Problem
from service.validation.cells import shown
from service.validation.columns import Column
from service.validation.requests import invalid_request

BYTES: Final = "BYTES"
BOOL: Final = "BOOL"
# Datatype → numpy's name of it (specification/protocol/inference_rest.md, "Tensor Data Types").
NUMBERS: Final = {
    **{f"UINT{8 * size}": f"<u{size}" for size in (1, 2, 4, 8)},
    **{f"INT{8 * size}": f"<i{size}" for size in (1, 2, 4, 8)},
    **{f"FP{8 * size}": f"<f{size}" for size in (2, 4, 8)},
}
_OF_KIND: Final = {np.dtype(kind).str[1:]: datatype for datatype, kind in NUMBERS.items()} | {"b1": BOOL}
DATATYPES: Final = frozenset({BYTES, BOOL, *NUMBERS})
_LENGTH: Final = struct.Struct("<I")
_MOST_RANK: Final = 8


def shape_of(value: Any, pointer: str) -> tuple[int, ...]:
    """Return a tensor's shape; raises InvalidRows for what is none."""
    sound = isinstance(value, list) and 0 < len(value) <= _MOST_RANK
    if not sound or not all(type(size) is int and 0 <= size < 2**40 for size in value):
        raise invalid_request(pointer, "a list of sizes, none negative", shown(value))
    return tuple(value)


def from_json(data: Any, datatype: str, shape: tuple[int, ...], pointer: str, *, base64: bool = False) -> Column:
    """Return a tensor's elements in row-major order from its `data`, flat or nested; null is a missing value.

    Numbers become float64 as they are written, whatever datatype they are labelled with, so that they are the numbers
    that the native protocol would read; an array holds them already. Raises InvalidRows.
    """
    if isinstance(data, np.ndarray):
        _check_count(data, shape, pointer)
        return data
    cells = _flat(data, shape, pointer)
    kinds = set(map(type, cells)) - {type(None)}
    if datatype == BYTES:
        found = _checked(cells, kinds, {str}, datatype, pointer)
        return [_unpacked(cell, pointer) for cell in found] if base64 else found
    if datatype == BOOL:
        return _checked(cells, kinds, {bool}, datatype, pointer)
    whole = not datatype.startswith("FP")
    values = np.array(_checked(cells, kinds, {int} if whole else {int, float}, datatype, pointer), dtype=np.float64)
    if whole and len(values):
        limits = np.iinfo(NUMBERS[datatype])
        if np.nanmin(values, initial=0) < limits.min or np.nanmax(values, initial=0) > limits.max:
            raise invalid_request(pointer, f"numbers that {datatype} has", "one beyond them")
    return values


def from_bytes(content: memoryview, datatype: str, shape: tuple[int, ...], pointer: str) -> Column:
    """Return a tensor's elements from its bytes, without a copy where they are numbers; raises InvalidBody.

    Nothing is allocated by what the shape claims: it must be what the bytes hold.
    """
    count = math.prod(shape)
    if datatype == BYTES:
        found = texts(content, pointer, count)
        if len(found) != count:
            got = "more" if len(found) > count else f"{len(found)}"
            raise InvalidBody(f"{pointer}: expected {count} texts for shape {list(shape)}, got {got}.")
        return found
    dtype = np.dtype(NUMBERS.get(datatype, "u1"))
    if count * dtype.itemsize != len(content):
        raise InvalidBody(
            f"{pointer}: expected {count * dtype.itemsize} bytes for shape {list(shape)} of {datatype}, "
            f"got {len(content)}."
        )
    values = np.frombuffer(content, dtype)
    if datatype == BOOL:
        if (values > 1).any():
            raise InvalidBody(f"{pointer}: expected bytes of 0 or 1 for BOOL, got another.")
        return values.view(np.bool_)
    return values


def datatype_of(values: NDArray[Any]) -> str:
    """Return the datatype that carries an array exactly; texts, and labels of several kinds, are BYTES."""
    return _OF_KIND.get(values.dtype.str[1:], BYTES)  # without the order of the bytes


def to_json(values: NDArray[Any]) -> Any:
    """Return an array's elements in row-major order, as JSON has them."""
    if datatype_of(values) == BYTES:
        return values.ravel().tolist()
    return np.ascontiguousarray(values).ravel()


def to_bytes(values: NDArray[Any]) -> bytes:
    """Return an array's elements in row-major order, little-endian; a text as its length and UTF-8."""
    if datatype_of(values) == BYTES:
        encoded = [cell.encode() for cell in values.ravel().tolist()]
        return b"".join(chain.from_iterable((_LENGTH.pack(len(text)), text) for text in encoded))
    return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()


def _flat(data: Any, shape: tuple[int, ...], pointer: str) -> list[Any]:
    count = math.prod(shape)
    if not isinstance(data, list):
        raise invalid_request(pointer, f"a list of {count} values", shown(data))
    if data and isinstance(data[0], list):
        for size in shape[1:]:
            if set(map(type, data)) - {list} or set(map(len, data)) - {size}:
                raise invalid_request(pointer, f"lists nested as shape {list(shape)}", "others")
            data = list(chain.from_iterable(data))
    cells: list[Any] = data
    _check_count(cells, shape, pointer)
    return cells


def _check_count(cells: Column, shape: tuple[int, ...], pointer: str) -> None:
    if len(cells) != math.prod(shape):
        raise invalid_request(pointer, f"{math.prod(shape)} values for shape {list(shape)}", f"{len(cells)}")


def _checked(cells: list[Any], kinds: set[type], allowed: set[type], datatype: str, pointer: str) -> list[Any]:
    if kinds <= allowed:
        return cells
    allowed = {*allowed, type(None)}
    place, wrong = next((place, cell) for place, cell in enumerate(cells) if type(cell) not in allowed)
    raise InvalidRows((Problem("invalid_value", f"{pointer}/{place}", f"a value of {datatype}", shown(wrong)),))


def _unpacked(cell: str | None, pointer: str) -> str | None:
    try:
        return None if cell is None else b64decode(cell, validate=True).decode()
    except ValueError:
        raise invalid_request(pointer, "base64 of UTF-8", shown(cell)) from None


def texts(content: memoryview, pointer: str, most: int) -> list[str]:
    """Return texts, each UTF-8 after its length as four little-endian bytes; of more than `most`, one more.

    Raises InvalidBody.
    """
    found: list[str] = []
    raw, place, end = bytes(content), 0, len(content)  # pieces of bytes are cut sooner than those of a view
    try:
        while place < end and len(found) <= most:
            start = place + _LENGTH.size
            place = start + int.from_bytes(raw[place:start], "little")
            if place > end:
                raise ValueError("a length goes beyond the end")
            found.append(raw[start:place].decode())
    except ValueError as error:
        raise InvalidBody(f"{pointer}: expected texts in UTF-8, each after its length; {error}.") from None
    return found
