"""gunicorn's threaded worker, changed so that no client holds a thread without giving it something to do.

gunicorn 27's gthread gives a thread to a connection when its first bytes come, and reads the rest and writes the answer
in it: a few slow clients stop the worker. Here the main loop collects each request, gives a thread to it when it is
whole, or answers it itself where that is quick (service.pace), and sends what the client does not take at once, as a
buffering proxy would. It also accepts only while a thread is free, so that another worker with a free one gets the
connection, and looks after threads that do not come back.
"""

import os
import selectors
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, Final

from gunicorn.arbiter import Arbiter

from service import refusals
from service.arriving import LARGE, Arriving
from service.connection import ClientSocket, Connection
from service.exchange import Exchange
from service.handing import HandingWorker
from service.metrics import Metrics
from service.orphans import stop_listening
from service.pace import Paces
from service.settings import Settings
from service.state import State
from service.state import Worker as Says
from service.threads import started

HELD_BODIES: Final = 16
ORPHAN_SECONDS: Final = 1.5  # for what is in flight when the master has gone
BUSY_SECONDS: Final = 0.2  # after which the main loop is not waited for to close its listeners
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Worker(HandingWorker):
    """The worker class of this service; in a thread runs `handle` only, all else in the worker's main thread."""

    slot: str
    told = False  # to end, by the master
    left = False  # by itself, as far as the master knows
    pending_conns: deque[Connection]
    held = 0  # bytes of requests that are arriving and of answers that are being taken

    def look_after(self, settings: Settings, state: State, metrics: Metrics, abandon: Callable[[], None]) -> None:
        """Take the limits to keep; `abandon` is called before threads that do not come back are left behind."""
        self.read_seconds, self.most_body = settings.read_seconds, settings.max_body_bytes
        self.predict_seconds, self.state, self.metrics, self.abandon = settings.predict_seconds, state, metrics, abandon
        self.working, self.hung, self.backlog, self.next, self.paces = {}, set(), deque(), deque(), Paces()
        self.most_working = settings.threads
        self.exchange = Exchange(self.cfg, self.wsgi)

    def get_thread_pool(self) -> ThreadPoolExecutor:
        """Start all threads now: a worker that cannot have them is tried again, one that serves would be lost."""
        try:
            return started(self.cfg.threads)
        except RuntimeError as error:
            self.log.error("no worker without its %s threads: %s", self.cfg.threads, error)  # noqa: TRY400  # one line
            sys.exit(Arbiter.WORKER_BOOT_ERROR)

    def run(self) -> None:
        """Serve until told to stop; a thread that does not come back is not waited for any longer than that."""
        super().run()
        if self.working or self.hung:
            self.abandon()
            os._exit(0)  # Python would wait for the threads
        if self.nr >= self.max_requests:
            self.state.say(self.slot, Says.LEFT)

    def orphaned(self) -> None:
        """End soon, since the master has gone; in a thread, for the main loop may be busy."""
        if not self.booted:
            os._exit(0)
        self.method_queue.defer(self.leave)
        time.sleep(BUSY_SECONDS)
        stop_listening(self.sockets)
        time.sleep(ORPHAN_SECONDS - BUSY_SECONDS)
        self.abandon()
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
        try:
            content = client.take()
        except BlockingIOError:
            return
        except OSError:
            content = b""
        if conn.arriving is not None and not content:
            self._start(conn, conn.arriving)  # no more will come: the parser says what that is
        elif not content:
            self.drop(conn)
        elif conn.arriving is None:
            self._add_first(conn, content)
        elif conn.arriving.size > LARGE and self.held > self.most_body * HELD_BODIES:
            self._tell(conn, refusals.answer("overloaded"))  # the small ones, health checks too, go on
            self.drop(conn)
        else:
            self._add(conn, conn.arriving, content)

    def _add_first(self, conn: Connection, content: bytes) -> None:
        """Take the first bytes of a request; an empty line before it is none of it (RFC 9112, 2.2)."""
        if content := content.removeprefix(b"\r\n"):
            self.keepalived_conns.remove(conn)
            self._add(conn, self._begin(conn), content)

    def _begin(self, conn: Connection) -> Arriving:
        arriving = conn.arriving = Arriving(self.most_body)
        self._wait(conn, self.pending_conns, self.read_seconds)
        return arriving

    def _add(self, conn: Connection, arriving: Arriving, content: bytes) -> None:
        held = arriving.size
        whole = arriving.add(content)
        self.held += arriving.size - held
        if whole:
            self._start(conn, arriving)
        elif arriving.waits_for_continue:
            arriving.waits_for_continue = False
            self._tell(conn, CONTINUE)

    def _start(self, conn: Connection, arrived: Arriving) -> None:
        self.pending_conns.remove(conn)
        self.held -= arrived.size
        conn.arriving, conn.arrived, conn.sock.arrived = None, arrived, time.monotonic()
        conn.sock.discarded = arrived.discarded
        self.hand(conn)

    def finish_request(self, conn: Connection, fs: "Future[Any]") -> None:
        """Send what is left of the answer, then wait for the connection's next request, or end it."""
        if conn in self.hung:  # it came back after all
            self.hung.discard(conn)
            conn.close()
            return
        del self.working[conn]
        conn.keeps = not fs.cancelled() and fs.exception() is None and bool(fs.result())
        self.hand_next()
        self.send(conn)

    def send(self, conn: Connection) -> None:
        """Send what the client does not take at once as it takes it, then wait for its next request, or end."""
        if conn.sock.unsent:
            self.held += len(conn.sock.unsent)
            self._wait(conn, self.pending_conns, self.read_seconds)
            self.unregister(conn)
            self.poller.register(conn.sock, selectors.EVENT_WRITE, partial(self._send_rest, conn))
        else:
            self._answered(conn)

    def _tell(self, conn: Connection, content: bytes) -> None:
        conn.sock.sendall(content)
        with suppress(OSError):  # gone, which is found out at its next read
            conn.sock.flush()

    def _send_rest(self, conn: Connection, client: ClientSocket) -> None:
        before = len(client.unsent)
        try:
            done = client.flush()
        except OSError:
            self.drop(conn)
            return
        self.held -= before - len(client.unsent)
        if done:
            self.poller.unregister(client)
            conn.polled = False
            self.pending_conns.remove(conn)
            self._answered(conn)

    def _answered(self, conn: Connection) -> None:
        if not conn.keeps:
            self.unregister(conn)
            self.nr_conns -= 1
            conn.close()
        else:
            self.wait_idle(conn)
            if conn.behind:  # the next request came with this one
                self._add_first(conn, conn.behind)

    def murder_pending(self) -> None:
        """End the connections whose request did not arrive, or whose answer was not taken, in time; find what hangs."""
        now = time.monotonic()
        while self.pending_conns and self.pending_conns[0].timeout <= now:
            conn = self.pending_conns[0]
            if conn.arriving is not None:
                self._tell(conn, refusals.answer("request_timeout"))
            self.drop(conn)
        while self.working and now - next(iter(self.working.values())) > self.predict_seconds:
            self._give_up(next(iter(self.working)))
        self.hand_next()

    def _give_up(self, conn: Connection) -> None:
        """Answer for a thread that hangs, and ask the master to replace this worker."""
        self.log.error("a request hangs for PREDICT_SECONDS=%g; this worker is replaced", self.predict_seconds)
        del self.working[conn]
        self.hung.add(conn)
        self.nr_conns -= 1
        self.state.say(self.slot, Says.HUNG)
        self._tell(conn, refusals.answer("prediction_timeout"))
        with suppress(OSError):  # gone meanwhile
            conn.sock.shutdown(socket.SHUT_RDWR)

    def wait_idle(self, conn: Connection) -> None:
        """Wait for a connection's next request."""
        self._wait(conn, self.keepalived_conns, self.cfg.keepalive if self.alive else min(2, self.cfg.keepalive))
        self._register(conn)

    def _wait(self, conn: Connection, queue: deque[Connection], seconds: float) -> None:
        conn.queue, conn.timeout = queue, time.monotonic() + seconds
        queue.append(conn)

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
        conn.queue.remove(conn)
        self.held -= conn.arriving.size if conn.arriving else len(conn.sock.unsent)
        self.nr_conns -= 1
        conn.close()
