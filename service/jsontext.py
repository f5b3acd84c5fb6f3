"""JSON as bytes: the only place that knows which library reads and writes it."""

from typing import Any

import orjson

from service.errors import InvalidJson


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
