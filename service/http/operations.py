"""Routes for operating the server: health checks, metrics, and which model is served."""

from datetime import UTC, datetime
from typing import Final, Protocol

from flask import Blueprint

from service.errors import TryLater
from service.http.framework import Response, this_request
from service.http.responses import json_response
from service.monitoring.metrics import Metrics
from service.serving.served_model import ModelSlot, ServedModel

PROBES: Final = ("/health", "/health/live", "/health/ready")
SCRAPES: Final = ("/metrics",)


class DrainState(Protocol):
    """Knows whether the server drains; the process tree implements it."""

    @property
    def draining(self) -> bool:
        """Whether load balancers should stop sending requests; those that arrive are still answered."""


def blueprint(slot: ModelSlot, metrics: Metrics, state: DrainState) -> Blueprint:
    """Return /health, /health/live, /health/ready, /metrics and /model."""
    ops = Blueprint("ops", __name__)

    @ops.get("/health/live")
    def live() -> Response:
        """Answer 200 as long as the process answers at all: a restart would not help with anything else."""
        return json_response({"status": "ok"})

    @ops.get("/health")
    @ops.get("/health/ready")
    def ready() -> Response:
        """Answer 200 if load balancers should send requests, else 503 with the reason."""
        check_ready(state)
        return json_response({"status": "ok"})

    @ops.get("/metrics")
    def exposition() -> Response:
        request = this_request()
        content, content_type = metrics.exposition(request.header("Accept"), request.arrived)
        return Response(content, content_type)

    @ops.get("/model")
    def model() -> Response:
        return json_response(_describe(slot.current))

    return ops


def check_ready(state: DrainState) -> None:
    """Raise TryLater if load balancers should stop sending requests."""
    if state.draining:
        message = "The server drains: it is about to stop, or was asked to. It still answers requests."
        raise TryLater("draining", message)


def _describe(served: ServedModel) -> dict[str, object]:
    manifest, signature = served.loaded.manifest, served.loaded.manifest.signature
    return {
        "name": manifest.name,
        "version": manifest.version,
        "digest": served.loaded.digest,
        "engine": served.loaded.engine.name,
        "task": signature.task,
        "layout": signature.layout,
        "features": signature.features,
        "outputs": signature.outputs,
        "classes": signature.classes[0] if signature.classes and signature.outputs is None else signature.classes,
        "thresholds": manifest.thresholds or None,
        "answers": [
            {"name": spec.member, "dtype": spec.dtype, "columns": spec.columns if spec.shape else None}
            for spec in served.contract.outputs
        ],
        "created_at": manifest.created_at,
        "loaded_at": datetime.fromtimestamp(served.loaded_at, UTC).isoformat(timespec="seconds"),
        "made_with": manifest.made_with,
        "score": manifest.score,
    }
