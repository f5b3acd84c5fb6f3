"""The routes of no protocol: health checks, metrics, the model, and this document."""

from dataclasses import dataclass
from typing import Final

from service.protocols.description import JSON, Operation, Schema, object_of, ref

TAG: Final = "operations"
TEXT: Final = "Health checks, metrics and the description of the model."
MODEL: Final = "Model"
_STATUS: Final = object_of({"status": {"const": "ok", "type": "string"}})


@dataclass(frozen=True)
class OperationsRoute:
    """One route, the codes of its errors beside those of all routes, and who may ask it."""

    operation: Operation
    codes: tuple[str, ...] = ()
    public: bool = False  # callers without a token are answered
    admin: bool = False  # only the administrators' address answers, if there is one


ROUTES: Final[dict[str, OperationsRoute]] = {
    "/health": OperationsRoute(
        Operation("health", "Whether predictions would be answered", {JSON: _STATUS}), ("draining",), public=True
    ),
    "/health/ready": OperationsRoute(
        Operation("health_ready", "The same, for load balancers", {JSON: _STATUS}), ("draining",), public=True
    ),
    "/health/live": OperationsRoute(
        Operation("health_live", "Whether the process answers", {JSON: _STATUS}), public=True
    ),
    "/model": OperationsRoute(Operation("model", "The model that is served", {JSON: ref(MODEL)})),
    "/metrics": OperationsRoute(
        Operation(
            "metrics",
            "Metrics for Prometheus",
            {kind: {"type": "string"} for kind in ("text/plain", "application/openmetrics-text")},
            description="OpenMetrics if `Accept` asks for it. The same from whichever worker answers.",
        ),
        admin=True,
    ),
    "/openapi.json": OperationsRoute(Operation("openapi", "This document", {JSON: {"type": "object"}})),
}


def model_schema() -> Schema:
    """Return the schema of GET /model."""
    return {"type": "object"}
