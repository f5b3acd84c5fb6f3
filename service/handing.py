"""The part of the worker that decides what answers a request: a thread, the main loop itself, or a thread later."""

import time
from collections import deque
from typing import Final

from gunicorn.http.errors import NoMoreData

from service import refusals
from service.accepting import AcceptingWorker
from service.connection import Connection
from service.exchange import Exchange
from service.pace import SLOW_SECONDS, Paces

# For each thread that predicts, so many requests wait for one before others are refused at once.
WAITING_FOR_EACH: Final = 2


class HandingWorker(AcceptingWorker):
    """Hands whole requests to threads.

    Predictions take at most `most_working` of them, and others wait here, so that health checks, scrapes and refusals
    always find a thread.
    """

    most_working: int
    paces: Paces
    backlog: deque[Connection]  # what waits for a thread
    next: deque[Connection]  # what waits for the main loop
    exchange: Exchange
    alive: bool  # gunicorn's: whether the worker goes on
    answering = False  # a request in the main loop

    def hand(self, conn: Connection) -> None:
        """Have a request answered that has arrived whole."""
        arrived = conn.arrived
        pace = conn.pace = self.paces.of(arrived.size) if arrived.posts else None
        here = pace is not None and not self.answering and pace.allows()
        if here and not self.working:
            self._answer_here(conn)
        elif here and self._soon():
            self.unregister(conn)
            self.next.append(conn)
        else:
            self.unregister(conn)
            self._give_thread(conn, waits=arrived.posts)

    def hand_next(self) -> None:
        """Hand on what waits: to the main loop when no thread works any more, else as far as there are threads."""
        while self.next and not self.working:
            self._answer_here(self.next.popleft())
        if not self._soon():
            while self.next:
                self._give_thread(self.next.popleft(), waits=True)
        while self.backlog and len(self.working) < self.most_working:
            self.enqueue_req(self.backlog.popleft())

    def _soon(self) -> bool:
        """Say whether the threads are about to be done: what they work on is quick, and has not been found slow."""
        began = next(iter(self.working.values()), 0.0)
        return time.monotonic() - began < SLOW_SECONDS and all(
            conn.pace and conn.pace.allows() for conn in self.working
        )

    def _give_thread(self, conn: Connection, *, waits: bool) -> None:
        full = len(self.working) >= self.most_working
        if full and waits and len(self.backlog) < WAITING_FOR_EACH * self.most_working:
            self.backlog.append(conn)
        else:
            self.enqueue_req(conn)

    def enqueue_req(self, conn: Connection) -> None:
        """Give a thread to a request."""
        self.working[conn] = time.monotonic()
        super().enqueue_req(conn)

    def handle(self, conn: Connection) -> bool:
        """Answer a request, in a thread."""
        start = time.thread_time()
        keeps = self._handle(conn)
        if conn.pace:
            conn.pace.in_thread(time.thread_time() - start)
        return keeps

    def _answer_here(self, conn: Connection) -> None:
        self.answering = True  # what came with this request is not answered within it
        start = time.monotonic()
        conn.keeps = self._handle(conn)
        if conn.pace:
            conn.pace.in_loop(time.monotonic() - start)
        self.send(conn)
        self.answering = False

    def _handle(self, conn: Connection) -> bool:
        self.nr += 1
        if self.alive and self.nr >= self.max_requests:
            self.log.info("this worker is replaced after max_requests=%s", self.max_requests)
            self.alive = False
        keep = self.alive and self.cfg.keepalive > 0 and len(self.keepalived_conns) < self.max_keepalived
        try:
            keeps = self.exchange.answer(conn, conn.arrived, keep=keep)
        except NoMoreData:
            return False
        except Exception as error:  # noqa: BLE001  # whatever the application raises, and it is said what
            self._refuse(conn, error)
            keeps = False
        if conn in self.hung:
            return False  # it has been answered
        try:
            conn.sock.flush()
        except OSError:  # the client has gone
            return False
        return keeps

    def _refuse(self, conn: Connection, error: Exception) -> None:
        """Answer what is not HTTP, as all other errors are answered."""
        code = refusals.code_of(error)
        if code == "internal_error":
            self.log.error("a request failed in the worker", exc_info=error)
        else:
            self.log.info("%s from %s: %s", code, conn.client[0], type(error).__name__)
        conn.sock.sendall(refusals.answer(code, heads=conn.arrived.heads))

    def send(self, conn: Connection) -> None:
        """Send what is left of an answer."""
        raise NotImplementedError

    def unregister(self, conn: Connection) -> None:
        """Wait no longer for a connection to be readable."""
        raise NotImplementedError
