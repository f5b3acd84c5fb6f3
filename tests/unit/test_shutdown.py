"""What the signals to stop do to the master."""

import signal

import pytest

from service.process_table import ProcessTable, WorkerStatus
from service.server.shutdown import Shutdown, StopRequested


@pytest.fixture
def state():
    """Return the state of a server that has served."""
    state = ProcessTable()
    state.set_status("w0", WorkerStatus.READY)
    return state


def test_sigterm_starts_a_drain_that_ends(state):
    """The server is not ready from the signal on, and goes on for the time of the drain."""
    shutdown = Shutdown(state, 3600)
    assert 5 == shutdown.at_most(5)

    shutdown.signalled(signal.SIGTERM)

    assert (True, True, False) == (state.server.draining, shutdown.draining, shutdown.is_over())
    assert 3500 < shutdown.at_most(5000) <= 3600


def test_there_is_no_drain_before_the_first_worker_is_ready():
    """No load balancer has sent anything yet."""
    shutdown = Shutdown(ProcessTable(), 3600)

    shutdown.signalled(signal.SIGTERM)

    assert shutdown.is_over()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_signal_to_stop_interrupts_what_takes_long(state, number):
    """Whether it comes before or meanwhile; other signals do not."""
    shutdown = Shutdown(state, 0)

    def signalled(sig):
        shutdown.signalled(sig)
        shutdown.interrupt()

    shutdown.interruptibly(lambda: signalled(signal.SIGHUP))
    with pytest.raises(StopRequested):
        shutdown.interruptibly(lambda: signalled(number))
    with pytest.raises(StopRequested):
        shutdown.interruptibly(lambda: pytest.fail("it began"))


def test_a_signal_to_stop_interrupts_nothing_else(state):
    """The master's main loop sees it at its next turn."""
    shutdown = Shutdown(state, 0)

    shutdown.signalled(signal.SIGINT)
    shutdown.interrupt()

    assert shutdown.requested
