"""Ten times what the server can do: it does what it can, and says at once to the rest that it is busy."""

import json
import statistics
import time

from tests.badinput import JSON
from tests.system.reliability import owncode
from tests.system.reliability.figures import scaled
from tests.system.reliability.load import Load, for_seconds, quantile

# So long that ten times the server's capacity is a small load for its client, which has the same CPUs.
COMPUTING_SECONDS = 0.1
WORKERS = 2
ONE = ("POST", "/predict", json.dumps({"features": [9.0]}), JSON)


def answered(load, since, until):
    """Return how many predictions per second were answered in a span of time."""
    ends = [answer.at + answer.seconds for answer in load.answers if answer.status == 200]
    return sum(since <= end < until for end in ends) / (until - since)


def test_ten_times_the_capacity_costs_nothing_of_it(serve, figure, tmp_path):
    """Goodput, the time of a refusal, health all the while, and the peak again within two seconds."""
    server = serve(owncode.make(tmp_path, COMPUTING_SECONDS), MODEL_CODE=str(tmp_path), WEB_CONCURRENCY=str(WORKERS))
    seconds = scaled(30, 8)
    peak = for_seconds(scaled(10, 5), server.port, clients=2 * WORKERS, request=ONE).rate
    with (
        Load(server.port, clients=1, rate=20, request=("GET", "/health/live")) as live,
        Load(server.port, clients=1, rate=20, request=("GET", "/health/ready")) as ready,
    ):
        flood = for_seconds(seconds, server.port, clients=100, rate=10 * peak, request=ONE)
    after = for_seconds(4, server.port, clients=2 * WORKERS, request=ONE)

    refused = [answer for answer in flood.answers if answer.status == 503]
    quick = statistics.median(answer.seconds for answer in refused)
    back = answered(after, after.answers[0].at + 2, after.answers[0].at + 4)
    offered = len(flood.answers) / seconds / peak
    healthy = [quantile(load.answers, 0.99) for load in (live, ready)]
    print(peak, offered, flood.rate / peak, quick, healthy, back / peak, len(flood.lost), time.monotonic())
    report(figure, flood.rate / peak, quick, healthy, back / peak, f"{offered:.1f} times {peak:.0f}/s for {seconds} s")
    assert {200, 503} == flood.statuses()
    assert {200} == live.statuses() | ready.statuses()
    assert offered > 8
    assert flood.rate >= 0.9 * peak
    assert quick < 0.05
    assert max(healthy) < 0.1
    assert back >= 0.9 * peak


def report(figure, goodput, quick, healthy, back, load):
    """Write the figures of one overload."""
    figure("Overload", "load", "10 times the peak", load)
    figure("Overload", "goodput", "at least 90 % of the peak", f"{100 * goodput:.0f} %")
    figure("Overload", "time of a 503, median", "less than 50 ms", f"{1e3 * quick:.1f} ms")
    for name, seconds in zip(("live", "ready"), healthy, strict=True):
        figure("Overload", f"/health/{name}, p99", "less than 100 ms", f"{1e3 * seconds:.1f} ms")
    figure("Overload", "throughput two seconds later", "the peak", f"{100 * back:.0f} %")
