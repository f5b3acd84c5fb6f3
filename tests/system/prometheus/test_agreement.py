"""What Prometheus says agrees with what clients have seen: counts, rates, quantiles; across kills and reloads too."""

import json
import math
import os
import signal
import time
from contextlib import ExitStack

import pytest

from tests.badinput import JSON
from tests.system import sleeping
from tests.system.conftest import DEADLINE, eventually
from tests.system.reliability.load import Load, quantile

# Of ten clients, so many ask for predictions that take so long: the quantiles are far from the edges of buckets.
CLIENTS = {0.016: 6, 0.07: 3, 0.16: 1}
MEASURED_SECONDS = 8
LOST = 'sum(mlservice_workers_lost_total{reason="died"})'
COUNTERS = '{__name__=~"mlservice_.*_(total|count|bucket)"}'


def total(prometheus):
    return prometheus.value("sum(mlservice_requests_total)")


@pytest.fixture
def measured(launch, sleeper, watch):
    """Load a server whose answers take known times; return its Prometheus, and the answers with their Unix times."""
    server = launch(**sleeper, WEB_CONCURRENCY="2")
    eventually(lambda: "Listening at" in server.errors, "scikit-learn and the model loaded", deadline=3 * DEADLINE)
    server.wait_until_ready()
    prometheus = watch(server)
    eventually(prometheus.scraped, "a scrape")
    with ExitStack() as running:
        loads = [
            running.enter_context(
                Load(server.port, clients, request=("POST", "/predict", json.dumps(sleeping.sleeping(seconds)), JSON))
            )
            for seconds, clients in CLIENTS.items()
        ]
        time.sleep(MEASURED_SECONDS)
    return prometheus, [answer for load in loads for answer in load.answers]


def test_counts_rates_and_quantiles_agree_with_the_clients(measured):
    """Counts are equal, the rate in the midst differs by at most a tenth, and quantiles are in the same bucket.

    Or in the next one: the clients' times hold the way to the server and back, too. Between few answers, the clients'
    quantiles jump, so that those half a percent beside count as well.
    """
    prometheus, answers = measured
    eventually(lambda: total(prometheus) == len(answers), "all requests counted")
    edges = {float(each["le"]) for each in prometheus.series("mlservice_request_duration_seconds_bucket")}
    buckets = 'sum by (le) (mlservice_request_duration_seconds_bucket{outcome="ok"})'
    for share in (0.5, 0.9, 0.99):
        seen = prometheus.value(f"histogram_quantile({share}, {buckets})")
        low, high = quantile(answers, share - 0.005), quantile(answers, share + 0.005)
        assert sum(seen < edge < low for edge in edges) <= 1, (share, low, seen)
        assert seen <= min(edge for edge in edges if edge >= high), (share, high, seen)

    now, end = time.time() - time.monotonic(), max(answer.at for answer in answers) - 1
    seen = prometheus.value("sum(rate(mlservice_requests_total[5s]))", time=now + end)
    had = sum(end - 5 < answer.at + answer.seconds <= end for answer in answers) / 5
    assert abs(seen - had) < 0.1 * had, (seen, had)


def test_no_counter_falls_when_workers_are_killed_or_the_model_is_reloaded(serve, watch):
    """Each answer that a client got is counted, whoever gave it, and Prometheus sees no reset."""
    server = serve(WEB_CONCURRENCY="2")
    prometheus = watch(server)
    eventually(prometheus.scraped, "a scrape")
    began = time.monotonic()
    with Load(server.port, clients=4, rate=200) as load:
        for count in (1, 2):
            killed = server.workers()[0]
            os.kill(killed, signal.SIGKILL)
            eventually(lambda killed=killed: server.without([killed]), "another worker")
            eventually(lambda count=count: prometheus.value(LOST) == count, "the kill counted")
        before = server.workers()
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: server.without(before), "new workers")
        eventually(lambda: prometheus.value("sum(mlservice_model_reloads_total)") == 1, "the reload counted")
    answered = sum(answer.status == 200 for answer in load.answers)

    eventually(lambda: total(prometheus) >= answered, "the answers counted")
    series = prometheus.data("query", query=f"{COUNTERS}[{math.ceil(time.monotonic() - began)}s]")["result"]
    counts = {str(each["metric"]): [float(value) for _, value in each["values"]] for each in series}
    assert counts
    assert {} == {name: values for name, values in counts.items() if values != sorted(values)}
    assert answered <= total(prometheus) <= len(load.answers)
