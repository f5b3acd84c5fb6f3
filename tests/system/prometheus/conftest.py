"""What these tests share: a service under load that Prometheus watches, and Prometheus on any other server."""

import json
import threading
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.badinput import JSON
from tests.system.browser import churn
from tests.system.conftest import DEADLINE, Connection, Server, eventually, launching
from tests.system.prometheus import monitors

# A mixed-type model that answers for categories that it has not seen.
MIXED = churn.PACK.replace("OneHotEncoder()", 'OneHotEncoder(handle_unknown="ignore")')
CUSTOMER = {
    "tenure_months": 14,
    "monthly_charge": 80.5,
    "age": 37,
    "support_calls": 2,
    "contract": "one year",
    "payment": "card",
}


def pytest_collection_modifyitems(items):
    """Mark everything in this folder: it needs Prometheus and Alertmanager."""
    for item in items:
        if item.path.parent.name == "prometheus":
            item.add_marker(pytest.mark.prometheus)


def post(document, path="/predict"):
    return "POST", path, json.dumps(document), JSON


def requests():
    """Return what the steady load asks, in turn: predictions in two protocols, refusals, and an unknown path."""
    rows = [
        CUSTOMER | {"tenure_months": 3 * number, "age": None if number % 8 == 0 else 20 + number}
        for number in range(40)
    ]
    singles = [post({"features": row}) for row in rows]
    batch = post({"instances": rows})
    tensorflow = post({"instances": rows[:5]}, "/v1/models/churn:predict")
    bad = post({"features": CUSTOMER | {"age": "old"}})
    unknown = post({"features": CUSTOMER | {"contract": "ten years"}})
    return [*singles, batch, tensorflow, bad, unknown, ("GET", "/nothing", None, None)]


class SteadyLoad:
    """Asks one request after the other on one connection while its block runs, at most so many a second."""

    def __init__(self, port, rate):
        self._port, self._pause = port, 1 / rate
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join(DEADLINE)

    def _run(self):
        connection, number, asked = Connection(self._port), 0, requests()
        while not self._done.wait(self._pause):
            connection.ask(*asked[number % len(asked)])
            number += 1
        connection.raw.close()


@dataclass(frozen=True)
class Watched:
    """A server under a steady load, and the Prometheus that scrapes it every second."""

    server: Server
    prometheus: monitors.Prometheus


@pytest.fixture(scope="session")
def mixed_bundle(make_once):
    """Pack the mixed-type model."""
    return make_once("-c", MIXED)


@pytest.fixture(scope="session")
def watched(tmp_path_factory, mixed_bundle):
    """Serve the mixed-type model by two workers, load it with all kinds of requests, and watch it, for all tests.

    Tests only look at it: what kills, reloads or counts exactly starts a server of its own and uses `watch`.
    """
    with ExitStack() as running:
        launch = running.enter_context(launching(tmp_path_factory, mixed_bundle))
        server = launch(WEB_CONCURRENCY="2")
        server.wait_until_ready()
        running.enter_context(SteadyLoad(server.port, rate=40))
        config = monitors.configure(tmp_path_factory.mktemp("prometheus"), [f"localhost:{server.port}"])
        prometheus = running.enter_context(monitors.prometheus(config))
        eventually(prometheus.scraped, "a scrape of the server")
        # Two scrapes later, rates have values.
        eventually(lambda: (prometheus.value("count_over_time(up[1m])") or 0) > 2, "further scrapes")
        yield Watched(server, prometheus)


@pytest.fixture
def watch(tmp_path_factory):
    """Start a Prometheus that scrapes servers or addresses every second; options are those of `monitors.configure`."""
    with ExitStack() as running:

        def start(*servers, **options):
            targets = [each if isinstance(each, str) else f"localhost:{each.port}" for each in servers]
            config = monitors.configure(tmp_path_factory.mktemp("prometheus"), targets, **options)
            return running.enter_context(monitors.prometheus(config))

        yield start
