"""Names and attributes of spans: OpenTelemetry's conventions for HTTP servers, and our own, which begin with mlservice.

The query of a URL is left out, as in the log, because it may contain personal data.
"""

import re
from functools import lru_cache
from typing import Final

from service.tracing.request_span import HttpFacts, RequestSpan

KNOWN_METHODS: Final = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"}
)
MOST_CHARACTERS: Final = 200  # of a value from the request
_HOST: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]]+)(?::([0-9]{1,5}))?")
_ARGUMENT: Final = re.compile(r"<(?:\w+:)?(\w+)>")

Value = str | int | bool


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
    http, model = span.http, span.model
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
    if model is not None:
        attributes |= {
            f"mlservice.model.{name}": getattr(model, name) for name in ("name", "version", "digest", "engine")
        }
        attributes |= {} if model.rows is None else {"mlservice.rows": model.rows}
    return attributes


@lru_cache(64)
def route_of(rule: str) -> str:
    """Return the pattern of a path without the types of its parts: /v2/models/{model}/infer."""
    return _ARGUMENT.sub(r"{\1}", rule)
