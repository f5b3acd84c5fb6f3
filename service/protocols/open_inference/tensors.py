"""Reads and writes tensors of the Open Inference Protocol, in JSON or as little-endian bytes."""

import math
import struct
from base64 import b64decode
from itertools import chain
from types import NoneType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.errors import InvalidBody, InvalidRows, Problem
from service.validation.columns import Column
from service.validation.requests import invalid_request, shown

OCTETS: Final = "application/octet-stream"  # of a body with binary tensors
BYTES: Final = "BYTES"
BOOL: Final = "BOOL"
# Datatype → numpy's dtype (specification/protocol/inference_rest.md, "Tensor Data Types").
NUMBERS: Final = {
    **{f"UINT{8 * size}": f"<u{size}" for size in (1, 2, 4, 8)},
    **{f"INT{8 * size}": f"<i{size}" for size in (1, 2, 4, 8)},
    **{f"FP{8 * size}": f"<f{size}" for size in (2, 4, 8)},
}
_OF_KIND: Final = {np.dtype(kind).str[1:]: datatype for datatype, kind in NUMBERS.items()} | {"b1": BOOL}
DATATYPES: Final = frozenset({BYTES, BOOL, *NUMBERS})
# The Python types of a tensor's elements in JSON: null is a missing value, and floating-point numbers may be whole.
_JSON_TYPES: Final = {BYTES: {str, NoneType}, BOOL: {bool, NoneType}} | {
    each: {int, float, NoneType} if each.startswith("FP") else {int, NoneType} for each in NUMBERS
}
_LENGTH: Final = struct.Struct("<I")
_MOST_RANK: Final = 8


def shape_of(value: Any, pointer: str) -> tuple[int, ...]:
    """Return a tensor's shape; raises InvalidRows if it is not one."""
    sound = isinstance(value, list) and 0 < len(value) <= _MOST_RANK
    if not sound or not all(type(size) is int and 0 <= size < 2**40 for size in value):
        raise invalid_request(pointer, "a list of sizes, none negative", shown(value))
    return tuple(value)


def from_json(data: Any, datatype: str, shape: tuple[int, ...], pointer: str) -> Column:
    """Return a tensor's elements in row-major order from its `data`, flat or nested; null is a missing value.

    Numbers become float64 as they are written, whatever their datatype, so that they are the numbers that the native
    protocol would read. An array is returned as it is. Raises InvalidRows.
    """
    if isinstance(data, np.ndarray):
        _check_count(data, shape, pointer)
        return data
    cells = cells_of(data, shape, pointer)
    types = _JSON_TYPES[datatype]
    if not types.issuperset(map(type, cells)):
        number, wrong = next((number, cell) for number, cell in enumerate(cells) if type(cell) not in types)
        raise InvalidRows((Problem("invalid_value", f"{pointer}/{number}", f"a value of {datatype}", shown(wrong)),))
    if datatype not in NUMBERS:
        return cells
    values = np.array(cells, dtype=np.float64)
    if len(values) and not datatype.startswith("FP"):
        limits = np.iinfo(NUMBERS[datatype])
        if np.nanmin(values, initial=0) < limits.min or np.nanmax(values, initial=0) > limits.max:
            raise invalid_request(pointer, f"numbers within {datatype}", "one beyond its limits")
    return values


def from_bytes(content: memoryview, datatype: str, shape: tuple[int, ...], pointer: str) -> Column:
    """Return a tensor's elements from its bytes, numbers without a copy; raises InvalidBody.

    Nothing is allocated before the bytes are known to hold as many elements as the shape claims.
    """
    count = math.prod(shape)
    if datatype == BYTES:
        strings = strings_of(content, pointer, count)
        if len(strings) != count:
            got = "more" if len(strings) > count else f"{len(strings)}"
            raise InvalidBody(f"{pointer}: expected {count} strings for shape {list(shape)}, got {got}.")
        return strings
    dtype = np.dtype(NUMBERS.get(datatype, "u1"))
    if count * dtype.itemsize != len(content):
        raise InvalidBody(
            f"{pointer}: expected {count * dtype.itemsize} bytes for shape {list(shape)} of {datatype}, "
            f"got {len(content)}."
        )
    values = np.frombuffer(content, dtype)
    if datatype == BOOL:
        if (values > 1).any():
            raise InvalidBody(f"{pointer}: expected bytes of 0 or 1 for BOOL, got another value.")
        return values.view(np.bool_)
    return values


def datatype_of(values: NDArray[Any]) -> str:
    """Return the datatype that holds an array exactly; strings are BYTES."""
    return _OF_KIND.get(values.dtype.str[1:], BYTES)  # without the byte order


def to_json(values: NDArray[Any]) -> Any:
    """Return an array's elements in row-major order, for strict_json to write."""
    if datatype_of(values) == BYTES:
        return values.ravel().tolist()
    return np.ascontiguousarray(values).ravel()


def to_bytes(values: NDArray[Any]) -> bytes:
    """Return an array's elements in row-major order, little-endian; a string as its length and UTF-8."""
    if datatype_of(values) == BYTES:
        encoded = [cell.encode() for cell in values.ravel().tolist()]
        return b"".join(chain.from_iterable((_LENGTH.pack(len(each)), each) for each in encoded))
    return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()


def cells_of(data: Any, shape: tuple[int, ...], pointer: str) -> list[Any]:
    """Return the elements of a tensor's `data`, flat or nested, as JSON has them; raises InvalidRows."""
    if isinstance(data, np.ndarray):
        data = data.tolist()
    count = math.prod(shape)
    if not isinstance(data, list):
        raise invalid_request(pointer, f"a list of {count} values", shown(data))
    if data and isinstance(data[0], list):
        for size in shape[1:]:
            if set(map(type, data)) - {list} or set(map(len, data)) - {size}:
                raise invalid_request(pointer, f"lists nested as shape {list(shape)}", "other lists")
            data = list(chain.from_iterable(data))
    cells: list[Any] = data
    _check_count(cells, shape, pointer)
    return cells


def _check_count(cells: Column, shape: tuple[int, ...], pointer: str) -> None:
    if len(cells) != math.prod(shape):
        raise invalid_request(pointer, f"{math.prod(shape)} values for shape {list(shape)}", f"{len(cells)}")


def from_base64(cell: str | None, pointer: str) -> str | None:
    """Return the string that base64 encodes; raises InvalidRows."""
    try:
        return None if cell is None else b64decode(cell, validate=True).decode()
    except ValueError:
        raise invalid_request(pointer, "base64 of UTF-8", shown(cell)) from None


def strings_of(content: memoryview, pointer: str, max_count: int) -> list[str]:
    """Return the strings, each UTF-8 after its length in four little-endian bytes; at most `max_count` + 1 are read.

    Raises InvalidBody.
    """
    strings: list[str] = []
    raw, position, end = bytes(content), 0, len(content)  # slicing bytes is faster than slicing a memoryview
    try:
        while position < end and len(strings) <= max_count:
            start = position + _LENGTH.size
            position = start + int.from_bytes(raw[position:start], "little")
            if position > end:
                raise ValueError("a length goes beyond the end")
            strings.append(raw[start:position].decode())
    except ValueError as error:
        raise InvalidBody(f"{pointer}: expected strings in UTF-8, each after its length; {error}.") from None
    return strings
