"""The errors of a route, by status, each code with an example in the shape of the route's protocol."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from service.errors import TABLE, Failure, Problem
from service.formats import strict_json
from service.openapi import headers
from service.openapi.examples import shown
from service.protocols.base import Answer
from service.protocols.description import Schema, list_of, object_of, ref
from service.protocols.error_shapes import PROBLEM_JSON

_REQUEST_ID: Final = "7f3e8a52c1d94b06"
# What the HTTP parser and the worker answer themselves, in one shape for all protocols.
_OF_PARSER: Final = ("bad_request", "request_timeout", "uri_too_long", "expectation_failed", "headers_too_large")
_OF_BOTH: Final = ("bad_request",)  # also what a header of a prediction request says
_OF_WORKER: Final = ("internal_error", "overloaded", "prediction_timeout")
OF_ANY: Final = (*_OF_PARSER, "internal_error")
OF_ROWS: Final = tuple(code for code, (status, _) in TABLE.items() if status == 422)
OF_PREDICTION: Final = (
    *("incomplete_body", "body_too_large", "invalid_body", "invalid_json", "unsupported_media_type"),
    *(*OF_ROWS, "overloaded", "deadline_exceeded", "prediction_timeout"),
)
# Codes that no caller of a described route gets: of other paths and methods, of nobody who listens, of no server.
ELSEWHERE: Final = frozenset({"not_found", "method_not_allowed", "caller_gone", "not_ready"})
PROBLEM: Final = "Problem"
Refuse = Callable[[Failure, str], Answer]


def problem_schema() -> Schema:
    """Return the schema of the native errors (RFC 9457)."""
    one = object_of({name: {"type": "string"} for name in ("code", "pointer", "expected", "got")})
    members: dict[str, Schema] = {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "enum": list(TABLE)},
        "detail": {"type": "string", "description": "What was expected, what came, and what to do."},
        "request_id": {"type": "string", "description": "As in X-Request-ID, and in the server's log."},
        "errors": {**list_of(one, 100), "description": "Each bad cell, with a JSON pointer into the body."},
    }
    schema = object_of(members, ("detail", "request_id", "errors"))
    return {**schema, "description": "An error (RFC 9457). What is no HTTP request has no `detail` and `request_id`."}


def responses(codes: Iterable[str], refuse: Refuse, error: Schema, problems: Sequence[Problem] = ()) -> dict[str, Any]:
    """Return the responses to requests that fail with these codes, by status.

    `refuse` and `error` are the protocol's. `problems` are examples of what can be wrong with rows.
    """
    found: dict[str, Any] = {}
    for code in dict.fromkeys(codes):
        status, title = TABLE[code]
        those = tuple(each for each in problems if each.code == code)
        message = f"{those[0].pointer}: expected {those[0].expected}, got {those[0].got}." if those else f"{title}."
        failure = Failure(status, code, title, message, {}, those)
        if code not in _OF_PARSER or code in _OF_BOTH:
            _add(found, code, refuse(failure, _REQUEST_ID), error)
        if code in (*_OF_PARSER, *_OF_WORKER):
            _add(found, code, _of_server(failure), ref(PROBLEM))
    return dict(sorted(found.items()))


def _of_server(failure: Failure) -> Answer:
    """Return an error as the server answers it before there is a request (service.server.error_responses)."""
    code, status, title = failure.code, failure.status, failure.title
    problem = {"type": f"urn:ml-service:error:{code}", "title": title, "status": status, "code": code}
    return Answer(strict_json.dumps(problem), PROBLEM_JSON, status=status)


def _add(found: dict[str, Any], code: str, answer: Answer, schema: Schema) -> None:
    """Add an example of an error to the responses of its status."""
    response = found.setdefault(
        str(answer.status), {"description": "", "headers": headers.of_status(answer.status), "content": {}}
    )
    said = f"`{code}`: {TABLE[code][1]}"
    if said not in response["description"]:
        response["description"] += f"; {said}" if response["description"] else said
    kind = answer.content_type.partition(";")[0]
    media = response["content"].setdefault(kind, {"schema": schema, "examples": {}})
    media["examples"].setdefault(code, {"value": shown(answer)})
