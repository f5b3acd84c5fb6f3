"""How long a server that has not served yet takes to stop."""

import signal
import time

import pytest

from tests.system.conftest import DEADLINE
from tests.system.own_code import LONG_STEPS

SECONDS = 1


def seconds_to_stop(server, number=signal.SIGTERM):
    """Send a signal; return how long the server takes to end."""
    start = time.monotonic()
    server.process.send_signal(number)
    server.process.wait(DEADLINE)
    return time.monotonic() - start


def test_a_start_can_be_stopped_within_a_second_at_any_moment(launch, figure):
    """Asked to stop at each tenth of a second of its start, until it has been ready, it is gone within a second."""
    took, ready = [], False
    while not ready and len(took) < 100:
        server = launch(WEB_CONCURRENCY="2", GRACE_SECONDS="60", BOOT_SECONDS="60")
        time.sleep(len(took) / 10)
        ready = "ready: 2 workers" in server.errors
        took.append(seconds_to_stop(server))

    assert ready
    assert max(took) < SECONDS
    figure("Restarts", "SIGTERM at each tenth of a second of a start", "gone within 1 s", f"{max(took):.2f} s at most")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("how", LONG_STEPS)
@pytest.mark.parametrize("where", ["load", "predict"])
def test_a_long_step_does_not_delay_the_stop(start_of_long, where, how, number):
    """While loading or proving the model takes a minute, the server is gone within a second of a signal."""
    server, _ = start_of_long(where, how)

    assert seconds_to_stop(server, number) < SECONDS
