"""The worker's main loop: events of connections, requests that need no thread, timeouts, and how the worker ends."""

import math
import selectors
import time
from collections.abc import Callable
from resource import RUSAGE_THREAD, getrusage
from typing import Any, Final

from gunicorn.workers.gthread import ThreadWorker

from service.server.connection import Connection

TURN_SECONDS: Final = 1.0  # without any event; the master ends a worker that gives no sign of life
LINGER_SECONDS: Final = 2.0  # for which a worker that stops keeps idle connections: a request may be on its way


class EventLoopWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """Runs the loop; what is done about each event is decided in the classes below this one."""

    alive: bool  # gunicorn's: whether the worker goes on
    nr_conns: int  # gunicorn's: how many connections there are
    # Connections without a request, and those whose request or answer is on its way, in the order of their timeouts.
    idle: dict[Connection, None]
    transferring: dict[Connection, None]
    _switches = 0  # voluntary context switches of the loop's thread before this turn

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """Find nothing wrong with fewer connections than threads: idle ones are kept as long as there is room."""

    def run(self) -> None:
        """Serve until told to stop, then answer what is in flight within `graceful_timeout`."""
        self.poller.register(self.method_queue.fileno(), selectors.EVENT_READ, self.method_queue.run_callbacks)
        while self.alive and self.is_parent_alive():
            self._turn()
        self.stop_accepting()
        now = time.monotonic()
        for conn in self.idle:
            conn.timeout = min(conn.timeout, now + LINGER_SECONDS)
        while self.nr_conns > 0 and time.monotonic() < now + self.cfg.graceful_timeout:
            self._turn()
        for conn in tuple(self.idle):
            self.drop(conn)
        self.tpool.shutdown(wait=False)
        self.poller.close()
        self.method_queue.close()
        for listener in self.sockets:
            listener.close()

    def _turn(self) -> None:
        """Handle the events there are, then answer requests for a few milliseconds.

        However many wait to be answered, new connections and health checks are seen soon.
        """
        self.notify()
        self.tend_listeners()
        events = self.poller.select(max(0.0, self.longest_wait()))
        self._switches = getrusage(RUSAGE_THREAD).ru_nvcsw
        for key, _ in events:
            handle: Callable[[Any], None] = key.data
            handle(key.fileobj)
        self.answer_ready()
        self.end_overdue()

    def has_blocked(self) -> bool:
        """Say whether the loop has waited for anything in this turn.

        If not, what took long had to wait for a CPU, which other processes had.
        """
        before, self._switches = self._switches, getrusage(RUSAGE_THREAD).ru_nvcsw
        return self._switches > before

    def longest_wait(self) -> float:
        """Return how long to wait for an event: until the next timeout, and TURN_SECONDS at most."""
        until = math.inf
        for waiting in (self.idle, self.transferring):
            for first in waiting:
                until = min(until, first.timeout)
                break
        return min(TURN_SECONDS, until - time.monotonic())

    def tend_listeners(self) -> None:
        """Wait for new connections, or cease to."""
        raise NotImplementedError

    def answer_ready(self) -> None:
        """Answer requests that need no thread, for a few milliseconds."""
        raise NotImplementedError

    def stop_accepting(self) -> None:
        """Accept no more."""
        raise NotImplementedError

    def end_overdue(self) -> None:
        """End what has taken too long."""
        raise NotImplementedError

    def drop(self, conn: Connection) -> None:
        """End a connection that waits."""
        raise NotImplementedError
