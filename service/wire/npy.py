"""numpy's .npy format (numpy.lib.format), read and written without pickle.

What the header claims is compared with the bytes that came before anything is allocated.
"""

import io
import math
import re
from typing import Any, Final

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from service.errors import InvalidBody
from service.tables import Column

KIND: Final = "application/x-npy"
_KINDS: Final = "?fiubUM"
_MOST_HEADER: Final = 2**16
_MAGIC: Final = re.compile(rb"\x93NUMPY(\x01|\x02|\x03)\x00", re.DOTALL)
_LAST_CODE_POINT, _SURROGATES = 0x10FFFF, (0xD800, 0xDFFF)


def read(body: bytes) -> NDArray[Any]:
    """Return the array, a view on the body; raises InvalidBody, also for objects, which would need pickle."""
    stream = io.BytesIO(body[: _MOST_HEADER + 16])
    found = _MAGIC.match(body)
    if found is None:
        raise InvalidBody("Expected a .npy file of version 1, 2 or 3, got something else.")
    stream.seek(8)
    try:
        head = npy.read_array_header_1_0 if found[1] == b"\x01" else npy.read_array_header_2_0
        shape, fortran, dtype = head(stream, max_header_size=_MOST_HEADER)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError, OverflowError) as error:
        raise InvalidBody(f"Expected the header of a .npy file; {str(error)[:200]}.") from None
    _check(dtype)
    count, size = math.prod(shape), len(body) - stream.tell()
    if min(shape, default=0) < 0 or count * dtype.itemsize != size:
        raise InvalidBody(f"Expected the bytes of an array of shape {shape} and {dtype}, got {size}.")
    flat = np.frombuffer(body, dtype, count, stream.tell())
    return flat.reshape(shape, order="F" if fortran else "C")


def columns(array: NDArray[Any]) -> dict[str, Column]:
    """Return the fields of a structured array of one dimension as columns by name."""
    if array.ndim != 1:
        raise InvalidBody(f"Expected a structured array of one dimension, got {array.ndim}.")
    return {_name(name): plain(array[name]) for name in array.dtype.names or ()}


def plain(array: NDArray[Any]) -> Column:
    """Return numbers as they are, and texts and datetimes as JSON has them; raises InvalidBody for what is no text."""
    if array.dtype.kind == "M":
        try:
            texts = np.datetime_as_string(array.astype("datetime64[us]")).tolist()
        except (ValueError, OverflowError) as error:
            raise InvalidBody(f"Expected datetimes within microseconds of 64 bits; {error}.") from None
        return [None if text == "NaT" else text for text in texts]
    if array.dtype.kind != "U":
        return array
    codes = np.frombuffer(array.tobytes(), np.dtype("u4").newbyteorder(array.dtype.byteorder))
    if ((codes > _LAST_CODE_POINT) | ((codes >= _SURROGATES[0]) & (codes <= _SURROGATES[1]))).any():
        raise InvalidBody("Expected texts of Unicode's characters, got a number that is none.")
    found: list[str] = array.tolist()
    return found


def write(array: NDArray[Any]) -> bytes:
    """Return the array, which holds no objects, as a .npy file."""
    stream = io.BytesIO()
    npy.write_array(stream, array, allow_pickle=False)
    return stream.getvalue()


def texts_as_array(values: NDArray[Any]) -> NDArray[Any]:
    """Return an array of objects that are texts as numpy's own texts."""
    return values.astype(str) if values.dtype == object else values


def _check(dtype: np.dtype[Any]) -> None:
    parts = [dtype] if dtype.names is None else [dtype[name] for name in dtype.names]
    for part in parts:
        if part.kind not in _KINDS or part.subdtype is not None or part.itemsize == 0:
            raise InvalidBody(f"Expected numbers, booleans, texts (U) or datetimes, got {str(part)[:60]}.")


def _name(name: str) -> str:
    """Return a field's name: version 3 has it in UTF-8, which numpy's reader of the others takes for Latin-1."""
    try:
        return name.encode("latin-1").decode()
    except UnicodeError:
        return name
