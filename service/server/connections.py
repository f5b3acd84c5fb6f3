"""The clients of a worker: collects their requests, sends the answers, and closes connections that take too long.

No client can block the worker: the event loop waits for what a client does not send or take at once.
"""

import math
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Any, Final

from service.config.settings import Settings
from service.server import error_responses
from service.server.connection import PIECE, ClientSocket, Connection
from service.server.event_loop import READABLE, WRITABLE, EventLoop
from service.server.http_request import LARGE, HttpRequest
from service.server.interfaces import WorkerEvents
from service.tracing.context import IdPool, RequestIds
from service.tracing.request_span import HttpFacts

HELD_BODIES: Final = 16  # how many bodies of the largest size may be on their way at once
MOST_ENDED: Final = 64  # how many overdue connections are closed in one turn of the loop
LINGER_SECONDS: Final = 2.0  # how long a stopping worker keeps idle connections, as a request may be on its way
MOMENT_SECONDS: Final = 0.1  # how long a request may arrive in pieces before it counts as slow
NEW_SECONDS: Final = 0.01  # within which clients usually send a request after they have connected or been answered
COMPARED: Final = 64  # how many of the connections that have waited longest are compared to find one to close
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Connections:
    """All connections of a worker. Those whose request is being answered are neither `idle` nor `transferring`."""

    def __init__(
        self,
        loop: EventLoop,
        settings: Settings,
        keepalive: float,
        events: WorkerEvents,
        answer: Callable[[Connection], None],
        publish_count: Callable[[int], object],
    ) -> None:
        self._loop, self._settings, self._events = loop, settings, events
        self._answer, self._publish_count = answer, publish_count
        self._ids = IdPool()
        self._received = memoryview(bytearray(PIECE))
        self._keepalive = keepalive  # seconds
        # Connections without a request, and with a request or an answer on its way; in the order of their timeouts.
        self.idle: dict[Connection, None] = {}
        self.transferring: dict[Connection, None] = {}
        self.count = 0
        self._held = 0  # bytes of requests that are arriving and of answers that are being sent

    def add(self, client: socket.socket, address: Any, server: Any) -> None:
        """Add a client that has connected."""
        self._count(1)
        self._wait_idle(Connection(ClientSocket(client, self._received), address, server))

    def pause(self, conn: Connection) -> None:
        """Receive nothing more from a client until it has been answered."""
        if conn.polled:
            self._loop.unwatch(conn.sock)
            conn.polled = False

    def tell(self, conn: Connection, content: bytes) -> None:
        """Send as much as the client takes at once; the rest is lost if the connection is closed."""
        conn.sock.sendall(content)
        with suppress(OSError):  # the client has gone; the next read will notice it
            conn.sock.flush()

    def send(self, conn: Connection) -> None:
        """Send the rest of an answer as the client takes it; then wait for the next request, or close."""
        if conn.sock.unsent:
            self._held += len(conn.sock.unsent)
            self._wait(conn, self.transferring, self._settings.read_seconds)
            self.pause(conn)
            self._loop.watch(conn.sock, WRITABLE, partial(self._send_rest, conn))
        else:
            self._answered(conn)

    def forget_one(self) -> None:
        """Stop counting a connection whose thread hangs."""
        self._count(-1)

    def longest_wait(self, now: float) -> float:
        """Return the seconds until the next timeout."""
        firsts = (*islice(self.idle, 1), *islice(self.transferring, 1))
        return min((first.timeout - now for first in firsts), default=math.inf)

    def end_overdue(self) -> None:
        """Close connections that have been idle for too long, or whose request or answer takes too long."""
        now = time.monotonic()
        for conn in _overdue(self.idle, now):
            self._look_again(conn)
            if conn in self.idle:
                self._drop(conn)
        for conn in _overdue(self.transferring, now):
            if conn.arriving is not None:
                self._refuse(conn, conn.arriving, "request_timeout")
            self._drop(conn)

    @property
    def sending(self) -> int:
        """How many connections are sending an answer."""
        return sum(conn.arriving is None for conn in self.transferring)

    @property
    def can_make_room(self) -> bool:
        """Whether there is a connection that may be closed to make room for another."""
        return bool(self.idle or self.transferring)

    def wind_down(self) -> None:
        """Wait only LINGER_SECONDS for further requests."""
        self._keepalive = min(LINGER_SECONDS, self._keepalive)
        now = time.monotonic()
        for conn in self.idle:
            conn.timeout = min(conn.timeout, now + LINGER_SECONDS)

    def drop_idle(self) -> None:
        """Close the connections that have no request."""
        for conn in tuple(self.idle):
            self._drop(conn)

    def make_room(self) -> bool:
        """Close a connection to make room for another; return whether there was one.

        It is the one that has been idle longest or the one whose data moves slowest, whichever has waited longer. If
        the idle one has been so for longer than NEW_SECONDS, the first MOMENT_SECONDS of the other one do not count.
        """
        for conn in tuple(islice(self.idle, COMPARED)):
            self._look_again(conn)
            if conn in self.idle:
                break
        idle, slowest = next(iter(self.idle), None), self._slowest()
        if slowest is not None and (idle is None or _waited_longer(slowest, idle)):
            self._close_for_room(slowest)
        elif idle is not None:
            self._close_for_room(idle)
        return bool(slowest or idle)

    def _count(self, change: int) -> None:
        self.count += change
        self._publish_count(self.count)

    def _look_again(self, conn: Connection) -> None:
        """Receive a request that arrives at the last moment, before its connection is closed as idle."""
        self._on_readable(conn, conn.sock)

    def _slowest(self) -> Connection | None:
        """Return the connection whose request or answer moves slowest, among those that have waited longest."""
        now = time.monotonic()
        return min(islice(self.transferring, COMPARED), key=lambda conn: conn.speed(now), default=None)

    def _close_for_room(self, conn: Connection) -> None:
        """Close a connection to make room for others; refuse its request if it is still arriving."""
        self._events.connection_closed("idle" if conn in self.idle else "slow")
        if conn.arriving is not None:
            self._refuse(conn, conn.arriving, "overloaded")
        self._drop(conn)

    def _on_readable(self, conn: Connection, client: ClientSocket) -> None:
        """Receive more of a request; pass it on when it is complete."""
        if conn.waits_in is None:  # closed, or being answered: the next request has to wait
            self.pause(conn)
            return
        try:
            content = client.take(conn.piece)
        except BlockingIOError:
            return
        except OSError:
            content = b""
        if not content and conn.arriving is not None and conn.arriving.complete:
            # The client will send no more, and the application will answer that the body is incomplete.
            self._start(conn, conn.arriving)
        elif not content:
            self._drop(conn)
        elif conn.arriving is None:
            self._add_first(conn, content)
        else:
            self._add(conn, conn.arriving, content)

    def _add_first(self, conn: Connection, content: bytes) -> None:
        """Begin a request with its first bytes; skip an empty line before it (RFC 9112, 2.2)."""
        if content := content.removeprefix(b"\r\n"):
            self._wait_no_more(conn)
            conn.arriving = HttpRequest(self._settings.max_body_bytes, self._ids.draw)
            self._wait(conn, self.transferring, self._settings.read_seconds)
            self._add(conn, conn.arriving, content)

    def _add(self, conn: Connection, arriving: HttpRequest, content: bytes) -> None:
        held = arriving.size
        ready = arriving.feed(content)
        self._held += arriving.size - held
        conn.moved += len(content)
        if arriving.refused:
            self._refuse(conn, arriving, arriving.refused)
            self._drop(conn)
        elif ready:
            self._start(conn, arriving)
        elif arriving.waits_for_continue:
            arriving.waits_for_continue = False
            self.tell(conn, CONTINUE)
        elif self._held > self._settings.max_body_bytes * HELD_BODIES:
            # For a large request, its own connection is closed. A small one may be a health check, so the slowest is.
            self._close_for_room(conn if arriving.size > LARGE else self._slowest() or conn)

    def _refuse(self, conn: Connection, arriving: HttpRequest, code: str) -> None:
        """Answer a client that its request is refused, and report that as an event."""
        trace, heads = arriving.trace, arriving.is_head
        ids = RequestIds(trace.new_request_id, trace)
        self.tell(conn, error_responses.answer(code, trace, heads=heads, request_id=ids.request_id))
        path = arriving.path or arriving.target.partition("?")[0]
        self._events.refused(code, ids, HttpFacts(arriving.method, path, str(conn.client[0])))

    def _start(self, conn: Connection, request: HttpRequest) -> None:
        self._wait_no_more(conn)
        self._held -= request.size
        request.began, request.arrived = conn.waits_since, time.monotonic()
        conn.arriving, conn.request = None, request
        self._answer(conn)

    def _send_rest(self, conn: Connection, client: ClientSocket) -> None:
        if conn not in self.transferring:  # it was closed after the loop found it writable
            return
        before = len(client.unsent)
        try:
            done = client.flush()
        except OSError:
            self._drop(conn)
            return
        self._held -= before - len(client.unsent)
        conn.moved += before - len(client.unsent)
        if done:
            self._loop.unwatch(client)
            self._wait_no_more(conn)
            self._answered(conn)

    def _answered(self, conn: Connection) -> None:
        behind = conn.request.behind
        del conn.request  # an idle connection keeps no body
        if not conn.keeps:
            self.pause(conn)
            self._count(-1)
            conn.close()
        else:
            self._wait_idle(conn)
            if behind:  # the next request came with this one
                self._add_first(conn, behind)

    def _wait_idle(self, conn: Connection) -> None:
        """Wait for the next request on a connection."""
        self._wait(conn, self.idle, self._keepalive)
        if not conn.polled:
            self._loop.watch(conn.sock, READABLE, partial(self._on_readable, conn))
            conn.polled = True

    def _wait(self, conn: Connection, waiting: dict[Connection, None], seconds: float) -> None:
        conn.waits_in, conn.waits_since, conn.moved = waiting, time.monotonic(), 0
        conn.timeout = conn.waits_since + seconds
        waiting[conn] = None

    def _wait_no_more(self, conn: Connection) -> None:
        if conn.waits_in is not None:
            del conn.waits_in[conn]
            conn.waits_in = None

    def _drop(self, conn: Connection) -> None:
        """Close a connection that is idle or transferring."""
        self._loop.unwatch(conn.sock)
        conn.polled = False
        self._wait_no_more(conn)
        self._held -= conn.arriving.size if conn.arriving else len(conn.sock.unsent)
        self._count(-1)
        conn.close()


def _waited_longer(slowest: Connection, idle: Connection) -> bool:
    is_new = time.monotonic() - idle.waits_since < NEW_SECONDS
    return slowest.waits_since + (0.0 if is_new else MOMENT_SECONDS) < idle.waits_since


def _overdue(waiting: dict[Connection, None], now: float) -> list[Connection]:
    """Return connections that have timed out, at most MOST_ENDED, so that no turn of the loop takes long."""
    for first in waiting:
        if first.timeout > now:
            break
        return [conn for conn in islice(waiting, MOST_ENDED) if conn.timeout <= now]
    return []
