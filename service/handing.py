"""The part of the worker that decides what answers a request: a thread, the main loop itself, or a thread later."""

import time
from collections import deque
from typing import Any, Final

from service import refusals
from service.accepting import AcceptingWorker
from service.connection import ClientSocket, Connection
from service.pace import POST, Pace, is_small

# For each thread that predicts, so many requests wait for one before others are refused at once.
WAITING_FOR_EACH: Final = 2


class HandingWorker(AcceptingWorker):
    """Hands whole requests to threads.

    Predictions take at most `most_working` of them, and others wait here, so that health checks, scrapes and refusals
    always find a thread.
    """

    most_working: int
    pace: Pace
    backlog: deque[Connection]
    answering = False  # a request in the main loop

    def hand(self, conn: Connection, content: bytes | bytearray) -> None:
        """Have a request answered that has arrived whole."""
        conn.small = is_small(content)
        if conn.small and not self.working and not self.answering and self.pace.allows():
            self._answer_here(conn)
            return
        self.unregister(conn)
        full = len(self.working) >= self.most_working
        if full and content.startswith(POST) and len(self.backlog) < WAITING_FOR_EACH * self.most_working:
            self.backlog.append(conn)
        else:
            self.enqueue_req(conn)

    def hand_next(self) -> None:
        """Hand on what waits, as far as there are threads for it."""
        while self.backlog and len(self.working) < self.most_working:
            self.enqueue_req(self.backlog.popleft())

    def enqueue_req(self, conn: Connection) -> None:
        """Give a thread to a request."""
        self.working[conn] = time.monotonic()
        super().enqueue_req(conn)

    def handle(self, conn: Connection) -> bool:
        """Answer a request, in a thread."""
        start = time.thread_time()
        keeps = self._handle(conn)
        if conn.small:
            self.pace.in_thread(time.thread_time() - start)
        return keeps

    def _answer_here(self, conn: Connection) -> None:
        self.answering = True  # what came with this request is not answered within it
        start = time.monotonic()
        conn.keeps = self._handle(conn)
        self.pace.in_loop(time.monotonic() - start)
        self.send(conn)
        self.answering = False

    def _handle(self, conn: Connection) -> bool:
        keeps = bool(super().handle(conn))
        if conn in self.hung:
            return False  # it has been answered
        try:
            conn.sock.flush()
        except OSError:  # the client has gone
            return False
        return keeps

    def _keepalive_after(self, conn: Connection, keepalive: bool) -> bool:  # noqa: FBT001  # gunicorn's interface
        """Say whether another request can follow; what was not read of the body is there, so nothing is waited for."""
        return keepalive and bool(conn.parser.finish_body())

    def handle_error(self, req: Any, client: ClientSocket, addr: Any, exc: Exception) -> None:  # noqa: ARG002  # likewise
        """Answer what is not HTTP, as all other errors are answered."""
        code = refusals.code_of(exc)
        if code == "internal_error":
            self.log.error("a request failed in the worker", exc_info=exc)
        else:
            self.log.info("%s from %s: %s", code, addr and addr[0], type(exc).__name__)
        client.sendall(refusals.answer(code))

    def send(self, conn: Connection) -> None:
        """Send what is left of an answer."""
        raise NotImplementedError

    def unregister(self, conn: Connection) -> None:
        """Wait no longer for a connection to be readable."""
        raise NotImplementedError
