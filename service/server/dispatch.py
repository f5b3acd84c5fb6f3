"""Decides where a request is answered: in a thread, now or later, or in the main loop."""

import math
import socket
import time
from collections import deque
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from threading import Barrier
from typing import Any, Final

from service.config.settings import Settings
from service.server import error_responses
from service.server.connection import Connection
from service.server.connections import Connections
from service.server.event_loop import EventLoop
from service.server.http_request import HttpRequest
from service.server.pace import LATE_SECONDS, SLOW_SECONDS, Paces
from service.server.wsgi import Exchange

# How many requests for a slow model may wait for each prediction thread; further requests are refused at once.
WAITING_FOR_EACH: Final = 2
ANSWERING_SECONDS: Final = 0.005  # how long the loop answers requests before it looks for events again
ERRAND_THREADS: Final = 2


def started(count: int) -> ThreadPoolExecutor:
    """Return a pool whose threads are all started; raises RuntimeError if one cannot be.

    So none has to be started later, when memory may be short.
    """
    pool, all_there = ThreadPoolExecutor(count), Barrier(count + 1)
    try:
        for _ in range(count):
            pool.submit(all_there.wait)
    except RuntimeError:
        all_there.abort()
        pool.shutdown(wait=False)
        raise
    all_there.wait()
    return pool


@dataclass(frozen=True)
class Threads:
    """The thread pools of a worker; all their threads are started."""

    predicting: ThreadPoolExecutor
    errands: ThreadPoolExecutor


@dataclass(frozen=True)
class Pages:
    """The paths of health checks and of slow pages: scrapes, and documents, which are made when first asked for.

    One path can be a health check, and a document for callers who ask for HTML. All other pages are quick.
    """

    probes: AbstractSet[str] = frozenset()
    scrapes: AbstractSet[str] = frozenset()
    documents: AbstractSet[str] = frozenset()

    def take_long(self, request: HttpRequest) -> bool:
        """Return whether a request may take too long for the main loop."""
        if request.path not in self.documents:
            return request.path in self.scrapes
        return request.path not in self.probes or "text/html" in request.fields.get("HTTP_ACCEPT", "").lower()


class Dispatcher:
    """Has threads, or the main loop, answer the requests that have arrived.

    At most THREADS threads predict, and further predictions queue here; those of a quick model run in the main
    loop. Scrapes and documents have two threads of their own. The main loop answers all other requests. There, health
    checks, quick predictions and others take turns, so that none of them starves another.
    """

    def __init__(
        self,
        loop: EventLoop,
        threads: Threads,
        settings: Settings,
        pages: Pages,
        exchange: Exchange,
        count_request: Callable[[], bool],
        log: Any,
    ) -> None:
        self._loop, self._threads, self._exchange, self._log = loop, threads, exchange, log
        self._most_working, self._predict_seconds, self._pages = settings.threads, settings.predict_seconds, pages
        self._count_request = count_request  # returns whether the connection may be kept open
        self._paces = Paces()
        # Requests whose predictions threads compute, oldest first, and since when (monotonic clock); likewise scrapes
        # and documents, where infinity means that they still wait for a thread; and requests whose threads hang.
        self._working: dict[Connection, float] = {}
        self._errands: dict[Connection, float] = {}
        self._hung: set[Connection] = set()
        self._backlog = deque[Connection]()  # requests that wait for a thread
        # Requests that wait for the main loop: health checks, quick predictions, others.
        self._probes, self._quick, self._others = deque[Connection](), deque[Connection](), deque[Connection]()
        self._turns = deque((self._probes, self._quick, self._others))

    def connect(self, connections: Connections, hung: Callable[[], object]) -> None:
        """Set the connections that send the answers, and the function to call when a request hangs."""
        self._connections, self._tell_hung = connections, hung

    def add(self, conn: Connection) -> None:
        """Queue a request that has arrived, or give it to a thread."""
        request = conn.request
        posts = request.method == "POST"
        pace = conn.pace = self._paces.of(request.size) if posts else None
        if pace is not None and pace.allows() and (not self._working or self._soon()):
            self._quick.append(conn)
        elif posts:
            self._connections.pause(conn)
            self._backlog.append(conn)
            self._start_next()
        elif self._pages.take_long(request):
            self._connections.pause(conn)
            self._errands[conn] = math.inf
            self._submit(self._threads.errands, conn)
        else:
            (self._probes if request.path in self._pages.probes else self._others).append(conn)

    def _start_next(self) -> None:
        """Give queued requests to threads, as long as threads are free."""
        while self._backlog and not self.is_busy():
            conn = self._backlog.popleft()
            self._working[conn] = time.monotonic()
            self._submit(self._threads.predicting, conn)

    def answer_ready(self) -> None:
        """Answer requests in the main loop for a few milliseconds; shed those that would wait too long."""
        if self._quick and self._working and not self._soon():
            for conn in self._quick:
                self._connections.pause(conn)
            self._backlog.extend(self._quick)
            self._quick.clear()
        self._start_next()
        until = 0.0
        while ready := self._next_ready():
            now = time.monotonic()
            until = until or now + ANSWERING_SECONDS
            self._answer_here(ready)
            if now >= until:
                break

    def _next_ready(self) -> Connection | None:
        """Return the request that the loop answers next: from the three queues in turn, or one that is shed."""
        if self._probes or self._quick or self._others:
            for _ in range(3):
                self._turns.rotate(-1)
                queue = self._turns[0]
                if queue and (queue is not self._quick or not self._working):
                    return queue.popleft()
        if self._waits_too_long():
            conn = self._backlog.pop()
            conn.request.shed = True
            return conn
        return None

    def is_busy(self) -> bool:
        """Return whether all prediction threads are busy."""
        return len(self._working) >= self._most_working

    def longest_wait(self) -> float:
        """Return how many seconds the loop may wait for events: none while a request waits for the loop."""
        if self._probes or self._others or self._waits_too_long() or (self._quick and not self._working):
            return 0.0
        seconds = SLOW_SECONDS if self._quick else math.inf  # after SLOW_SECONDS, quick requests get threads
        return min(seconds, LATE_SECONDS) if len(self._backlog) > self.most_waiting else seconds

    @property
    def hangs(self) -> bool:
        """Whether the thread of a request that was given up has not returned."""
        return bool(self._hung)

    @property
    def queued(self) -> int:
        """How many requests wait for a thread or the main loop."""
        return len(self._backlog) + len(self._probes) + len(self._quick) + len(self._others)

    @property
    def most_waiting(self) -> int:
        """How many requests for a slow model may wait for a thread before further ones are refused."""
        return WAITING_FOR_EACH * self._most_working

    def _waits_too_long(self) -> bool:
        """Return whether the last request of the backlog would wait too long, because those before it are slow."""
        if len(self._backlog) <= self.most_waiting:
            return False
        pace = self._backlog[-1].pace
        if pace is None or not pace.known:
            return time.monotonic() - self._began() > LATE_SECONDS
        return pace.slow

    def _began(self) -> float:
        """Return when the oldest running prediction began; 0 if none is running."""
        return next(iter(self._working.values()), 0.0)

    def _soon(self) -> bool:
        """Return whether the threads will be free in a moment: requests like theirs are quick, and none is late."""
        return time.monotonic() - self._began() < SLOW_SECONDS and all(
            conn.pace and conn.pace.allows() for conn in self._working
        )

    def _submit(self, pool: ThreadPoolExecutor, conn: Connection) -> None:
        future = pool.submit(self._handle_in_thread, conn)
        future.add_done_callback(lambda done: self._loop.call(partial(self._finish, conn, done)))

    def _handle_in_thread(self, conn: Connection) -> bool:
        """Answer a request, in a thread."""
        if conn in self._errands:
            self._errands[conn] = time.monotonic()
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
            conn.pace.in_loop(computed, taken if taken > SLOW_SECONDS and self._loop.has_blocked() else computed)
        self._connections.send(conn)

    def _handle(self, conn: Connection) -> bool:
        keep = self._count_request()
        try:
            keeps = self._exchange.answer(conn, conn.request, keep=keep)
        except Exception:  # noqa: BLE001  # whatever the application raises
            self._log.exception("a request (trace %s) failed in the worker", conn.request.trace.trace_id)
            conn.sock.sendall(_error("internal_error", conn.request))
            keeps = False
        if conn in self._hung:
            return False  # it has been answered
        try:
            conn.sock.flush()
        except OSError:  # the client has gone
            return False
        return keeps

    def _finish(self, conn: Connection, done: "Future[bool]") -> None:
        """Send the answer that a thread has produced."""
        if conn in self._hung:  # the thread returned after all
            self._hung.discard(conn)
            conn.close()
            return
        if self._errands.pop(conn, None) is None:
            del self._working[conn]
        conn.keeps = not done.cancelled() and done.exception() is None and done.result()
        self._start_next()
        self._connections.send(conn)

    def end_overdue(self) -> None:
        """Give up the requests that have run for PREDICT_SECONDS."""
        now = time.monotonic()
        for running in (self._working, self._errands):
            while running and now - next(iter(running.values())) > self._predict_seconds:
                self._give_up(next(iter(running)), running)

    def _give_up(self, conn: Connection, running: dict[Connection, float]) -> None:
        """Answer in place of a thread that hangs, and ask for this worker to be replaced."""
        about = conn.request.trace.trace_id, self._predict_seconds
        self._log.error("a request (trace %s) hangs for PREDICT_SECONDS=%g; this worker is replaced", *about)
        del running[conn]
        self._hung.add(conn)
        self._connections.forget_one()
        self._tell_hung()
        self._connections.tell(conn, _error("prediction_timeout", conn.request))
        with suppress(OSError):  # gone meanwhile
            conn.sock.shutdown(socket.SHUT_RDWR)

    def shut_down(self) -> bool:
        """Shut the thread pools down; return whether all threads have returned."""
        self._threads.predicting.shutdown(wait=False)
        self._threads.errands.shutdown(wait=False)
        return not (self._working or self._errands or self._hung)


def _error(code: str, request: HttpRequest) -> bytes:
    return error_responses.answer(code, request.trace, heads=request.is_head)
