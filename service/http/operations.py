"""Routes for operating the server: health checks, metrics, and a description of the served model."""

from typing import Final, Protocol

from flask import Blueprint

from service.drift.monitor import DriftMonitor
from service.errors import TryLater
from service.http.framework import Response, this_request
from service.http.responses import json_response
from service.monitoring.metrics import Metrics
from service.serving.model_description import describe_model
from service.serving.served_model import ModelSlot

PROBES: Final = ("/health", "/health/live", "/health/ready")
SCRAPES: Final = ("/metrics", "/model/drift")


class DrainState(Protocol):
    """Knows whether the server drains; the process tree implements it."""

    @property
    def draining(self) -> bool:
        """Whether load balancers should stop sending requests; those that arrive are still answered."""


def blueprint(slot: ModelSlot, metrics: Metrics, drift: DriftMonitor, state: DrainState) -> Blueprint:
    """Return /health, /health/live, /health/ready, /metrics, /model and /model/drift."""
    ops = Blueprint("ops", __name__)

    @ops.get("/health/live")
    def live() -> Response:
        """Answer 200 as long as the process answers at all: a restart would not mend anything else."""
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
        return json_response(describe_model(slot.current))

    @ops.get("/model/drift")
    def drifted() -> Response:
        """Answer how the rows of the window differ from the training data."""
        return json_response(drift.report())

    return ops


def check_ready(state: DrainState) -> None:
    """Raise TryLater if load balancers should stop sending requests."""
    if state.draining:
        message = "The server drains: it is about to stop, or was asked to. It still answers requests."
        raise TryLater("draining", message)
