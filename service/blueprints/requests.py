"""A request with what this service reads off every one: its id, and its whole body within a limit."""

import re
import uuid
from functools import cached_property

import flask

from service.errors import BodyTooLarge, IncompleteBody

_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,128}")
_DISCARDED_LIMITS = 4
_PIECE = 2**16


class Request(flask.Request):
    """The request class of the application."""

    @cached_property
    def request_id(self) -> str:
        """The caller's X-Request-ID when it is well formed, else a new one."""
        given = self.headers.get("X-Request-ID", "")
        return given if _WELL_FORMED.fullmatch(given) else uuid.uuid4().hex

    def header(self, name: str) -> str:
        """Return the value of a header, or "" where there is none."""
        value: str = self.headers.get(name, "")
        return value

    def read_body(self, limit: int) -> bytes:
        """Return the whole body; raises BodyTooLarge beyond `limit` bytes, and IncompleteBody.

        Reads the server's stream itself: gunicorn ends it at the body's end, and what a truncated body or a malformed
        chunk raises there is its own and not an OSError, which Flask would answer with 500.
        """
        announced = self.content_length
        if announced is not None and announced > limit:
            self._discard(announced, limit)
            raise BodyTooLarge(f"Expected at most {limit} bytes, got {announced}; send fewer rows at once.")
        body = self._read(limit + 1 if announced is None else announced)
        if len(body) > limit:
            self._discard(limit, limit)
            raise BodyTooLarge(f"Expected at most {limit} bytes, got more; send fewer rows at once.")
        if announced is not None and len(body) < announced:
            raise IncompleteBody(f"Expected {announced} bytes as announced, got {len(body)}.")
        return body

    def _discard(self, size: int, limit: int) -> None:
        """Read what is left of a body that is somewhat too large, so that its sender gets to read the answer.

        A sender whose connection is closed while it sends sees a reset instead. Beyond some limits' worth it may.
        """
        if size <= limit * _DISCARDED_LIMITS:
            for _ in range(limit * _DISCARDED_LIMITS // _PIECE + 1):
                if not self._read(_PIECE):
                    break

    def _read(self, size: int) -> bytes:
        try:
            content: bytes = self.environ["wsgi.input"].read(size)
        except Exception as error:
            raise IncompleteBody(f"The body could not be read to its end: {error}.") from error
        return content
