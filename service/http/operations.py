"""Routes for operating the server: health checks, metrics, descriptions of the served model and of the build.

Those in double underscores are Mozilla's Dockerflow: https://github.com/mozilla-services/Dockerflow.
"""

from pathlib import Path
from typing import Final, Protocol

from flask import Blueprint

from service import VERSION
from service.drift.monitor import DriftMonitor
from service.errors import TryLater
from service.formats import strict_json
from service.http.framework import Response, this_request
from service.http.responses import json_response
from service.monitoring.metrics import Metrics
from service.protocols.base import JSON
from service.serving.model_description import describe_model
from service.serving.served_model import ModelSlot

PROBES: Final = ("/health", "/health/live", "/health/ready", "/__heartbeat__", "/__lbheartbeat__")
SCRAPES: Final = ("/metrics", "/model/drift")
_VERSION_FILE: Final = Path(__file__).parents[2] / "version.json"  # made with the image


class DrainState(Protocol):
    """Knows whether the server drains; the process tree implements it."""

    @property
    def draining(self) -> bool:
        """Whether load balancers should stop sending requests; those that arrive are still answered."""


def blueprint(slot: ModelSlot, metrics: Metrics, drift: DriftMonitor, state: DrainState, revision: str) -> Blueprint:
    """Return the routes of PROBES and SCRAPES, /model and /__version__; `revision` is that of the source."""
    ops = Blueprint("ops", __name__)
    build = _build(revision)

    @ops.get("/health/live")
    @ops.get("/__lbheartbeat__")
    def live() -> Response:
        """Answer 200 as long as the process answers at all: a restart would not mend anything else."""
        return json_response({"status": "ok"})

    @ops.get("/health")
    @ops.get("/health/ready")
    @ops.get("/__heartbeat__")
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

    @ops.get("/__version__")
    def version() -> Response:
        return Response(build, JSON)

    return ops


def check_ready(state: DrainState) -> None:
    """Raise TryLater if load balancers should stop sending requests."""
    if state.draining:
        message = "The server drains: it is about to stop, or was asked to. It still answers requests."
        raise TryLater("draining", message)


def _build(revision: str) -> bytes:
    """Return the image's version object; outside an image, one with what is known."""
    try:
        return _VERSION_FILE.read_bytes()
    except FileNotFoundError:
        return strict_json.dumps({"source": "", "version": VERSION, "commit": revision, "build": ""})
