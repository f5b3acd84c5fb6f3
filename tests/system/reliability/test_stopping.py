"""How long a server that has not served yet takes to stop."""

import signal
import time

import pytest

from tests.system.conftest import DEADLINE, eventually, moments
from tests.system.own_code import INTERRUPTED

SECONDS = 1


def seconds_to_stop(server, number=signal.SIGTERM):
    """Send a signal; return how long the server takes to end."""
    start = time.monotonic()
    server.process.send_signal(number)
    server.process.wait(DEADLINE)
    return time.monotonic() - start


def test_a_start_can_be_stopped_within_a_second_at_any_moment(launch, figure):
    """Asked to stop at a moment of its start, or when it is ready, it is gone within a second."""

    def start():
        return launch(WEB_CONCURRENCY="2", GRACE_SECONDS="60", BOOT_SECONDS="60")

    began, server = time.monotonic(), start()
    eventually(lambda: "ready: 2 workers" in server.errors, "ready")
    found, took = moments(time.monotonic() - began), [seconds_to_stop(server)]
    for moment in found:
        server = start()
        time.sleep(moment)
        took.append(seconds_to_stop(server))

    assert max(took) < SECONDS
    figure("Restarts", "SIGTERM at moments all over a start", "gone within 1 s", f"{max(took):.2f} s at most")


@pytest.mark.parametrize(("where", "how", "number"), INTERRUPTED, ids=lambda value: getattr(value, "name", value))
def test_a_long_step_does_not_delay_the_stop(start_of_long, where, how, number):
    """While loading or proving the model takes a minute, the server is gone within a second of a signal."""
    server, _ = start_of_long(where, how)

    assert seconds_to_stop(server, number) < SECONDS
