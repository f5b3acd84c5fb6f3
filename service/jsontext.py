"""JSON as bytes: the only place that knows which library reads and writes it."""

import re
from typing import Any, Final

import orjson

from service.errors import InvalidJson

# What is no character to look at, beside those that JSON escapes anyway: DEL, C1, line and paragraph separators, marks
# that turn the direction of text.
_CONTROLS: Final = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def loads(content: bytes) -> Any:
    """Read strict JSON (RFC 8259: UTF-8, no NaN, nothing too large for a float64, bounded depth).

    Raises InvalidJson. Of duplicate names the last wins, as everywhere; see service.wire.duplicates.
    """
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise InvalidJson(f"{error}{_hint(content)}") from None


def _hint(content: bytes) -> str:
    if content.startswith(b"\x1f\x8b"):
        return "; this is gzip, which needs the header Content-Encoding: gzip"
    if b"NaN" in content or b"Infinity" in content:
        return "; JSON has no NaN and no Infinity: a missing value is null"
    return ""


def dumps(value: Any) -> bytes:
    """Write JSON; contiguous numpy arrays as nested lists. A number that is not finite becomes null."""
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)


def one_line(content: bytes) -> bytes:
    """Return JSON with the control characters escaped that it may hold as they are: for terminals and line readers."""
    if content.isascii() and b"\x7f" not in content:
        return content
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", content.decode()).encode()
