"""The routes of all protocols, apart from predictions: what each protocol tells about the server and the model."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial, reduce
from itertools import chain
from typing import Final

from flask import Blueprint
from werkzeug.routing import BaseConverter

from service.http.framework import Response, this_request
from service.http.operations import PROBES, SCRAPES, DrainState, check_ready
from service.http.responses import response_of
from service.monitoring.metrics import Metrics
from service.protocols.base import Answer, Contract, Statistics
from service.protocols.registry import ProtocolRegistry
from service.serving.served_model import ModelSlot

# The answer to callers without a token, whatever model they name, so that it does not reveal which one is served.
READY: Final = Answer(b'{"ready":true}')


class NameConverter(BaseConverter):
    """A model's name or version in a path. It has no slash, and no colon: that ends TensorFlow Serving's names."""

    regex = "[^/:]+"


def blueprint(protocols: ProtocolRegistry, slot: ModelSlot, metrics: Metrics, state: DrainState) -> Blueprint:
    """Return the routes of all protocols, apart from predictions."""
    pages = Blueprint("pages", __name__)

    def add(path: str, tell: Callable[[Contract], Answer], *, health: bool = False) -> None:
        def page(model: str | None = None, version: str | None = None) -> Response:
            if health:
                check_ready(state)
                if not this_request().trusted:
                    return response_of(READY)
            contract = slot.current.contract
            contract.check_name(model, version)
            return response_of(tell(contract))

        pages.add_url_rule(path, _endpoint(path), page, methods=["GET"])

    for codec in protocols.codecs:
        for path, tell in codec.pages.items():
            add(path, tell, health=path in codec.health)
        for path, count in codec.statistics.items():
            add(path, partial(_statistics, count, metrics))
        for path, answer in codec.alive.items():
            pages.add_url_rule(path, _endpoint(path), partial(response_of, answer), methods=["GET"])
    return pages


def probes(protocols: ProtocolRegistry, contract: Contract) -> frozenset[str]:
    """Return the paths of health checks, with the model's name and version filled in."""
    return _paths(contract, chain(PROBES, *((*codec.health, *codec.alive) for codec in protocols.codecs)))


def scrapes(protocols: ProtocolRegistry, contract: Contract) -> frozenset[str]:
    """Return the paths that read the metrics of all processes, which takes a while."""
    return _paths(contract, chain(SCRAPES, *(codec.statistics for codec in protocols.codecs)))


def _paths(contract: Contract, paths: Iterable[str]) -> frozenset[str]:
    names = {"<name:model>": contract.served_as, "<name:version>": contract.identity.version}
    return frozenset(reduce(lambda path, name: path.replace(name, names[name]), names, path) for path in paths)


def endpoints(paths: Iterable[str]) -> Iterator[str]:
    """Yield the endpoints of the routes with these paths."""
    return (f"pages.{_endpoint(path)}" for path in paths)


def _statistics(count: Callable[[Contract, Statistics], Answer], metrics: Metrics, contract: Contract) -> Answer:
    return count(contract, metrics.statistics(this_request().arrived))


def _endpoint(path: str) -> str:
    return path.replace(".", " ")  # Flask takes a dot for the end of the blueprint's name
