"""The headers of requests and responses."""

from typing import Any, Final

from service.protocols.description import Schema

_STRING: Final[Schema] = {"type": "string"}
RESPONSE: Final[dict[str, Any]] = {
    "X-Request-ID": {"description": "The id of the request in the server's log.", "schema": _STRING},
    "X-Model-Version": {"description": "The version of the model that answered.", "schema": _STRING},
    "Server-Timing": {
        "description": "Milliseconds spent waiting for a slot, parsing and predicting.",
        "schema": _STRING,
        "example": "queue;dur=0.01, parse;dur=0.08, predict;dur=0.05",
    },
    "Retry-After": {"description": "After how many seconds to try again.", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "Which token is needed.", "schema": _STRING},
    "ETag": {"description": "Changes with the document.", "schema": _STRING},
}
REQUEST: Final[dict[str, Any]] = {
    "RequestId": {
        "name": "X-Request-ID",
        "in": "header",
        "description": "An id of your own for this request; the server makes one if there is none.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"},
    },
    "RequestTimeout": {
        "name": "X-Request-Timeout",
        "in": "header",
        "description": "How long you wait, in seconds. A prediction that has not started by then is not started (504).",
        "schema": {"type": "string", "pattern": "^[0-9]{1,9}([.][0-9]{1,9})?$"},
        "example": "2.5",
    },
    "EnvoyTimeout": {
        "name": "X-Envoy-Expected-Rq-Timeout-Ms",
        "in": "header",
        "description": "The same in milliseconds, as Envoy and Istio set it.",
        "schema": {"type": "string", "pattern": "^[0-9]{1,9}([.][0-9]{1,9})?$"},
        "example": "2500",
    },
}


def of_any() -> dict[str, Any]:
    """Return the headers of every response of the application."""
    return _refs("X-Request-ID", "X-Model-Version")


def of_prediction() -> dict[str, Any]:
    """Return those that only a prediction has."""
    return _refs("Server-Timing")


def of_status(status: int) -> dict[str, Any]:
    """Return those of an error with this status."""
    return _refs("X-Request-ID", *{401: ("WWW-Authenticate",), 503: ("Retry-After",)}.get(status, ()))


def parameters(*, of_prediction: bool) -> list[dict[str, str]]:
    """Return the headers that a request may have."""
    names = REQUEST if of_prediction else ("RequestId",)
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


def _refs(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
