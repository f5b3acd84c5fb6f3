"""The ways a request can fail, each with a stable code that is body, metric label and log field at once.

Imports: model.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from model.errors import ModelError, NoFiniteAnswer, UnknownCategory, ValueRefused


class ServiceError(Exception):
    """A request that is not answered with a prediction; the message says what was expected, what came, what to do."""

    code: str = "internal_error"

    @property
    def headers(self) -> dict[str, str]:
        """Headers that belong to the answer because of this error."""
        return {}


class InvalidJson(ServiceError):
    """The body is not strict JSON."""

    code = "invalid_json"


class InvalidBody(ServiceError):
    """The body is not what its Content-Type or Content-Encoding says."""

    code = "invalid_body"


class IncompleteBody(ServiceError):
    """The body ended early or its chunks are malformed."""

    code = "incomplete_body"


class BadRequest(ServiceError):
    """The HTTP request itself is not one that can be routed."""

    code = "bad_request"


class BodyTooLarge(ServiceError):
    """The body is larger than the server takes."""

    code = "body_too_large"


class UnsupportedMediaType(ServiceError):
    """The body is of a content type that the route does not read."""

    code = "unsupported_media_type"


class Unauthorized(ServiceError):
    """The caller has no token that is known here."""

    code = "unauthorized"

    def __init__(self, message: str, *, wrong: bool = False) -> None:
        super().__init__(message)
        self._wrong = wrong

    @property
    def headers(self) -> dict[str, str]:
        """Say what is expected (RFC 6750, 3)."""
        return {"WWW-Authenticate": 'Bearer realm="ml-service"' + (', error="invalid_token"' if self._wrong else "")}


class NotFound(ServiceError):
    """There is no such route."""

    code = "not_found"


class UnknownModel(ServiceError):
    """The path names a model, or a version of it, that is not the one served."""

    code = "unknown_model"


class MethodNotAllowed(ServiceError):
    """The route does not take this method."""

    code = "method_not_allowed"

    def __init__(self, message: str, allowed: str) -> None:
        super().__init__(message)
        self._allowed = allowed

    @property
    def headers(self) -> dict[str, str]:
        """Say which methods the route takes (RFC 9110, 15.5.6)."""
        return {"Allow": self._allowed}


class Overloaded(ServiceError):
    """No slot came free in time."""

    code = "overloaded"

    @property
    def headers(self) -> dict[str, str]:
        """Ask the caller to come back (RFC 9110, 10.2.3)."""
        return {"Retry-After": "1"}


class NotReady(Overloaded):
    """There is no model to predict with yet, or no longer."""

    code = "not_ready"


class DeadlineExceeded(Overloaded):
    """The request's time was over before its prediction was started."""

    code = "deadline_exceeded"


class PredictionTimeout(ServiceError):
    """The prediction hangs, and its worker ends."""

    code = "prediction_timeout"


class CallerGone(ServiceError):
    """Nobody waits for the answer any more."""

    code = "caller_gone"


class Draining(Overloaded):
    """The server asks to be sent no more: it is about to stop."""

    code = "draining"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with the rows: where (a JSON pointer into the body), what was expected, what came."""

    code: str
    pointer: str
    expected: str
    got: str


class InvalidRows(ServiceError):
    """JSON, but not rows of this model; carries one Problem for each bad cell, in order, up to a bound."""

    MOST: ClassVar[int] = 100  # problems are for reading; a body of bad cells must not come back as a larger one

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        first = problems[0]
        count = f"{'at least ' if len(problems) == self.MOST else ''}{len(problems)}"
        more = f" ({count} problems, see errors)" if len(problems) > 1 else ""
        super().__init__(f"{first.pointer or 'The body'}: expected {first.expected}, got {first.got}.{more}")
        self.problems = problems
        self.code = first.code


@dataclass(frozen=True)
class Failure:
    """What a caller is told of an error."""

    status: int
    code: str
    title: str
    message: str
    headers: Mapping[str, str]
    problems: tuple[Problem, ...] = ()


OK: Final = "ok"
# code → (status, title). Every code that an answer, a metric or a log line can carry.
TABLE: Final[dict[str, tuple[int, str]]] = {
    "bad_request": (400, "The HTTP request is malformed"),
    "invalid_json": (400, "The body is not JSON"),
    "invalid_body": (400, "The body is not of the content type or encoding that it is said to be"),
    "incomplete_body": (400, "The body ended early"),
    "unauthorized": (401, "A bearer token is needed"),
    "not_found": (404, "No such route"),
    "unknown_model": (404, "No such model or version"),
    "method_not_allowed": (405, "The route does not take this method"),
    "request_timeout": (408, "The request did not arrive in time"),
    "body_too_large": (413, "The body is too large"),
    "uri_too_long": (414, "The request line is too long"),
    "unsupported_media_type": (415, "The content type is not read here"),
    "expectation_failed": (417, "The expectation is not one that is met here"),
    "invalid_request": (422, "The body is not a prediction request"),
    "no_rows": (422, "There are no rows"),
    "too_many_rows": (422, "There are too many rows"),
    "invalid_row": (422, "A row is neither a list nor an object"),
    "wrong_feature_count": (422, "A row has the wrong number of features"),
    "invalid_value": (422, "A value is not one that the feature takes"),
    "unknown_feature": (422, "A row names a feature that the model does not have"),
    "missing_feature": (422, "A row lacks a feature of the model"),
    "duplicate_name": (422, "A name stands twice in one object"),
    "no_finite_answer": (422, "The model has no finite answer for these rows"),
    "unknown_category": (422, "A value is a category that the model does not know"),
    "value_refused": (422, "A step of the model refuses a value"),
    "headers_too_large": (431, "The header fields are too large or too many"),
    "caller_gone": (499, "The caller has gone"),
    "internal_error": (500, "The server failed"),
    "overloaded": (503, "The server is busy"),
    "not_ready": (503, "The server is not ready"),
    "draining": (503, "The server is about to stop"),
    "deadline_exceeded": (504, "The request was not started in time"),
    "prediction_timeout": (504, "The prediction took too long"),
}


# What a model finds wrong with rows, in words that do not tell what it is made of.
_OF_MODELS: Final[dict[type[ModelError], str]] = {
    NoFiniteAnswer: "Expected values that the model can compute with, got some that are too large; check their units.",
    UnknownCategory: "Expected categories that the model was trained on, got another one; see GET /model.",
    ValueRefused: "Expected values that every step of the model takes, got one that a step refuses, such as a negative "
    "number where a logarithm is taken; the server's log has the step's own words under the request id.",
}


def describe(error: BaseException) -> Failure:
    """Say what a caller is told of any exception; what is not ours to explain is told nothing but its code."""
    if isinstance(error, ModelError) and type(error) in _OF_MODELS:
        return _failure(error.code, _OF_MODELS[type(error)], {})
    if isinstance(error, ServiceError):
        problems = error.problems if isinstance(error, InvalidRows) else ()
        return _failure(error.code, str(error), error.headers, problems)
    message = "Something failed on our side; the server's log has it under the request id."
    return _failure(ServiceError.code, message, {})


def _failure(code: str, message: str, headers: Mapping[str, str], problems: tuple[Problem, ...] = ()) -> Failure:
    status, title = TABLE[code]
    return Failure(status, code, title, message, headers, problems)
