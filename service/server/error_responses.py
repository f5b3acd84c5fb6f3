"""The worker's own answers to requests that do not reach the application, or that the application never answers."""

import json
from http import HTTPStatus

from service.errors import TABLE
from service.tracing.context import Trace


def answer(code: str, trace: Trace, *, heads: bool, request_id: str = "") -> bytes:
    """Return a complete HTTP response in the form of all other errors; the connection is closed after it.

    The answer to a HEAD request has no body (RFC 9110, 9.3.2). A request that has reached the application may have got
    its id there, so its answer is made without a `request_id`.
    """
    status, title = TABLE[code]
    problem = {"type": f"urn:ml-service:error:{code}", "title": title, "status": status, "code": code}
    problem |= {"trace_id": trace.trace_id, "span_id": trace.span_id}
    identity = ""
    if request_id:
        problem["request_id"] = request_id
        identity = f"X-Request-ID: {request_id}\r\n"
    body = json.dumps(problem, separators=(",", ":"))
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nConnection: close\r\n"
        "Content-Type: application/problem+json\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
        f"{identity}traceparent: {trace.traceparent}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return (head if heads else head + body).encode()
