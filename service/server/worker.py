"""gunicorn's threaded worker, changed so that no client holds a thread without giving it something to do.

gunicorn 27's gthread gives a thread to a connection when its first bytes come, and reads the rest and writes the answer
in it: a few slow clients stop the worker. Here the main loop collects each request, gives a thread to it when it is
whole, or answers it itself where that is quick (pace), and sends what the client does not take at once, as a
buffering proxy would. It also looks after threads that do not come back.
"""

import os
import selectors
import socket
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Any, Final

from gunicorn.arbiter import Arbiter

from service.config.settings import Settings
from service.server import error_responses
from service.server.connection import ClientSocket, Connection
from service.server.dispatch import ERRAND_THREADS, HandingWorker, Pages
from service.server.http_request import LARGE, HttpRequest
from service.server.interfaces import NO_EVENTS, WorkerEvents
from service.server.orphans import stop_listening
from service.server.shared_state import State, WorkerStatus
from service.server.threads import started

HELD_BODIES: Final = 16
NO_PAGES: Final = Pages()
MOST_ENDED: Final = 64  # overdue connections in one turn of the loop
ORPHAN_SECONDS: Final = 1.5  # for what is in flight when the master has gone
BUSY_SECONDS: Final = 0.2  # after which the main loop is not waited for to close its listeners
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Worker(HandingWorker):
    """The worker class of this service; in a thread runs `handle` only, all else in the worker's main thread."""

    slot: str
    told = False  # to end, by the master
    left = False  # by itself, as far as the master knows
    held = 0  # bytes of requests that are arriving and of answers that are being taken

    def set_up(
        self, settings: Settings, state: State, events: WorkerEvents = NO_EVENTS, pages: Pages = NO_PAGES
    ) -> None:
        """Take the limits to keep, and whom to tell what happens."""
        self.read_seconds, self.most_body = settings.read_seconds, settings.max_body_bytes
        self.predict_seconds, self.state, self.events = settings.predict_seconds, state, events
        self.idle, self.transferring = {}, {}
        self.slots = 2 * settings.workers
        self.limit_connections(self.cfg.worker_connections)
        self.begin(settings, pages)

    def get_thread_pool(self) -> ThreadPoolExecutor:
        """Start all threads now: a worker that cannot have them is tried again, one that serves would be lost."""
        try:
            self.errand_pool = started(ERRAND_THREADS)
            return started(self.cfg.threads)
        except RuntimeError as error:
            self.log.error("no worker without its %s threads: %s", self.cfg.threads, error)  # noqa: TRY400  # one line
            sys.exit(Arbiter.WORKER_BOOT_ERROR)

    def run(self) -> None:
        """Serve until told to stop; a thread that does not come back is not waited for any longer than that."""
        super().run()
        self.errand_pool.shutdown(wait=False)
        if self.working or self.errands or self.hung:
            self.events.threads_abandoned()
            os._exit(0)  # Python would wait for the threads
        if self.nr >= self.max_requests:
            self.state.set_status(self.slot, WorkerStatus.LEFT)

    def orphaned(self) -> None:
        """End soon, since the master has gone; in a thread, for the main loop may be busy."""
        if not self.booted:
            os._exit(0)
        self.method_queue.defer(self.leave)
        time.sleep(BUSY_SECONDS)
        stop_listening(self.sockets)
        time.sleep(ORPHAN_SECONDS - BUSY_SECONDS)
        self.events.threads_abandoned()
        os._exit(0)

    def leave(self) -> None:
        """Take what the kernel has accepted, stop listening and answer what there is."""
        self.alive, self.state.draining = False, True

    def is_parent_alive(self) -> bool:
        """Say whether the master is there; leave if not."""
        there = bool(super().is_parent_alive())
        if not there:
            self.leave()
        return there

    def on_client_socket_readable(self, conn: Connection, client: ClientSocket) -> None:
        """Take what has come of a request; give it a thread when it is whole."""
        if conn.waits_in is None:  # closed, or being answered: what comes next waits
            self.unregister(conn)
            return
        try:
            content = client.take(conn.piece)
        except BlockingIOError:
            return
        except OSError:
            content = b""
        if not content and conn.arriving is not None and conn.arriving.complete:
            self._start(conn, conn.arriving)  # no more of its body will come: the application says what that is
        elif not content:
            self.drop(conn)
        elif conn.arriving is None:
            self._add_first(conn, content)
        else:
            self._add(conn, conn.arriving, content)

    def _add_first(self, conn: Connection, content: bytes) -> None:
        """Take the first bytes of a request; an empty line before it is none of it (RFC 9112, 2.2)."""
        if content := content.removeprefix(b"\r\n"):
            self._wait_no_more(conn)
            self._add(conn, self._begin(conn), content)

    def _begin(self, conn: Connection) -> HttpRequest:
        arriving = conn.arriving = HttpRequest(self.most_body)
        self._wait(conn, self.transferring, self.read_seconds)
        return arriving

    def _add(self, conn: Connection, arriving: HttpRequest, content: bytes) -> None:
        held = arriving.size
        ready = arriving.feed(content)
        self.held += arriving.size - held
        conn.moved += len(content)
        if arriving.refused:
            self.log.info("%s from %s: malformed HTTP", arriving.refused, conn.client[0])
            self.tell(conn, error_responses.answer(arriving.refused, heads=arriving.is_head))
            self.drop(conn)
        elif ready:
            self._start(conn, arriving)
        elif arriving.waits_for_continue:
            arriving.waits_for_continue = False
            self.tell(conn, CONTINUE)
        elif self.held > self.most_body * HELD_BODIES:
            # A large one goes itself; for a small one, which may be a health check, the slowest does.
            self.close_for_room(conn if arriving.size > LARGE else self.slowest() or conn)

    def _start(self, conn: Connection, request: HttpRequest) -> None:
        self._wait_no_more(conn)
        self.held -= request.size
        request.arrived = time.monotonic()
        conn.arriving, conn.request = None, request
        self.hand(conn)

    def finish_request(self, conn: Connection, fs: "Future[Any]") -> None:
        """Send what is left of the answer, then wait for the connection's next request, or end it."""
        if conn in self.hung:  # it came back after all
            self.hung.discard(conn)
            conn.close()
            return
        if self.errands.pop(conn, None) is None:
            del self.working[conn]
        conn.keeps = not fs.cancelled() and fs.exception() is None and bool(fs.result())
        self.hand_next()
        self.send(conn)

    def send(self, conn: Connection) -> None:
        """Send what the client does not take at once as it takes it, then wait for its next request, or end."""
        if conn.sock.unsent:
            self.held += len(conn.sock.unsent)
            self._wait(conn, self.transferring, self.read_seconds)
            self.unregister(conn)
            self.poller.register(conn.sock, selectors.EVENT_WRITE, partial(self._send_rest, conn))
        else:
            self._answered(conn)

    def tell(self, conn: Connection, content: bytes) -> None:
        """Send something at once, as far as the client takes it."""
        conn.sock.sendall(content)
        with suppress(OSError):  # gone, which is found out at its next read
            conn.sock.flush()

    def _send_rest(self, conn: Connection, client: ClientSocket) -> None:
        if conn not in self.transferring:  # closed since the loop asked what is writable
            return
        before = len(client.unsent)
        try:
            done = client.flush()
        except OSError:
            self.drop(conn)
            return
        self.held -= before - len(client.unsent)
        conn.moved += before - len(client.unsent)
        if done:
            self.poller.unregister(client)
            conn.polled = False
            self._wait_no_more(conn)
            self._answered(conn)

    def _answered(self, conn: Connection) -> None:
        if not conn.keeps:
            self.unregister(conn)
            self.count(-1)
            conn.close()
        else:
            self.wait_idle(conn)
            if conn.request.behind:  # the next request came with this one
                self._add_first(conn, conn.request.behind)

    def end_overdue(self) -> None:
        """End the connections that were idle for long, or whose request or answer takes too long; find what hangs."""
        now = time.monotonic()
        for conn in self._overdue(self.idle, now):
            self.on_client_socket_readable(conn, conn.sock)  # a request that comes in this very moment is still taken
            if conn in self.idle:
                self.drop(conn)
        for conn in self._overdue(self.transferring, now):
            if conn.arriving is not None:
                self.tell(conn, error_responses.answer("request_timeout", heads=conn.arriving.is_head))
            self.drop(conn)
        for running in (self.working, self.errands):
            while running and now - next(iter(running.values())) > self.predict_seconds:
                self._give_up(next(iter(running)), running)

    def _overdue(self, waiting: dict[Connection, None], now: float) -> list[Connection]:
        """Return those whose time is over, the first few of them, so that no turn of the loop takes long."""
        for first in waiting:
            if first.timeout > now:
                break
            return [conn for conn in islice(waiting, MOST_ENDED) if conn.timeout <= now]
        return []

    def _give_up(self, conn: Connection, running: dict[Connection, float]) -> None:
        """Answer for a thread that hangs, and ask the master to replace this worker."""
        self.log.error("a request hangs for PREDICT_SECONDS=%g; this worker is replaced", self.predict_seconds)
        del running[conn]
        self.hung.add(conn)
        self.count(-1)
        self.state.set_status(self.slot, WorkerStatus.HUNG)
        self.tell(conn, error_responses.answer("prediction_timeout", heads=conn.request.is_head))
        with suppress(OSError):  # gone meanwhile
            conn.sock.shutdown(socket.SHUT_RDWR)

    def wait_idle(self, conn: Connection) -> None:
        """Wait for a connection's next request."""
        self._wait(conn, self.idle, self.cfg.keepalive if self.alive else min(2, self.cfg.keepalive))
        self._register(conn)

    def _wait(self, conn: Connection, waiting: dict[Connection, None], seconds: float) -> None:
        conn.waits_in, conn.waits_since, conn.moved = waiting, time.monotonic(), 0
        conn.timeout = conn.waits_since + seconds
        waiting[conn] = None

    def _wait_no_more(self, conn: Connection) -> None:
        if conn.waits_in is not None:
            del conn.waits_in[conn]
            conn.waits_in = None

    def _register(self, conn: Connection) -> None:
        if not conn.polled:
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_client_socket_readable, conn))
            conn.polled = True

    def unregister(self, conn: Connection) -> None:
        """Wait no longer for a connection to be readable."""
        if conn.polled:
            self.poller.unregister(conn.sock)
            conn.polled = False

    def drop(self, conn: Connection) -> None:
        """End a connection that waits."""
        self.poller.unregister(conn.sock)
        conn.polled = False
        self._wait_no_more(conn)
        self.held -= conn.arriving.size if conn.arriving else len(conn.sock.unsent)
        self.count(-1)
        conn.close()
