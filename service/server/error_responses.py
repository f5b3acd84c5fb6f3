"""Answers that the worker gives itself, to what never reaches the application or does not come back from it."""

from http import HTTPStatus
from typing import Final

from gunicorn.http import errors

from service.errors import TABLE
from service.formats import strict_json

# What gunicorn's parser finds wrong; anything else that it does is a bad request.
_CODES: Final = {
    errors.LimitRequestLine: "uri_too_long",
    errors.LimitRequestHeaders: "headers_too_large",
    errors.ExpectationFailed: "expectation_failed",
}


def answer(code: str, *, heads: bool) -> bytes:
    """Return a whole HTTP response with which the connection ends, in the form of all other errors.

    To a request whose method is HEAD that is the head alone (RFC 9110, 9.3.2).
    """
    status, title = TABLE[code]
    body = strict_json.dumps({"type": f"urn:ml-service:error:{code}", "title": title, "status": status, "code": code})
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nConnection: close\r\n"
        "Content-Type: application/problem+json\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + (b"" if heads else body)


def code_of(error: Exception) -> str:
    """Return the code of what came out of reading a request or answering it; whose fault it is is gunicorn's word."""
    ours = isinstance(error, (errors.InvalidResponseHeader, errors.InvalidResponseHeaderName))
    if ours or not isinstance(error, errors.ParseException):
        return "internal_error"
    return _CODES.get(type(error), "bad_request")
