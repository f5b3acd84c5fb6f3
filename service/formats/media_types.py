"""Accept headers (RFC 9110, 12.5), and content types with their parameters (8.3.1)."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from werkzeug.http import parse_accept_header, parse_options_header

from service.errors import ServiceError

_UTF8 = ("utf-8", "utf8")


def choose(accept: str, offered: Sequence[str]) -> str:
    """Return the offered media type that an Accept header prefers, the earlier of equals.

    If the header accepts none, or cannot be parsed, that is the first: an answer may have a type that was not asked
    for (RFC 9110, 12.4.1).
    """
    if accept in ("", "*/*", offered[0]):
        return offered[0]
    wanted = _weights(accept)
    anything = wanted.get("*/*", 0.0)
    weights = [wanted.get(kind, wanted.get(f"{kind.partition('/')[0]}/*", anything)) for kind in offered]
    return offered[weights.index(max(weights))] if max(weights) > 0 else offered[0]


def accepts(header: str, value: str) -> bool:
    """Return whether a header lists a value, and not with a weight of 0, which refuses it."""
    return bool(header) and _weights(header).get(value, 0.0) > 0


def parse_content_type(content_type: str) -> tuple[str, dict[str, str]]:
    """Return a content type's media type and its parameters, in lower case."""
    return parse_options_header(content_type.lower())


def check_media_type(content_type: str, known: Sequence[str]) -> str:
    """Return the media type of a content type, "" if none is given.

    Raises ServiceError if it is not a known one, or names a charset other than UTF-8.
    """
    media_type, parameters = parse_content_type(content_type)
    if media_type not in known or parameters.get("charset", _UTF8[0]) not in _UTF8:
        expected = " or ".join(each for each in known if each)
        got = repr(content_type[:100]) if content_type else "no Content-Type"
        message = f"Expected Content-Type: {expected} (UTF-8), got {got}."
        raise ServiceError("unsupported_media_type", message)
    return media_type


@lru_cache(64)
def _weights(header: str) -> Mapping[str, float]:
    """Return the weight of each value that a header lists, without regard to its other parameters."""
    return {value.partition(";")[0].lower(): weight for value, weight in parse_accept_header(header)}
