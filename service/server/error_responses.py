"""Answers that the worker gives itself, to what never reaches the application or does not come back from it."""

import json
from http import HTTPStatus

from service.errors import TABLE


def answer(code: str, *, heads: bool) -> bytes:
    """Return a whole HTTP response with which the connection ends, in the form of all other errors.

    To a request whose method is HEAD that is the head alone (RFC 9110, 9.3.2).
    """
    status, title = TABLE[code]
    problem = {"type": f"urn:ml-service:error:{code}", "title": title, "status": status, "code": code}
    body = json.dumps(problem, separators=(",", ":"))
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nConnection: close\r\n"
        "Content-Type: application/problem+json\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return (head if heads else head + body).encode()
