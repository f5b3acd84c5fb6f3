"""The part of the worker that decides what answers a request: a thread, the main loop itself, or a thread later."""

import math
import time
from collections import deque
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from service.config.settings import Settings
from service.server import error_responses
from service.server.accept import AcceptingWorker
from service.server.connection import Connection
from service.server.pace import LATE_SECONDS, SLOW_SECONDS, Paces
from service.server.wsgi import Exchange

# For each thread that predicts, so many requests of a slow model wait for one before others are refused at once.
WAITING_FOR_EACH: Final = 2
ANSWERING_SECONDS: Final = 0.005  # for which requests are answered before the loop looks for events again
ERRAND_THREADS: Final = 2


@dataclass(frozen=True)
class Pages:
    """The paths of health checks, and of what takes long to read; all else that is no prediction is answered soon."""

    probes: AbstractSet[str] = frozenset()
    scrapes: AbstractSet[str] = frozenset()


class HandingWorker(AcceptingWorker):
    """Hands whole requests to threads, or has the main loop answer them.

    Predictions take at most `most_working` threads, and others wait here; those of a quick model need none. Scrapes
    have two threads of their own. All else is answered in the main loop, health checks and others in turns, so that
    neither waits for the other.
    """

    most_working: int
    paces: Paces
    pages: Pages
    working: dict[Connection, float]  # what a thread predicts, and since when (monotonic clock), the oldest first
    errands: dict[Connection, float]  # likewise what a thread does beside predicting; infinity is what still waits
    errand_pool: ThreadPoolExecutor
    hung: set[Connection]  # what has a thread that does not come back
    backlog: deque[Connection]  # what waits for a thread
    exchange: Exchange

    def begin(self, settings: Settings, pages: Pages) -> None:
        """Take the limits to keep."""
        self.most_working, self.pages, self.paces = settings.threads, pages, Paces()
        self.working, self.errands, self.hung, self.backlog = {}, {}, set(), deque()
        # What waits for the main loop: health checks, quick predictions, what is neither.
        self.probes, self.next, self.others = deque[Connection](), deque[Connection](), deque[Connection]()
        self._turns = deque((self.probes, self.next, self.others))
        self.exchange = Exchange(self.wsgi, multiprocess=self.cfg.workers > 1)

    def hand(self, conn: Connection) -> None:
        """Have a request answered that has arrived whole."""
        request = conn.request
        posts = request.method == "POST"
        pace = conn.pace = self.paces.of(request.size) if posts else None
        if pace is not None and pace.allows() and (not self.working or self._soon()):
            self.next.append(conn)
        elif posts:
            self.unregister(conn)
            self.backlog.append(conn)
            self.hand_next()
        elif request.path in self.pages.scrapes:
            self.unregister(conn)
            self.errands[conn] = math.inf
            self._submit(self.errand_pool, conn)
        else:
            (self.probes if request.path in self.pages.probes else self.others).append(conn)

    def hand_next(self) -> None:
        """Give requests that wait for a thread one, as far as there are any."""
        while self.backlog and not self.all_threads_work():
            conn = self.backlog.popleft()
            self.working[conn] = time.monotonic()
            self._submit(self.tpool, conn)

    def answer_ready(self) -> None:
        """Answer requests that need no thread for a few milliseconds; refuse what would wait for too long."""
        if self.next and self.working and not self._soon():
            for conn in self.next:
                self.unregister(conn)
            self.backlog.extend(self.next)
            self.next.clear()
        self.hand_next()
        until = 0.0
        while ready := self._next_ready():
            now = time.monotonic()
            until = until or now + ANSWERING_SECONDS
            self._answer_here(ready)
            if now >= until:
                break

    def _next_ready(self) -> Connection | None:
        """Return what the loop is to answer next: health checks, predictions and others in turns."""
        if self.probes or self.next or self.others:
            for _ in range(3):
                self._turns.rotate(-1)
                queue = self._turns[0]
                if queue and (queue is not self.next or not self.working):
                    return queue.popleft()
        if self._waits_too_long():
            conn = self.backlog.pop()
            conn.request.shed = True
            return conn
        return None

    def all_threads_work(self) -> bool:
        """Say whether every thread that predicts is at work."""
        return len(self.working) >= self.most_working

    def longest_wait(self) -> float:
        """Return how long to wait for an event: not at all where a request waits for the loop."""
        if self.probes or self.others or self._waits_too_long() or (self.next and not self.working):
            return 0.0
        seconds = super().longest_wait()
        if self.next:
            seconds = min(seconds, SLOW_SECONDS)  # then it gets a thread
        return min(seconds, LATE_SECONDS) if len(self.backlog) > self._most_waiting else seconds

    @property
    def _most_waiting(self) -> int:
        return WAITING_FOR_EACH * self.most_working

    def _waits_too_long(self) -> bool:
        """Say whether the last request of the backlog would wait for others that take long."""
        if len(self.backlog) <= self._most_waiting:
            return False
        pace = self.backlog[-1].pace
        if pace is None or not pace.known:
            return time.monotonic() - self._began() > LATE_SECONDS
        return pace.slow

    def _began(self) -> float:
        """Return since when the thread that works longest does so, 0 where none works."""
        return next(iter(self.working.values()), 0.0)

    def _soon(self) -> bool:
        """Say whether the threads are about to be done: what they work on is quick, and has not been found slow."""
        return time.monotonic() - self._began() < SLOW_SECONDS and all(
            conn.pace and conn.pace.allows() for conn in self.working
        )

    def _submit(self, pool: ThreadPoolExecutor, conn: Connection) -> None:
        future = pool.submit(self.handle, conn)
        future.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))

    def handle(self, conn: Connection) -> bool:
        """Answer a request, in a thread."""
        if conn in self.errands:
            self.errands[conn] = time.monotonic()
        start, computed = time.monotonic(), time.thread_time()
        keeps = self._handle(conn)
        if conn.pace:
            conn.pace.in_thread(time.thread_time() - computed, time.monotonic() - start)
        return keeps

    def _answer_here(self, conn: Connection) -> None:
        start, computed = time.monotonic(), time.thread_time()
        conn.keeps = self._handle(conn)
        if conn.pace and not conn.request.shed:
            computed, taken = time.thread_time() - computed, time.monotonic() - start
            conn.pace.in_loop(computed, taken if taken > SLOW_SECONDS and self.has_blocked() else computed)
        self.send(conn)

    def _handle(self, conn: Connection) -> bool:
        self.nr += 1
        if self.alive and self.nr >= self.max_requests:
            self.log.info("this worker is replaced after max_requests=%s", self.max_requests)
            self.alive = False
        keep = self.alive and self.cfg.keepalive > 0 and not self.state.draining
        try:
            keeps = self.exchange.answer(conn, conn.request, keep=keep)
        except Exception:  # whatever the application raises
            self.log.exception("a request failed in the worker")
            conn.sock.sendall(error_responses.answer("internal_error", heads=conn.request.is_head))
            keeps = False
        if conn in self.hung:
            return False  # it has been answered
        try:
            conn.sock.flush()
        except OSError:  # the client has gone
            return False
        return keeps

    def send(self, conn: Connection) -> None:
        """Send what is left of an answer."""
        raise NotImplementedError

    def unregister(self, conn: Connection) -> None:
        """Wait no longer for a connection to be readable."""
        raise NotImplementedError
