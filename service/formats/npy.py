"""Reads and writes numpy's .npy format (numpy.lib.format) without pickle.

The size that the header claims is compared with the size of the body before anything is allocated. The header is a
Python literal. numpy evaluates it, which takes 500 times its size in memory, and refuses long ones, such as those of
wide structured arrays. Here, a regular expression accepts just what numpy writes for the supported dtypes.
"""

import io
import math
import re
import struct
from functools import lru_cache
from typing import Any, Final, Literal

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from service.errors import InvalidBody
from service.validation.columns import Column

MEDIA_TYPE: Final = "application/x-npy"
_MOST_HEADER: Final = 2**16
_HEADS: Final = {1: ("<H", "latin-1"), 2: ("<I", "latin-1"), 3: ("<I", "utf-8")}
# Floats of more than 64 bits are refused: they differ between machines, and a model would lose digits of them.
_KIND = r"[<>|=]?(?:f[248]|[iu][1248]|b1|U\d{1,9}|M8\[\d{0,4}[a-zA-Z]{1,2}\])"
_FIELD = rf"\((?:'(?P<name>[^'\\]*)'|\"(?P<quoted>[^\"\\]*)\"), '(?P<kind>{_KIND})'\)"
_FIELD_ANY = re.sub(r"\?P<\w+>", "?:", _FIELD)
_HEADER: Final = re.compile(
    rf"\{{'descr': (?:'(?P<kind>{_KIND})'|\[(?P<fields>{_FIELD_ANY}(?:, {_FIELD_ANY})*)\]), "
    r"'fortran_order': (?P<fortran>True|False), 'shape': \((?P<shape>(?:\d{1,18}, ?)*(?:\d{1,18})?)\),? ?\} *\n?"
)
_FIELDS: Final = re.compile(_FIELD)
_LAST_CODE_POINT, _SURROGATES = 0x10FFFF, (0xD800, 0xDFFF)


def read(body: bytes) -> NDArray[Any]:
    """Return the array as a view of the body; raises InvalidBody, also for arrays of objects, which need pickle."""
    header, start = _header(body)
    match = _HEADER.fullmatch(header)
    if match is None:
        raise InvalidBody(
            f"Expected the header of a .npy file of numbers, booleans, strings (U) or dates, got {header[:99]!r}."
        )
    try:
        dtype = np.dtype(
            match["kind"]
            or [(each["name"] or each["quoted"] or "", each["kind"]) for each in _FIELDS.finditer(match["fields"])]
        )
    except (TypeError, ValueError) as error:
        raise InvalidBody(f"Expected a dtype of numpy; {error}.") from None
    shape = tuple(int(size) for size in re.findall(r"\d+", match["shape"]))
    count, size = math.prod(shape), len(body) - start
    if dtype.itemsize == 0 or count * dtype.itemsize != size:
        raise InvalidBody(f"Expected the bytes of an array of shape {header[-60:]!r}, got {size}.")
    order: Literal["C", "F"] = "F" if match["fortran"] == "True" else "C"
    try:
        return np.frombuffer(body, dtype, count, start).reshape(shape, order=order)
    except ValueError as error:  # more dimensions than numpy has, or huge ones beside one of size 0
        raise InvalidBody(f"Expected the shape of an array; {error}.") from None


def _header(body: bytes) -> tuple[str, int]:
    """Return the header as a string, and where the data start."""
    head, encoding = _HEADS.get(body[6] if body[:6] == b"\x93NUMPY" and body[7:8] == b"\0" else 0, ("", ""))
    try:
        (length,) = struct.unpack_from(head, body, 8)
        start = 8 + struct.calcsize(head) + length
        if not head or length > _MOST_HEADER or start > len(body):
            raise InvalidBody("Expected a .npy file of version 1, 2 or 3, got something else.")
        return body[start - length : start].decode(encoding), start
    except (struct.error, ValueError):
        raise InvalidBody("Expected a .npy file of version 1, 2 or 3, got something else.") from None


def plain(array: NDArray[Any]) -> Column:
    """Return numbers as they are, and strings and datetimes as JSON has them.

    Raises InvalidBody for characters that do not exist, and for datetimes out of range.
    """
    if array.dtype.kind == "M":
        try:
            strings = np.datetime_as_string(array.astype("datetime64[us]")).tolist()
        except (ValueError, OverflowError) as error:
            raise InvalidBody(f"Expected datetimes within microseconds of 64 bits; {error}.") from None
        return [None if each == "NaT" else each for each in strings]
    if array.dtype.kind != "U":
        return array
    codes = np.frombuffer(array.tobytes(), np.dtype("u4").newbyteorder(array.dtype.byteorder))
    if ((codes > _LAST_CODE_POINT) | ((codes >= _SURROGATES[0]) & (codes <= _SURROGATES[1]))).any():
        raise InvalidBody("Expected strings of Unicode characters, got a code point that does not exist.")
    decoded: list[str] = array.tolist()
    return decoded


def write(array: NDArray[Any]) -> bytes:
    """Return an array without objects as a .npy file."""
    return _head(array.dtype, array.shape) + array.tobytes()


@lru_cache(64)
def _head(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    """Return the header of a file for an array in C order; cached, because numpy takes long to make it."""
    stream = io.BytesIO()
    npy.write_array_header_1_0(stream, {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape})
    return stream.getvalue()


def strings_as_array(values: NDArray[Any]) -> NDArray[Any]:
    """Return an array of string objects as an array of numpy's own strings, and any other array as it is."""
    return values.astype(str) if values.dtype == object else values
