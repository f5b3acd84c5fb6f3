"""All routes besides predictions and documents: health checks, metrics, and what is told of the server and the model.

Those in double underscores are Mozilla's Dockerflow: https://github.com/mozilla-services/Dockerflow. Each protocol
adds routes of its own.
"""

from collections.abc import Callable, Iterable
from functools import partial, reduce
from pathlib import Path
from typing import Final

from flask import Blueprint
from werkzeug.routing import BaseConverter

from service import VERSION
from service.drift.monitor import DriftMonitor
from service.errors import TryLater
from service.formats import strict_json
from service.http.framework import Response, this_request
from service.http.responses import json_response, response_of
from service.monitoring.metrics import Metrics
from service.protocols.base import JSON, Answer, Codec, Contract, Statistics
from service.protocols.registry import ProtocolRegistry
from service.serving.served_model import ModelSlot

PROBES: Final = ("/health", "/health/live", "/health/ready", "/__heartbeat__", "/__lbheartbeat__")
METRICS: Final = "/metrics"
SCRAPES: Final = (METRICS, "/model/drift")
# The answer to callers without a token, whatever model they name, so that it does not reveal which one is served.
READY: Final = Answer(b'{"ready":true}')
Routes = dict[str, Callable[..., Response]]  # the views of GET by their paths
_NAME: Final = "ops"
_VERSION_FILE: Final = Path(__file__).parents[2] / "version.json"  # made with the image


class NameConverter(BaseConverter):
    """A model's name or version in a path. It has no slash, and no colon: that ends TensorFlow Serving's names."""

    regex = "[^/:]+"


def blueprint(
    protocols: ProtocolRegistry, slot: ModelSlot, metrics: Metrics, drift: DriftMonitor, revision: str
) -> Blueprint:
    """Return all these routes; `revision` is that of the source. Those of protocols, the first ones first, precede."""

    def live() -> Response:
        """Answer 200 as long as the process answers at all: a restart would not mend anything else."""
        return json_response({"status": "ok"})

    def ready() -> Response:
        """Answer 200 if load balancers should send requests, else 503 with the reason."""
        _check_ready(metrics)
        return json_response({"status": "ok"})

    def exposition() -> Response:
        request = this_request()
        return Response(*metrics.exposition(request.header("Accept"), request.incoming.arrived))

    build = _build(revision)
    routes: Routes = {
        "/health/live": live,
        "/__lbheartbeat__": live,
        "/health": ready,
        "/health/ready": ready,
        "/__heartbeat__": ready,
        METRICS: exposition,
        "/model": lambda: json_response(slot.current.describe()),
        "/model/drift": lambda: json_response(drift.report()),
        "/__version__": lambda: Response(build, JSON),
    }
    for codec in reversed(protocols.codecs):
        routes |= _routes_of(codec, slot, metrics)
    ops = Blueprint(_NAME, __name__)
    for path, view in routes.items():
        ops.add_url_rule(path, _endpoint(path), view, methods=["GET"])
    return ops


def _routes_of(codec: Codec, slot: ModelSlot, metrics: Metrics) -> Routes:
    """Return what a protocol tells about the server and the model."""

    def page(
        tell: Callable[[Contract], Answer],
        *,
        health: bool = False,
        model: str | None = None,
        version: str | None = None,
    ) -> Response:
        if health:
            _check_ready(metrics)
            if not this_request().trusted:
                return response_of(READY)
        contract = slot.current.contract
        contract.check_name(model, version)
        return response_of(tell(contract))

    def counted(count: Callable[[Contract, Statistics], Answer], contract: Contract) -> Answer:
        return count(contract, metrics.statistics(this_request().incoming.arrived))

    return {
        **{path: partial(response_of, answer) for path, answer in codec.alive.items()},
        **{path: partial(page, partial(counted, count)) for path, count in codec.statistics.items()},
        **{path: partial(page, tell, health=path in codec.health) for path, tell in codec.pages.items()},
    }


def endpoints(paths: Iterable[str]) -> frozenset[str]:
    """Return the endpoints of these routes."""
    return frozenset(f"{_NAME}.{_endpoint(path)}" for path in paths)


def _endpoint(path: str) -> str:
    return path.replace(".", " ")  # Flask takes a dot for the end of the blueprint's name


def probes(protocols: ProtocolRegistry, contract: Contract) -> frozenset[str]:
    """Return the paths of health checks, with the model's name and version filled in."""
    return _paths(contract, [*PROBES, *(path for codec in protocols.codecs for path in (*codec.health, *codec.alive))])


def scrapes(protocols: ProtocolRegistry, contract: Contract) -> frozenset[str]:
    """Return the paths that read the metrics of all processes, which takes a while."""
    return _paths(contract, [*SCRAPES, *(path for codec in protocols.codecs for path in codec.statistics)])


def _paths(contract: Contract, paths: Iterable[str]) -> frozenset[str]:
    names = {"<name:model>": contract.served_as, "<name:version>": contract.identity.version}
    return frozenset(reduce(lambda path, name: path.replace(name, names[name]), names, path) for path in paths)


def _check_ready(metrics: Metrics) -> None:
    """Raise TryLater if load balancers should stop sending requests; those that arrive are still answered."""
    if metrics.processes.server.draining:
        message = "The server drains: it is about to stop, or was asked to. It still answers requests."
        raise TryLater("draining", message)


def _build(revision: str) -> bytes:
    """Return the image's version object; outside an image, one with what is known."""
    try:
        return _VERSION_FILE.read_bytes()
    except FileNotFoundError:
        return strict_json.dumps({"source": "", "version": VERSION, "commit": revision, "build": ""})
