"""Many clients of a quick model at once: each gets its share, and health checks are answered soon."""

import json
import resource
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass

import pytest

from tests.conftest import ROOT
from tests.system.conftest import DEADLINE, eventually
from tests.system.reliability.figures import scaled
from tests.system.reliability.fronts import FRONTS

WORKERS = 2
ROUNDS = 3
PROBES = ("/health/live", "/health/ready")
PROBES_PER_SECOND = 20
DESCRIPTORS = 8192
# By connections: within what time health checks are answered (p99), and every connection gets an answer, in seconds.
BOUNDS = {64: (0.1, 2.0), 256: (0.1, 2.0), 1000: (0.3, 5.0), 2000: (0.6, 5.0)}
KINDS = ("predictions", "half of it other pages")
PREDICTIONS = ("/predict",)
# How many seconds a round of the short run takes, by connections: each of them is to get several answers.
SHORT_SECONDS = {64: 3, 256: 3, 1000: 8, 2000: 8}
# The proxies answer themselves for the pages that are an operator's.
MIXED = {
    "direct": ("/predict", "/metrics", "/predict", "/v2/models/stats"),
    "nginx": ("/predict", "/model"),
    "haproxy": ("/predict", "/model"),
}


@dataclass(frozen=True)
class Round:
    """What clients in a closed loop, and the health checks beside them, saw."""

    rate: float
    health_p99: float
    longest_wait: float
    jain: float
    refused: int

    def holds(self, connections):
        """Return whether all figures are within the bounds for so many connections."""
        health, wait = BOUNDS[connections]
        return self.health_p99 < health and self.longest_wait < wait and self.jain >= 0.9 and not self.refused


def program(name, *arguments):
    command = [sys.executable, "-m", f"tests.system.reliability.{name}", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)


def crowd(port, connections, seconds, paths):
    """Load a server with so many connections and return what they and the prober saw."""
    prober = program("prober", port, seconds, PROBES_PER_SECOND, *PROBES)
    load = program("closedloop", port, connections, seconds, *paths)
    seen, health = (json.loads(process.communicate()[0]) for process in (load, prober))
    return Round(
        seen["rate"],
        max(each["p99"] for each in health.values()),
        seen["longest_wait"],
        seen["jain"],
        sum(number for status, number in seen["statuses"].items() if status != "200")
        + sum(each["failed"] for each in health.values()),
    )


def best_of(port, connections, seconds, paths):
    """Return the first round that holds, else all: a busy machine spoils some rounds, a server that stalls each one."""
    rounds = []
    while len(rounds) < ROUNDS and not (rounds and rounds[-1].holds(connections)):
        rounds.append(crowd(port, connections, seconds, paths))
    return rounds


@pytest.fixture(scope="module", autouse=True)
def _many_descriptors():
    """Raise the limit of descriptors, which the load and the proxies inherit."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(DESCRIPTORS, before[1]), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def bounds(front, kind):
    """Return BOUNDS; in a short run every other, so that each front and each kind of requests has each number once."""
    every_other = list(BOUNDS)[(list(FRONTS).index(front) + KINDS.index(kind)) % 2 :: 2]
    return {count: BOUNDS[count] for count in scaled(BOUNDS, every_other)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("front", FRONTS)
def test_a_crowd_is_served_in_turn_and_health_checks_at_once(serve, behind, figure, front, kind):
    """From 64 to 2,000 kept-alive connections in a closed loop: none starves, none is refused, health is answered."""
    port = behind(front, *[serve(WEB_CONCURRENCY=str(WORKERS), LOG_SHARE="0")] * 2).port
    paths = PREDICTIONS if kind == KINDS[0] else MIXED[front]
    for connections, (health, wait) in bounds(front, kind).items():
        rounds = best_of(port, connections, scaled(20, SHORT_SECONDS[connections]), paths)
        seen = rounds[-1]
        figure(
            "Crowds",
            f"{connections} connections, {front}, {kind}",
            f"health p99 < {1000 * health:.0f} ms, no wait over {wait:.0f} s, Jain's index >= 0.9, none refused",
            f"{1000 * seen.health_p99:.0f} ms, {seen.longest_wait:.2f} s, {seen.jain:.2f}, {seen.refused}; "
            f"{seen.rate:.0f} answers/s",
        )
        assert seen.holds(connections), list(map(asdict, rounds))


def test_a_crowd_costs_hardly_any_throughput(serve, figure):
    """256 connections get as many answers per second as 16, apart from the machine's noise."""
    port = serve(WEB_CONCURRENCY=str(WORKERS), LOG_SHARE="0").port
    ratios = []
    while len(ratios) < ROUNDS and not (ratios and max(ratios) >= 0.85):
        few, many = (crowd(port, count, scaled(10, 4), PREDICTIONS).rate for count in (16, 256))
        ratios.append(many / few)
    figure("Crowds", "throughput of 256 connections", "at least 85 % of that of 16", f"{100 * max(ratios):.0f} %")
    assert max(ratios) >= 0.85, ratios


@contextmanager
def many(port, count, content):
    """Hold so many connections open that have sent only these bytes."""
    with ExitStack() as clients:
        for _ in range(count):
            client = clients.enter_context(socket.create_connection(("127.0.0.1", port), DEADLINE))
            with suppress(OSError):  # closed already, in favour of a later one
                client.sendall(content)
        yield


@pytest.mark.parametrize("environ", [{}, {"WORKER_CONNECTIONS": "500"}], ids=["room for all", "no room"])
@pytest.mark.parametrize("content", [b"", b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Le"], ids=["idle", "half"])
def test_five_thousand_connections_that_ask_for_nothing_cost_no_worker(serve, figure, content, environ):
    """Beside 5,000 connections that ask for nothing, predictions go on and none is refused; no worker is lost."""
    server = serve(WEB_CONCURRENCY=str(WORKERS), LOG_SHARE="0", **environ)
    workers = eventually(server.workers, "workers")
    with many(server.port, 5000, content):
        seen = crowd(server.port, 64, scaled(20, 4), PREDICTIONS)

    assert sorted(workers) == sorted(eventually(server.workers, "workers"))
    assert server.metric("workers_lost_total") == 0
    kind = "half-sent requests" if content else "idle connections"
    figure(
        "Crowds",
        f"5,000 {kind}, {'room for 1,000' if environ else 'room for all'}",
        "no worker lost; 64 connections go on",
        f"none lost; longest wait {seen.longest_wait:.2f} s, health p99 {1000 * seen.health_p99:.0f} ms",
    )
    assert not seen.refused
    assert seen.longest_wait < 2
