"""Whether and when the server stops: SIGTERM starts a drain, SIGINT and SIGQUIT stop it at once."""

import os
import signal
import time
from collections.abc import Callable
from typing import Any

from service.process_table import ProcessTable
from service.server.early_signals import STOPS


class StopRequested(Exception):
    """A signal to stop has interrupted a longer task."""


class Shutdown:
    """What the signals to stop have asked for. Times are by the monotonic clock."""

    def __init__(self, processes: ProcessTable, drain_seconds: float) -> None:
        self._server, self._drain_seconds = processes.server, drain_seconds
        self._pid = os.getpid()
        self._interruptible = False
        self._announced = False
        self._deadline: float | None = None
        self.requested = False

    def signalled(self, sig: int) -> None:
        """Note a signal; SIGTERM makes the server unready at once, whatever the master is doing.

        Before any worker has been ready, no load balancer has sent anything, so the server stops without a drain.
        """
        self.requested = self.requested or sig in STOPS
        if sig == signal.SIGTERM and self._deadline is None and os.getpid() == self._pid:
            self._deadline = time.monotonic() + (self._drain_seconds if self._server.proven else 0)
            self._server.draining = True

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt if a signal to stop has come during `interruptibly`."""
        if self._interruptible and self.requested:
            self._interruptible = False
            raise KeyboardInterrupt

    def interruptibly(self, work: Callable[[], None]) -> None:
        """Do work that may take long; raises StopRequested if a signal to stop has come, or as soon as one comes."""
        try:
            self._interruptible = True
            try:
                if self.requested:
                    raise KeyboardInterrupt
                work()
            finally:
                self._interruptible = False
        except KeyboardInterrupt:
            raise StopRequested from None

    @property
    def draining(self) -> bool:
        """Whether SIGTERM has come."""
        return self._deadline is not None

    def is_over(self) -> bool:
        """Return whether the drain is over."""
        return self._deadline is not None and time.monotonic() >= self._deadline

    def at_most(self, seconds: float) -> float:
        """Return how long to wait for a signal: `seconds`, but at most until the drain is over."""
        left = seconds if self._deadline is None else self._deadline - time.monotonic()
        return max(0.0, min(seconds, left))

    def announce(self, log: Any, count: Callable[[bool], object]) -> None:
        """Log and count the beginning and the end of a drain, also of one by `python -m service.server.drain`."""
        draining = bool(self._server.draining)
        if draining != self._announced:
            log.info("draining: not ready, but answering" if draining else "no longer draining")
            count(draining)
            self._announced = draining
