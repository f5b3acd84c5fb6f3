"""The ways a request can fail. Each has a stable code, which the answer, the metrics and the log all use.

Imports: nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import ClassVar, Final

OK: Final = "ok"
# Code → (status, title). Every code that an answer, a metric or a log line can have.
TABLE: Final[dict[str, tuple[int, str]]] = {
    "bad_request": (400, "The HTTP request is malformed"),
    "invalid_json": (400, "The body is not JSON"),
    "invalid_body": (400, "The body does not match its content type or encoding"),
    "incomplete_body": (400, "The body ended early"),
    "unauthorized": (401, "A bearer token is needed"),
    "not_found": (404, "No such route"),
    "unknown_model": (404, "No such model or version"),
    "method_not_allowed": (405, "The route does not take this method"),
    "request_timeout": (408, "The request did not arrive in time"),
    "body_too_large": (413, "The body is too large"),
    "uri_too_long": (414, "The request line is too long"),
    "unsupported_media_type": (415, "The content type is not supported"),
    "expectation_failed": (417, "The expectation is not supported"),
    "invalid_request": (422, "The body is not a prediction request"),
    "no_rows": (422, "There are no rows"),
    "too_many_rows": (422, "There are too many rows"),
    "invalid_row": (422, "A row is neither a list nor an object"),
    "wrong_feature_count": (422, "A row has the wrong number of features"),
    "invalid_value": (422, "A value is not valid for its feature"),
    "unknown_feature": (422, "A row names a feature that the model does not have"),
    "missing_feature": (422, "A row lacks a feature of the model"),
    "duplicate_name": (422, "An object has the same name twice"),
    "no_finite_answer": (422, "The model has no finite answer for these rows"),
    "unknown_category": (422, "A value is a category that the model does not know"),
    "value_refused": (422, "A step of the model refuses a value"),
    "headers_too_large": (431, "The headers are too large or too many"),
    "caller_gone": (499, "The caller has gone"),
    "internal_error": (500, "The server failed"),
    "overloaded": (503, "The server is busy"),
    "not_ready": (503, "The server is not ready"),  # no longer said: the server listens once it has a model
    "draining": (503, "The server is draining"),
    "deadline_exceeded": (504, "The prediction was not started in time"),
    "prediction_timeout": (504, "The prediction took too long"),
}

_NO_HEADERS: Final = MappingProxyType[str, str]({})


def status_class(code: str) -> str:
    """Return the class of a code's status, such as "4xx"."""
    return "2xx" if code == OK else f"{TABLE[code][0] // 100}xx"


class ServiceError(Exception):
    """A request that is not answered with a prediction.

    The message says what was expected, what came instead, and what to do. `headers` are added to the answer.
    """

    def __init__(self, code: str, message: str, headers: Mapping[str, str] = _NO_HEADERS) -> None:
        super().__init__(message)
        self.status, self.title = TABLE[code]
        self.code, self.headers = code, headers


class InvalidBody(ServiceError):
    """The body is not what its Content-Type or Content-Encoding says."""

    def __init__(self, message: str, code: str = "invalid_body") -> None:
        super().__init__(code, message)


class InvalidJson(InvalidBody):
    """The body is not strict JSON."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "invalid_json")


class TryLater(ServiceError):
    """The server cannot answer now; the answer says when to try again (Retry-After: RFC 9110, 10.2.3).

    `shed` is the reason why the request was shed, or "" if it was not.
    """

    def __init__(self, code: str, message: str, shed: str = "") -> None:
        super().__init__(code, message, {"Retry-After": "1"})
        self.shed = shed


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with the rows: where (a JSON pointer into the body), what was expected, what came.

    `feature` is the feature of the model that the problem concerns, if any.
    """

    code: str
    pointer: str
    expected: str
    got: str
    feature: str | None = None


class InvalidRows(ServiceError):
    """The body's rows do not fit the model; holds one Problem for each bad cell, in order, and at most MOST."""

    MOST: ClassVar[int] = 100  # people read them, and the answer to a body of bad cells must not be larger than it

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        first = problems[0]
        count = f"{'at least ' if len(problems) == self.MOST else ''}{len(problems)}"
        more = f" ({count} problems, see errors)" if len(problems) > 1 else ""
        message = f"{first.pointer or 'The body'}: expected {first.expected}, got {first.got}.{more}"
        super().__init__(first.code, message)
        self.problems = problems


@dataclass(frozen=True)
class Failure:
    """What a caller is told about an error; `feature` is the feature that its first problem concerns, if any.

    `shed` is the reason why the request was shed, or "" if it was not; callers are not told that reason.
    """

    status: int
    code: str
    title: str
    message: str
    headers: Mapping[str, str]
    problems: tuple[Problem, ...] = ()
    feature: str | None = None
    shed: str = ""


def failure_of(code: str) -> Failure:
    """Return the failure for an error of which only the code is known."""
    status, title = TABLE[code]
    return Failure(status, code, title, f"{title}.", _NO_HEADERS)


# The codes, besides all those with status 422, whose messages may reveal what the model takes.
_OF_SCHEMA: Final = ("invalid_body", "unknown_model")


def terse(failure: Failure) -> Failure:
    """Return a failure whose message reveals nothing about the model: no names, types, categories or sizes."""
    if failure.status == 422 or failure.code in _OF_SCHEMA:
        return replace(failure, message=f"{failure.title}.", problems=())
    return failure


_OURS: Final = "Something failed on our side; the server's log has it under the request id."
# The messages for rows that the model itself refuses; they do not reveal what the model consists of.
_OF_MODELS: Final = {
    "no_finite_answer": "Expected values that the model can compute with, got some that are too large; check their "
    "units.",
    "unknown_category": "Expected categories that the model was trained on, got another one; see GET /model.",
    "value_refused": "Expected values that every step of the model takes, got one that a step refuses, such as a "
    "negative number where a logarithm is taken; the server's log has the step's own words under the request id.",
}


def _position(cell: tuple[int, str | None] | None) -> str:
    if cell is None:
        return ""
    row, feature = cell
    return f" It is in row {row}, counted from 0{'' if feature is None else f', for {feature[:100]!r}'}."


def describe(error: BaseException) -> Failure:
    """Return what a caller is told about an exception: about an unexpected one, only that the server failed."""
    if isinstance(error, ServiceError):
        problems = error.problems if isinstance(error, InvalidRows) else ()
        feature = problems[0].feature if problems else None
        shed = error.shed if isinstance(error, TryLater) else ""
        return Failure(error.status, error.code, error.title, str(error), error.headers, problems, feature, shed)
    code, message, cell = "internal_error", _OURS, None
    model_code = getattr(error, "code", None)
    if isinstance(model_code, str) and model_code in _OF_MODELS:
        cell = getattr(error, "cell", None)
        code, message = model_code, _OF_MODELS[model_code] + _position(cell)
    status, title = TABLE[code]
    return Failure(status, code, title, message, _NO_HEADERS, feature=cell[1] if cell else None)
