"""service.server.event_loop: what a worker does from time to time."""

import itertools
import logging
import time

from service.server.event_loop import PERIOD_SECONDS, Periodic

LOG = logging.getLogger("worker")


def test_it_is_called_at_once_and_then_once_in_each_period():
    """However often the loop asks."""
    calls = []  # when the loop asked, and when the function was called
    asked = time.monotonic()
    periodic = Periodic(lambda: calls.append((asked, time.monotonic())), LOG)

    periodic.call_if_due()
    assert len(calls) == 1
    while len(calls) < 3:
        time.sleep(max(0.0, min(0.01, periodic.longest_wait(time.monotonic()))))
        asked = time.monotonic()
        periodic.call_if_due()

    assert all(called - before >= PERIOD_SECONDS for (before, _), (_, called) in itertools.pairwise(calls))


def test_a_failure_is_logged_once_and_stops_nothing(caplog):
    """A full disk must not end a worker, nor fill its log."""

    def fail():
        raise OSError("full")

    periodic = Periodic(fail, LOG)

    periodic.call()
    periodic.call()

    assert ["what this worker does every 0.5 s has failed"] == [record.getMessage() for record in caplog.records]
