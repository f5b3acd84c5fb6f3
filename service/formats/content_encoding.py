"""Bodies with a Content-Encoding, bounded by what they unpack to; and answers packed for those who accept it."""

import zlib
from typing import Final

from service.errors import InvalidBody, ServiceError
from service.formats.media_types import accepts

# The window bits by which zlib knows the format: gzip, and "deflate", which is zlib's own (RFC 9110, 8.4.1).
_CODINGS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_FASTEST: Final = 1


def unpacked(body: bytes, coding: str, limit: int) -> bytes:
    """Return the body without its Content-Encoding; at most `limit` bytes are ever unpacked, plus one.

    Raises ServiceError: InvalidBody for what is cut off, broken or followed by more.
    """
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return body
    if coding not in _CODINGS:
        message = f"Expected a Content-Encoding of gzip, deflate or none, got {coding[:40]!r}."
        raise ServiceError("unsupported_media_type", message)
    unpacker = zlib.decompressobj(_CODINGS[coding])
    try:
        content = unpacker.decompress(body, limit + 1)
    except zlib.error as error:
        raise InvalidBody(f"Expected a body packed with {coding}; {error}.") from None
    if len(content) > limit:
        message = f"Expected at most {limit} bytes unpacked, got more; send fewer rows at once."
        raise ServiceError("body_too_large", message)
    if not unpacker.eof or unpacker.unused_data:
        found = "it ends early" if not unpacker.eof else "more follows it"
        raise InvalidBody(f"Expected one whole body packed with {coding}; {found}.")
    return content


def packed(content: bytes, accept_encoding: str, least: int) -> bytes | None:
    """Return the content as gzip if it has at least that many bytes and the caller accepts it, else None."""
    if len(content) < least or not accepts(accept_encoding, "gzip"):
        return None
    packer = zlib.compressobj(_FASTEST, zlib.DEFLATED, _CODINGS["gzip"])
    return packer.compress(content) + packer.flush()
