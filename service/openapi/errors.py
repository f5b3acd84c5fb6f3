"""The errors of a route, by status, each code with an example in the shape of the route's protocol."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from service.errors import TABLE, Failure, InvalidRows, Problem, failure_of, terse
from service.formats import strict_json
from service.openapi import headers
from service.openapi.examples import media_type_of, shown
from service.protocols.base import PROBLEM_JSON, Answer
from service.protocols.schemas import PROBLEM, STRING, Schema, list_of, object_of, ref
from service.tracing.context import RequestIds, Trace

_TRACE: Final = Trace("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
_IDS: Final = RequestIds("7f3e8a52c1d94b06", _TRACE)
# Errors that the server answers itself, before there is a request or in place of the application. They have one shape.
_OF_PARSER: Final = ("bad_request", "request_timeout", "uri_too_long", "expectation_failed", "headers_too_large")
_OF_SERVER: Final = frozenset({*_OF_PARSER, "internal_error", "overloaded", "prediction_timeout"})
_NEVER_OF_APPLICATION: Final = frozenset({*_OF_PARSER, "prediction_timeout"} - {"bad_request"})
OF_ANY: Final = (*_OF_PARSER, "internal_error")
OF_ROWS: Final = tuple(code for code, (status, _) in TABLE.items() if status == 422)
OF_PREDICTION: Final = (
    *("incomplete_body", "body_too_large", "invalid_body", "invalid_json", "unsupported_media_type"),
    *(*OF_ROWS, "overloaded", "deadline_exceeded", "prediction_timeout"),
)
# Codes that no caller of a described route gets: they are for other paths and methods, or the caller has gone.
ELSEWHERE: Final = frozenset({"method_not_allowed", "caller_gone", "not_ready"})

_HEX: Final = {**STRING, "pattern": "^[0-9a-f]+$"}

Refuse = Callable[[Failure, RequestIds], Answer]
_NOT_OF_NAMES: Final = re.compile("[^A-Za-z0-9._-]+")  # of components


class ErrorResponses:
    """The responses to requests that fail. Equal responses share one component of the document."""

    def __init__(self, *, is_terse: bool, details: Mapping[str, Problem]) -> None:
        self._is_terse, self._details = is_terse, details  # by code: an example of a problem with a row
        self.components: dict[str, Any] = {}
        self._names: dict[bytes, str] = {}

    def of(self, codes: Iterable[str], protocol: str, refuse: Refuse, error: Schema) -> dict[str, Any]:
        """Return references to responses by status; `refuse` and `error` are those of the protocol."""
        responses: dict[str, Any] = {}
        for code in dict.fromkeys(codes):
            failure = self._failure(code, detailed=error == ref(PROBLEM))
            if code not in _NEVER_OF_APPLICATION:
                _add(responses, code, refuse(terse(failure) if self._is_terse else failure, _IDS), error)
            if code in _OF_SERVER:
                _add(responses, code, _of_server(failure), ref(PROBLEM))
        name = _NOT_OF_NAMES.sub("_", protocol)
        return {status: {"$ref": self._shared(f"{name}_{status}", responses[status])} for status in sorted(responses)}

    def _failure(self, code: str, *, detailed: bool) -> Failure:
        failure = failure_of(code)
        if detailed and code in self._details:
            problems = (self._details[code],)
            return replace(failure, message=str(InvalidRows(problems)), problems=problems)
        return failure

    def _shared(self, name: str, response: Any) -> str:
        content = strict_json.dumps(response)
        if content not in self._names:
            others = sum(each == name or each.startswith(f"{name}_") for each in self.components)
            self._names[content] = f"{name}_{others + 1}" if others else name
            self.components[self._names[content]] = response
        return f"#/components/responses/{self._names[content]}"


def problem_schema() -> Schema:
    """Return the schema of the native errors (RFC 9457)."""
    one = object_of(dict.fromkeys(("code", "pointer", "expected", "got"), STRING))
    members: dict[str, Schema] = {
        "type": {**STRING, "format": "uri-reference"},
        "title": STRING,
        "status": {"type": "integer"},
        "code": {**STRING, "enum": list(TABLE)},
        "detail": {**STRING, "description": "What was expected, what came, and what to do."},
        "request_id": {**STRING, "description": "As in X-Request-ID, and in the server's log."},
        "trace_id": {**_HEX, "description": "The trace: that of your traceparent if it is valid, else a new one."},
        "span_id": {**_HEX, "description": "The part of the trace that is this answer, as in traceparent."},
        "errors": {
            **list_of(one, InvalidRows.MOST),
            "description": "Each bad cell, with a JSON pointer into the body (RFC 6901).",
        },
    }
    note = "An error (RFC 9457). If the server refuses what is no request, `detail` and `request_id` are absent."
    return {**object_of(members, ("detail", "request_id", "errors")), "description": note}


def _of_server(failure: Failure) -> Answer:
    """Return an error as the server answers it (service.server.error_responses)."""
    code, status, title = failure.code, failure.status, failure.title
    problem = {"type": f"urn:ml-service:error:{code}", "title": title, "status": status, "code": code}
    problem |= {"trace_id": _TRACE.trace_id, "span_id": _TRACE.span_id}
    return Answer(strict_json.dumps(problem), PROBLEM_JSON, status=status)


def _add(responses: dict[str, Any], code: str, answer: Answer, schema: Schema) -> None:
    """Add an example of an error to the response of its status."""
    empty = {"description": "", "headers": headers.of_status(answer.status), "content": {}}
    response = responses.setdefault(str(answer.status), empty)
    sentence = f"`{code}`: {TABLE[code][1]}."
    if sentence not in response["description"]:
        response["description"] = f"{response['description']} {sentence}".strip()
    media_type = media_type_of(answer)
    of_text = STRING if media_type.startswith("text/") else schema
    media = response["content"].setdefault(media_type, {"schema": of_text, "examples": {}})
    media["examples"].setdefault(code, {"value": shown(answer)})
