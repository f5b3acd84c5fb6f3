"""The headers and other parameters of requests, and the headers of responses."""

from collections.abc import Iterable
from typing import Any, Final

from service.protocols.description import ModelFacts
from service.protocols.schemas import STRING, Schema, header_of


def _sent(description: str, example: str | None = None) -> Schema:
    """Return the description of a header of a response."""
    return {"description": description, "schema": STRING, **({} if example is None else {"example": example})}


RESPONSE: Final = {
    "X-Request-ID": _sent("The id of the request in the server's log."),
    "traceparent": _sent(
        "The trace, and the span in it that is this answer (W3C Trace Context).",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ),
    "X-Model-Version": _sent("The version of the model that answered."),
    "Server-Timing": _sent(
        "Milliseconds spent waiting for a thread and a slot, parsing and predicting.",
        "queue;dur=0.022, parse;dur=0.111, predict;dur=0.422",
    ),
    "Retry-After": _sent("After how many seconds to try again.", "1"),
    "WWW-Authenticate": _sent("Which token is needed.", 'Bearer realm="ml-service"'),
    "ETag": _sent("Another one if the document is another one."),
}
OF_PREDICTION: Final = {
    "RequestId": header_of(
        "X-Request-ID",
        "An id of your own for this request: 1 to 128 of the characters `A-Za-z0-9._-`. Without one, "
        "or with another, the server makes it.",
    ),
    "TraceParent": header_of(
        "traceparent",
        "Your own span (W3C Trace Context). Without one, or with an invalid one, a trace begins here.",
    ),
    "TraceState": header_of(
        "tracestate", "What tracing systems add to traceparent: at most 32 members and 512 characters."
    ),
    "RequestTimeout": header_of(
        "X-Request-Timeout",
        "How many seconds you wait, such as 2.5: a prediction that has not started then is not started.",
        {**STRING, "pattern": "^[0-9]{1,9}([.][0-9]{1,9})?$"},
    ),
}
_IF_NONE_MATCH: Final = header_of("If-None-Match", "The ETag of the document that you have.")


def parameters(facts: ModelFacts) -> dict[str, Any]:
    """Return the parameters that are components: headers, and names in paths with the only value that is no 404."""
    components = {**OF_PREDICTION, "IfNoneMatch": _IF_NONE_MATCH}
    for name, value in (("model", facts.served_as), ("version", facts.version)):
        schema = {**STRING, **({"enum": [value]} if value else {})}
        components[f"Path{name.capitalize()}"] = {"name": name, "in": "path", "required": True, "schema": schema}
    return components


def of_status(status: int) -> dict[str, Any]:
    """Return the headers of an error with this status."""
    return refs("X-Request-ID", "traceparent", *{401: ("WWW-Authenticate",), 503: ("Retry-After",)}.get(status, ()))


def refs(*names: str) -> dict[str, Any]:
    """Return references to headers of responses, which are components."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def parameter_refs(names: Iterable[str]) -> list[Schema]:
    """Return references to parameters, which are components."""
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]
