"""What a request notes while it is answered, for its spans, which are made later by another thread; their attributes.

Names and attributes follow OpenTelemetry's conventions for HTTP servers; our own begin with mlservice. The query of a
URL is left out, as in the log, because it may contain personal data.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, NamedTuple, Protocol

from service.tracing.context import Trace

KNOWN_METHODS: Final = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"}
)
MOST_CHARACTERS: Final = 200  # of a value from the request
_HOST: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]]+)(?::([0-9]{1,5}))?")
_ARGUMENT: Final = re.compile(r"<(?:\w+:)?(\w+)>")

Value = str | int | bool


class HttpFacts(NamedTuple):
    """What a request asked for, and who sent it; what is not known is empty.

    `client` is the address of whoever connected, which may be a proxy, `forwarded_for` what the header X-Forwarded-For
    says, which nobody has verified, and `owner` the comment beside the token in TOKENS_FILE.
    """

    method: str
    path: str
    client: str
    route: str = ""  # the pattern of the path
    host: str = ""
    user_agent: str = ""
    version: str = ""  # such as HTTP/1.1
    forwarded_for: str = ""
    owner: str = ""


class Begun(NamedTuple):
    """A request for which the sampler has decided."""

    trace: Trace
    decision: Any  # the sampler's own object; None if the request has no spans


class Phase(NamedTuple):
    """A phase of answering a request; times are in Unix seconds."""

    name: str
    start: float
    end: float


@dataclass(frozen=True)
class RequestSpan:
    """A request that has been answered; times are in Unix seconds.

    `model` are name, version, digest and engine, if a model was asked, and `rows` how many rows it predicted, if known.
    """

    begun: Begun
    http: HttpFacts
    start: float
    end: float
    request_id: str
    code: str
    status: int
    protocol: str | None = None
    model: Mapping[str, str] = field(default_factory=dict)
    rows: int | None = None
    phases: tuple[Phase, ...] = ()


class Tracer(Protocol):
    """Makes the spans of requests in a worker."""

    def start(self) -> None:
        """Start the threads that make and send spans, after the fork."""

    def begin(self, trace: Trace, method: str, path: str) -> Begun:
        """Decide whether a request has spans; the returned trace tells others the decision."""

    def add(self, span: RequestSpan) -> None:
        """Have the spans of a request made, unless too many requests wait for that."""

    def close(self, seconds: float, meanwhile: Callable[[], object]) -> None:
        """Send the waiting spans within so many seconds, and call `meanwhile` repeatedly."""


def name_of(http: HttpFacts) -> str:
    """Return the name of a request's span: its method, and the pattern of its path if it has one."""
    method = http.method if http.method in KNOWN_METHODS else "HTTP"
    return f"{method} {route_of(http.route)}" if http.route else method


def first_attributes(method: str, path: str) -> dict[str, Value]:
    """Return the attributes by which a sampler may decide."""
    known = method in KNOWN_METHODS
    attributes: dict[str, Value] = {"http.request.method": method if known else "_OTHER", "url.scheme": "http"}
    if method and not known:
        attributes["http.request.method_original"] = method[:MOST_CHARACTERS]
    if path:
        attributes["url.path"] = path[:MOST_CHARACTERS]
    return attributes


def attributes_of(span: RequestSpan) -> dict[str, Value]:
    """Return the attributes of a request's span."""
    http = span.http
    attributes = first_attributes(http.method, http.path)
    host = _HOST.fullmatch(http.host[:MOST_CHARACTERS])
    given = {
        "http.route": route_of(http.route),
        "server.address": host[1] if host else "",
        "server.port": int(host[2]) if host and host[2] else 0,
        "client.address": http.client,
        "network.peer.address": http.client,
        "network.protocol.version": http.version.removeprefix("HTTP/"),
        "user_agent.original": http.user_agent[:MOST_CHARACTERS],
        "mlservice.protocol": span.protocol or "",
        "error.type": span.code if span.status >= 500 else "",
    }
    attributes |= {name: value for name, value in given.items() if value}
    attributes |= {
        "http.response.status_code": span.status,
        "mlservice.request_id": span.request_id,
        "mlservice.code": span.code,
    }
    attributes |= {f"mlservice.model.{name}": value for name, value in span.model.items()}
    if span.rows is not None:
        attributes["mlservice.rows"] = span.rows
    return attributes


@lru_cache(64)
def route_of(rule: str) -> str:
    """Return the pattern of a path without the types of its parts: /v2/models/{model}/infer."""
    return _ARGUMENT.sub(r"{\1}", rule)
