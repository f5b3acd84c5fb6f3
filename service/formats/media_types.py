"""Reads headers that list what is wanted (RFC 9110, 12.5), and content types with their parameters (8.3.1)."""

from collections.abc import Iterator, Sequence

from service.errors import UnsupportedMediaType

_UTF8 = ("utf-8", "utf8")


def chosen(accept: str, offered: Sequence[str]) -> str:
    """Return the offered media type that an Accept header prefers; the first where it wants none or cannot be read.

    Of equals the earlier offer wins. An answer of a type that was not asked for is allowed (RFC 9110, 12.4.1).
    """
    if accept in ("", "*/*", offered[0]):
        return offered[0]
    wanted = dict(_weights(accept))
    anything = wanted.get("*/*", 0.0)
    weights = [wanted.get(kind, wanted.get(f"{kind.partition('/')[0]}/*", anything)) for kind in offered]
    return offered[weights.index(max(weights))] if max(weights) > 0 else offered[0]


def accepts(header: str, value: str) -> bool:
    """Say whether a header names a value without refusing it by a weight of 0."""
    return bool(header) and dict(_weights(header)).get(value, 0.0) > 0


def parted(content_type: str) -> tuple[str, dict[str, str]]:
    """Return a content type's kind and its parameters, in lower case and without quotes."""
    kind, *rest = (part.strip() for part in content_type.lower().split(";"))
    pairs = (part.partition("=") for part in rest if part)
    return kind, {name.strip(): value.strip().strip('"') for name, _, value in pairs}


def check_kind(content_type: str, kinds: Sequence[str]) -> str:
    """Return a content type's kind if it is one of these, in UTF-8 if it names a charset; "" is none given.

    Raises UnsupportedMediaType.
    """
    kind, parameters = parted(content_type)
    if kind not in kinds or parameters.get("charset", _UTF8[0]) not in _UTF8:
        expected = " or ".join(each for each in kinds if each)
        got = repr(content_type[:100]) if content_type else "no Content-Type"
        raise UnsupportedMediaType(f"Expected Content-Type: {expected} (UTF-8), got {got}.")
    return kind


def _weights(header: str) -> Iterator[tuple[str, float]]:
    for part in header.split(","):
        value, parameters = parted(part)
        try:
            yield value, float(parameters.get("q", "1"))
        except ValueError:
            yield value, 0.0
