"""Two instances behind both proxies, restarted and given new models under load: nobody notices."""

import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager

import pytest

from tests.conftest import ROOT
from tests.system.conftest import eventually
from tests.system.reliability.figures import scaled
from tests.system.reliability.fronts import COMMANDS, free_port
from tests.system.reliability.load import Load

RATE = 200
DRAIN_SECONDS = 3  # the default
# All the clients may wait at one instance while the other starts, on a machine that does other things besides.
ROOM = {"THREADS": "32", "QUEUE_SECONDS": "20"}
# The same rows under other labels, so that an answer tells which model it is of.
PACK = """
import sys
import numpy as np
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from model.packing.pack import pack
rows, labels = load_iris(return_X_y=True, as_frame=True)
for version, labels in (("1", labels), ("2", np.array(["a", "b", "c"])[labels])):
    model = LogisticRegression(max_iter=1000).fit(rows, labels)
    pack(model, f"{sys.argv[1]}/{version}", name="iris", version=version, data=rows)
"""
ANSWERS = {("1", b'{"prediction":0,'), ("2", b'{"prediction":"a",')}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    subprocess.run([sys.executable, "-c", PACK, folder], cwd=ROOT, check=True, capture_output=True)
    return folder


class Pair:
    """Two instances with one worker each, on fixed ports, and a load through each proxy."""

    def __init__(self, serve, bundle, drain_seconds):
        self._serve, self._bundle = serve, bundle
        self._environ = {"WEB_CONCURRENCY": "1", "DRAIN_SECONDS": str(drain_seconds), "LOG_SHARE": "0", **ROOM}
        self.servers = [self.start(free_port()) for _ in range(2)]

    def start(self, port):
        return self._serve(self._bundle, PORT=str(port), **self._environ)

    def restart(self, place):
        """Stop one instance as an orchestrator does, start it again on its port, and wait until it gets requests."""
        server = self.servers[place]
        server.process.send_signal(signal.SIGTERM)
        assert 0 == server.process.wait(60)
        self.servers[place] = self.start(server.port)
        eventually(lambda: self.fronts["haproxy"].takes(("first", "second")[place]), "HAProxy takes it again")

    @contextmanager
    def loaded(self, behind):
        """Send 200 requests a second through each proxy; yields the loads by the proxy's name."""
        self.fronts = {kind: behind(kind, *self.servers) for kind in COMMANDS}
        with ExitStack() as running:
            loads = {kind: Load(front.port, clients=16, rate=RATE) for kind, front in self.fronts.items()}
            for load in loads.values():
                running.enter_context(load)
            eventually(lambda: all(len(load.answers) > RATE for load in loads.values()), "load")
            yield loads


def failed(load):
    return [answer for answer in load.answers if answer.status != 200]


def seen(load):
    """Return the pairs of version and answer that occurred."""
    return {(answer.version, answer.body[: answer.body.index(b",") + 1]) for answer in load.answers}


def report(figure, what, loads):
    for kind, load in loads.items():
        figure("Restarts", f"{what}, {kind}", "0 failed", f"{len(failed(load))} failed of {len(load.answers)}")


def test_rolling_restarts_cost_no_request(serve, behind, models, figure):
    """Instances are restarted in turn without a lost request: HAProxy checks readiness, nginx retries."""
    pair, rounds = Pair(serve, models / "1", DRAIN_SECONDS), scaled(20, 2)
    with pair.loaded(behind) as loads:
        for _ in range(rounds):
            pair.restart(0)
            pair.restart(1)

    report(figure, f"{rounds} rolling restarts of two instances", loads)
    assert {kind: [] for kind in loads} == {kind: failed(load) for kind, load in loads.items()}


def test_without_draining_restarts_do_cost_requests(serve, behind, models, figure):
    """This shows that the test above can fail: an instance that stops at once loses requests."""
    pair = Pair(serve, models / "1", 0)
    with pair.loaded(behind) as loads:
        for restarts in range(1, 11):
            pair.restart(restarts % 2)
            lost = sum(len(failed(load)) for load in loads.values())
            if lost:
                break

    figure("Restarts", "restarts without draining, until one costs a request", "1 to 10", f"{restarts}: {lost} failed")
    assert lost


def test_swaps_of_the_model_cost_no_request_and_mix_nothing(serve, behind, models, tmp_path, figure):
    """While SIGHUP swaps the model of both instances, each answer's version and content belong together."""
    bundle = tmp_path / "bundle"
    bundle.symlink_to(models / "1")
    pair = Pair(serve, bundle, DRAIN_SECONDS)
    with pair.loaded(behind) as loads:
        for swap in range(scaled(20, 4)):
            (tmp_path / "next").symlink_to(models / str(2 - swap % 2))
            (tmp_path / "next").replace(bundle)
            for server in pair.servers:
                before = eventually(server.workers, "workers")
                server.process.send_signal(signal.SIGHUP)
                eventually(lambda server=server, gone=before: server.without(gone), "new workers")
                assert str(2 - swap % 2) == server.model()["version"]

    report(figure, f"{scaled(20, 4)} swaps between two models", loads)
    assert {kind: [] for kind in loads} == {kind: failed(load) for kind, load in loads.items()}
    assert all(seen(load) == ANSWERS for load in loads.values())
