"""The worker: an event loop collects requests and sends answers, so that no slow client occupies a thread.

gunicorn's gthread gives a connection a thread at its first bytes, and reads the request and writes the answer in that
thread, so a few slow clients stop it. Here a thread gets a request only when all of it has arrived, as behind a
buffering proxy, and quick requests need no thread at all.

This uses gunicorn's base class for workers (gunicorn.workers.base.Worker), and nothing of its other workers.
"""

import math
import os
import sys
import time
from functools import partial
from typing import Any, Final

from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker as BaseWorker

from service.config.settings import Settings
from service.process_table import STATES, ProcessTable, WorkerStatus
from service.server.accept import Acceptor
from service.server.connections import Connections
from service.server.dispatch import ERRAND_THREADS, Dispatcher, Pages, Threads, started
from service.server.event_loop import EventLoop, Periodic
from service.server.interfaces import NO_EVENTS, WorkerEvents
from service.server.orphans import stop_listening
from service.server.wsgi import Exchange

ORPHAN_SECONDS: Final = 1.5  # for what is in flight when the master has gone
BUSY_SECONDS: Final = 0.2  # how long an orphan's main loop has to close the listeners itself
NO_PAGES: Final = Pages()
READY, STOPPING, HUNG = map(STATES.index, ("ready", "stopping", "hung"))


class Worker(BaseWorker):  # type: ignore[misc]  # gunicorn ships no types
    """The worker class of this service: creates the parts that serve, and lets them take turns in one loop."""

    alive: bool  # gunicorn's attribute: whether the worker goes on
    slot: str
    told_to_end = False  # set in the master
    left = False  # set in the master: the worker has ended because of max_requests

    def init_process(self) -> None:
        """Start all threads first: a worker that cannot start them is replaced before it serves."""
        try:
            self._threads = Threads(predicting=started(self.cfg.threads), errands=started(ERRAND_THREADS))
        except RuntimeError as error:
            self.log.error("no worker without its %s threads: %s", self.cfg.threads, error)  # noqa: TRY400  # one line
            sys.exit(Arbiter.WORKER_BOOT_ERROR)
        self._loop = EventLoop()
        super().init_process()

    def set_up(
        self, settings: Settings, processes: ProcessTable, events: WorkerEvents = NO_EVENTS, pages: Pages = NO_PAGES
    ) -> None:
        """Create the parts that serve; the worker's row of `processes` shows what it does."""
        self._server, self._row, self._events = processes.server, processes.row(self.slot), events
        self._peers = [processes.row(f"w{number}") for number in range(2 * settings.web_concurrency)]
        self._periodic = Periodic(self._report, self.log)
        exchange = Exchange(self.wsgi, multiprocess=self.cfg.workers > 1)
        self._dispatcher = Dispatcher(
            self._loop, self._threads, settings, pages, exchange, self._count_request, self.log
        )
        publish_count = partial(setattr, self._row, "connections")
        self._connections = Connections(
            self._loop, settings, self.cfg.keepalive, events, self._dispatcher.add, publish_count
        )
        self._dispatcher.connect(self._connections, self._hang)
        self._acceptor = Acceptor(
            self._loop,
            self.sockets,
            self._connections,
            self.cfg.worker_connections,
            self._mean_connections,
            self._dispatcher.is_busy,
            events,
            self.log,
        )

    def _hang(self) -> None:
        """Ask the master to replace this worker."""
        self._row.status = WorkerStatus.HUNG
        self._periodic.call()  # so that the next scrape shows it

    def _mean_connections(self) -> float:
        """Return how many connections the ready workers have on average."""
        counts = [row.connections for row in self._peers if row.status == WorkerStatus.READY]
        return sum(counts) / max(1, len(counts))

    def run(self) -> None:
        """Serve until told to stop, then answer the requests in flight within `graceful_timeout`.

        The worker then ends, even if a thread has not returned.
        """
        while self.alive and self._has_master():
            self._acceptor.resume()
            self._turn()
        self._periodic.call()  # so that the next scrape shows that the worker stops
        self._acceptor.stop(take_last=bool(self._server.draining))
        self._connections.wind_down()
        until = time.monotonic() + self.cfg.graceful_timeout
        while self._connections.count > 0 and time.monotonic() < until:
            self._turn()
        self._connections.drop_idle()
        all_returned = self._dispatcher.shut_down()
        self._loop.close()
        for listener in self.sockets:
            listener.close()
        if not all_returned:
            self._events.threads_abandoned()
        self._periodic.call()
        self._events.leaving(max(0.0, until - time.monotonic()), self.notify)
        if not all_returned:
            os._exit(0)  # Python would wait for the threads
        if self.nr >= self.max_requests:
            self._row.status = WorkerStatus.LEFT

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Handle SIGTERM: end when the requests in flight have been answered."""
        super().handle_exit(sig, frame)
        self._loop.call(lambda: None)  # wakes the loop

    def orphaned(self) -> None:
        """End soon, because the master has gone; runs in a thread of its own, because the main loop may be busy."""
        if not self.booted:
            os._exit(0)
        self._loop.call(self._leave)
        time.sleep(BUSY_SECONDS)
        stop_listening(self.sockets)
        time.sleep(ORPHAN_SECONDS - BUSY_SECONDS)
        self._events.threads_abandoned()
        os._exit(0)

    def _turn(self) -> None:
        """Handle the pending events, then answer requests for a few milliseconds.

        So new connections and health checks are noticed soon, however many requests wait.
        """
        self.notify()
        now = time.monotonic()
        waits = self._periodic.longest_wait(now), self._dispatcher.longest_wait(), self._connections.longest_wait(now)
        self._loop.turn(min(*waits, self._acceptor.longest_wait(now) if self.alive else math.inf))
        self._dispatcher.answer_ready()
        self._connections.end_overdue()
        self._dispatcher.end_overdue()
        self._periodic.call_if_due()

    def _report(self) -> None:
        """Write into the table what this worker is doing, and have its counts written."""
        row, dispatcher, connections = self._row, self._dispatcher, self._connections
        row.computed(time.process_time())
        row.state = HUNG if dispatcher.hangs else READY if self.alive else STOPPING
        row.queued, row.most_queued = dispatcher.queued, dispatcher.most_waiting
        row.idle, row.sending = len(connections.idle), connections.sending
        row.reading = len(connections.transferring) - row.sending
        row.answering = connections.count - row.idle - row.reading - row.sending
        row.most_connections = self._acceptor.most
        self._events.periodic()

    def _has_master(self) -> bool:
        """Return whether the master is alive; if it is not, begin to end."""
        if self.ppid == os.getppid():
            return True
        self.log.info("the master has gone, so this worker ends")
        self._leave()
        return False

    def _leave(self) -> None:
        """Make the loop stop accepting, answer the requests that have arrived, and end."""
        self.alive, self._server.draining = False, True

    def _count_request(self) -> bool:
        """Count a request; return whether its connection may be kept open."""
        self.nr += 1
        if self.alive and self.nr >= self.max_requests:
            self.log.info("this worker is replaced after max_requests=%s", self.max_requests)
            self.alive = False
        return self.alive and self.cfg.keepalive > 0 and not self._server.draining
