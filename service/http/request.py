"""The request class: what this service reads from every request, such as its ids, its deadline and its whole body."""

import re
from functools import cache, cached_property

import flask

from service.errors import ServiceError, TryLater
from service.incoming import Incoming, incoming_of
from service.tracing.context import RequestIds, Trace
from service.tracing.request_span import HttpFacts

_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,128}")
# How long the caller waits: as it says itself, and as Envoy and Istio tell the server behind them (router filter).
_TIMEOUTS = (
    ("X-Request-Timeout", "HTTP_X_REQUEST_TIMEOUT", 1.0, "seconds"),
    ("X-Envoy-Expected-Rq-Timeout-Ms", "HTTP_X_ENVOY_EXPECTED_RQ_TIMEOUT_MS", 0.001, "milliseconds"),
)
# Segments of a URL's path that need no quoting; none of them is "." or "..".
_PREFIX = re.compile(r"(?=.{1,200}$)(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)+")
_LENGTH = re.compile(r"[0-9]{1,18}")
_NUMBER = re.compile(r"\d{1,9}(\.\d{1,9})?")


@cache
def _key(name: str) -> str:
    """Return the key of a header in a WSGI environ (PEP 3333). The cache holds the few names that the code asks for."""
    key = name.upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


class Request(flask.Request):
    """The request class of the application."""

    trusted = True  # whether the caller may be told about the model: it has a token, or none is needed
    recorded = False  # whether the request has a record, and so a line in the prediction log
    owner = ""  # the owner of its token

    @cached_property
    def request_id(self) -> str:
        """The caller's X-Request-ID if it is well formed, else a new one."""
        given = self.header("X-Request-ID")
        return given if _WELL_FORMED.fullmatch(given) else self.trace.new_request_id

    @property
    def trace(self) -> Trace:
        """The trace that the request belongs to."""
        return self.incoming.trace

    def use_trace(self, trace: Trace) -> None:
        """Make the request belong to this trace."""
        self.incoming = self.incoming._replace(trace=trace)

    @property
    def ids(self) -> RequestIds:
        """The ids by which logs and traces name the request."""
        return RequestIds(self.request_id, self.trace)

    @property
    def path_prefix(self) -> str:
        """The path under which a proxy says that it publishes this service, such as /models/churn; "" if none does."""
        given = self.header("X-Forwarded-Prefix").rstrip("/")
        return given if _PREFIX.fullmatch(given) else ""

    def deadline(self, seconds: float) -> float:
        """Return the deadline for starting the prediction, on the monotonic clock; raises ServiceError.

        It is `seconds` after the whole request had arrived, or sooner if the caller's headers say so.
        """
        for name, key, unit, words in _TIMEOUTS:
            if (text := self.environ.get(key)) is not None:
                if not _NUMBER.fullmatch(text):
                    raise ServiceError("bad_request", f"{name}: expected a number of {words}, got {text[:40]!r}.")
                seconds = min(seconds, float(text) * unit)
        return self.incoming.arrived + seconds

    @cached_property
    def incoming(self) -> Incoming:
        """What the server says about this request."""
        return incoming_of(self.environ)

    def moments(self) -> list[float]:
        """Return when the request began, if the server says so, and when it had arrived (monotonic clock)."""
        incoming = self.incoming
        return [incoming.arrived] if incoming.began is None else [incoming.began, incoming.arrived]

    def check_admitted(self) -> None:
        """Raise TryLater if so many requests wait in the server that this one must not wait, too."""
        if self.incoming.shed:
            message = "As many requests wait for a thread as may; try again later, or add workers."
            raise TryLater("overloaded", message, shed="backlog")

    def http_facts(self) -> HttpFacts:
        """Return what the log and a span say about the request."""
        rule = self.url_rule
        return HttpFacts(
            self.method,
            self.path,
            client=self.environ.get("REMOTE_ADDR", ""),
            route=rule.rule if rule is not None else "",
            host=self.header("Host"),
            user_agent=self.header("User-Agent"),
            version=self.environ.get("SERVER_PROTOCOL", ""),
            forwarded_for=self.header("X-Forwarded-For"),
            owner=self.owner,
        )

    def header(self, name: str) -> str:
        """Return the value of a header, or "" if there is none."""
        value: str = self.environ.get(_key(name), "")
        return value

    def read_body(self, limit: int) -> bytes:
        """Return the whole body; raises ServiceError if it is longer than `limit` bytes or incomplete.

        This reads the server's stream and not Flask's. A WSGI server ends its stream at the end of the body. For a body
        that is truncated or malformed it raises an exception of its own, which Flask would answer with 500.
        """
        announced = self._announced()
        if (announced or 0) > limit or self.incoming.too_large:
            got = "more" if announced is None else announced
            raise ServiceError("body_too_large", f"Expected at most {limit} bytes, got {got}; send fewer rows at once.")
        body = self._read(limit + 1 if announced is None else announced)
        if len(body) > limit:
            raise ServiceError("body_too_large", f"Expected at most {limit} bytes, got more; send fewer rows at once.")
        if announced is not None and len(body) < announced:
            raise ServiceError("incomplete_body", f"Expected {announced} bytes as announced, got {len(body)}.")
        return body

    def _announced(self) -> int | None:
        text = self.environ.get("CONTENT_LENGTH", "")
        return int(text) if _LENGTH.fullmatch(text) else None

    def _read(self, size: int) -> bytes:
        try:
            content: bytes = self.incoming.body.read(size)
        except Exception as error:  # each WSGI server raises its own when a body ends early or is malformed
            raise ServiceError("incomplete_body", f"The body could not be read to its end: {error}.") from error
        return content
