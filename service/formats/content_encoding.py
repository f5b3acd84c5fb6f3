"""Decompresses bodies up to a limit, and compresses answers for callers that accept it."""

import zlib
from typing import Final

from service.errors import InvalidBody, ServiceError
from service.formats.media_types import accepts

# The window bits that tell zlib the format: gzip, and zlib's own, which HTTP calls deflate (RFC 9110, 8.4.1).
_CODINGS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_FASTEST: Final = 1
_SMALLEST: Final = 9


def decompress(body: bytes, coding: str, limit: int) -> bytes:
    """Return the body without its Content-Encoding; never more than `limit` + 1 bytes are decompressed.

    Raises ServiceError: InvalidBody for a body that is truncated, corrupt or followed by more bytes.
    """
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return body
    if coding not in _CODINGS:
        message = f"Expected a Content-Encoding of gzip, deflate or none, got {coding[:40]!r}."
        raise ServiceError("unsupported_media_type", message)
    stream = zlib.decompressobj(_CODINGS[coding])
    try:
        content = stream.decompress(body, limit + 1)
    except zlib.error as error:
        raise InvalidBody(f"Expected a body compressed with {coding}; {error}.") from None
    if len(content) > limit:
        message = f"Expected at most {limit} bytes after decompression, got more; send fewer rows at once."
        raise ServiceError("body_too_large", message)
    if not stream.eof or stream.unused_data:
        found = "it is truncated" if not stream.eof else "more bytes follow it"
        raise InvalidBody(f"Expected one whole body compressed with {coding}; {found}.")
    return content


def gzip_if_accepted(content: bytes, accept_encoding: str, min_size: int) -> bytes | None:
    """Return the content as gzip if it has at least `min_size` bytes and the caller accepts gzip, else None."""
    if len(content) < min_size or not accepts(accept_encoding, "gzip"):
        return None
    return zlib.compress(content, _FASTEST, _CODINGS["gzip"])


def gzip_once(content: bytes) -> bytes:
    """Return the content as gzip, as small as possible, for a file that is compressed once and sent often."""
    return zlib.compress(content, _SMALLEST, _CODINGS["gzip"])
