"""Reads and writes JSON; no other module knows which library does it."""

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import orjson

from service.errors import InvalidJson

# Characters that are not printed, beside those that JSON escapes anyway: DEL, C1, separators of lines and paragraphs,
# and format characters (category Cf of Unicode), such as marks that change the direction of text.
_CONTROLS: Final = re.compile(
    "[\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001-\U000e007f]"
)
_LONG: Final = 2**20  # bytes


def loads(content: bytes) -> Any:
    """Read strict JSON (RFC 8259: UTF-8, no NaN, nothing too large for a float64, bounded depth).

    Raises InvalidJson. Of duplicate names the last one wins; see service.formats.duplicate_names.
    """
    try:
        if len(content) < _LONG:
            return orjson.loads(content)
        with uncollected():
            return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise InvalidJson(f"{error}{_hint(content)}") from None


def check_beginning(content: bytes) -> None:
    """Raise InvalidJson if no JSON document begins with these bytes."""
    text = content.decode(errors="ignore")  # the last character may be incomplete
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if error.pos < len(text):
            raise InvalidJson(f"{error}{_hint(content)}") from None


@contextmanager
def uncollected() -> Iterator[None]:
    """Pause garbage collection: scanning millions of new lists again and again takes longer than making them."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _hint(content: bytes) -> str:
    if content.startswith(b"\x1f\x8b"):
        return "; this is gzip, which needs the header Content-Encoding: gzip"
    if b"NaN" in content or b"Infinity" in content:
        return "; JSON has no NaN and no Infinity: a missing value is null"
    return ""


def dumps(value: Any) -> bytes:
    """Write JSON, with contiguous numpy arrays as nested lists; a number that is not finite becomes null."""
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)


def one_line(content: bytes) -> bytes:
    """Escape the control characters that JSON may hold unescaped, for terminals and readers of lines."""
    if content.isascii() and b"\x7f" not in content:
        return content
    return _CONTROLS.sub(_escaped, content.decode()).encode()


def _escaped(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be")
    return "".join(f"\\u{units[place : place + 2].hex()}" for place in range(0, len(units), 2))
