"""The part of the worker that decides which connections to take, and which to close for want of room."""

import errno
import resource
import selectors
import socket
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Any, Final

from service.server import error_responses
from service.server.connection import ClientSocket, Connection
from service.server.event_loop import EventLoopWorker
from service.server.interfaces import WorkerEvents
from service.server.shared_state import State

NO_DESCRIPTORS: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
SPARE_DESCRIPTORS: Final = 8  # for files, when connections have taken the rest
ACCEPTED_AT_ONCE: Final = 64
# A worker without a free thread, or with more connections than others, leaves new ones to them for so long, and takes
# them all the same if they are still there.
LEFT_BY_BUSY_SECONDS: Final = 0.02
LEFT_BY_LARGER_SECONDS: Final = 0.005
# More connections than others: so many times as many as they have on average, and so many more.
LARGER_BY: Final = 1.2, 2
AT_ONCE_SECONDS: Final = 1e-6
MOMENT_SECONDS: Final = 0.1  # in which a request may come in several pieces before it counts as slow
# How many of the connections that have waited longest are looked at to find one to close.
COMPARED: Final = 64


class AcceptingWorker(EventLoopWorker):
    """Accepts while there is room; makes room by closing what is idle, else what is slow."""

    state: State
    events: WorkerEvents
    sockets: list[Any]
    most_connections: int
    slot: str
    slots: int  # how many there are
    _listening = False
    _accept_at = 0.0  # when to look for new connections next, while not listening (monotonic clock)
    _short_until = 0.0  # of descriptors (monotonic clock)

    def limit_connections(self, wanted: int) -> None:
        """Take as many connections as wanted, as far as the limit of descriptors allows."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        others = len(list(Path("/proc/self/fd").iterdir())) + SPARE_DESCRIPTORS
        allowed = max(soft, min(hard, wanted + others))
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        self.most_connections = max(1, min(wanted, allowed - others))
        if self.most_connections < wanted:
            self.log.info("at most %s connections in this worker, for want of descriptors", self.most_connections)

    def tend_listeners(self) -> None:
        """Look again for new connections that were left to others for a moment."""
        if self.alive and not self._listening and time.monotonic() >= self._accept_at:
            self._listen(listens=True)
            for listener in self.sockets:
                self._accept(listener)

    def longest_wait(self) -> float:
        """Return how long to wait for an event; less while new connections are left to others."""
        seconds = super().longest_wait()
        waits = self.alive and not self._listening
        return min(seconds, self._accept_at - time.monotonic()) if waits else seconds

    def accept(self, listener: socket.socket) -> None:
        """Accept a few of the connections that wait, or leave them to other workers for a moment."""
        if seconds := self._left_to_others():
            self._listen(listens=False)
            self._accept_at = time.monotonic() + seconds
        else:
            self._accept(listener)

    def _accept(self, listener: socket.socket) -> None:
        for number in range(ACCEPTED_AT_ONCE):
            if number and self._left_to_others():
                return
            try:
                accepted, address = listener.accept()
            except OSError as error:
                if error.errno in NO_DESCRIPTORS:
                    self._make_do()
                elif error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                    raise
                return
            if self.nr_conns >= self.most_connections:
                self._make_room()
            self._take(accepted, address, listener.getsockname())

    def count(self, change: int) -> None:
        """Keep the number of connections, which other workers see."""
        self.nr_conns += change
        self.state.set_connections(self.slot, self.nr_conns)

    def _left_to_others(self) -> float:
        """Return for how long to leave what waits to others, 0 with room and a thread and no more than they have."""
        full = self.nr_conns >= self.most_connections and not self.idle and not self.transferring
        if full or self.all_threads_work() or time.monotonic() < self._short_until:
            return LEFT_BY_BUSY_SECONDS
        times, more = LARGER_BY
        larger = self.nr_conns > times * self.state.mean_connections(self.slots) + more
        return LEFT_BY_LARGER_SECONDS if larger else 0.0

    def stop_accepting(self) -> None:
        """Cease to accept; before the server stops, take all that the kernel has accepted already.

        Those clients have sent their requests: a listener that is closed on them resets their connections.
        """
        self._listen(listens=False)
        if self.state.draining:
            for listener in self.sockets:
                self._take_the_last(listener)
            self.sockets.clear()

    def _listen(self, *, listens: bool) -> None:
        if listens == self._listening:
            return
        self._listening = listens
        for listener in self.sockets:
            if listens:
                listener.setblocking(False)  # noqa: FBT003  # the socket's interface
                self.poller.register(listener, selectors.EVENT_READ, self.accept)
            else:
                self.poller.unregister(listener)

    def _take_the_last(self, listener: socket.socket) -> None:
        """Accept all there is and close at once: who connects in between is reset, so nothing else is done there."""
        listener.setblocking(False)  # noqa: FBT003  # the socket's interface
        server, accepted = listener.getsockname(), []
        interval = sys.getswitchinterval()
        sys.setswitchinterval(AT_ONCE_SECONDS)  # no thread that computes is to have the interpreter in between
        try:
            while True:
                accepted.append(listener.accept())
        except OSError as error:
            listener.close()
            sys.setswitchinterval(interval)
            if error.errno in NO_DESCRIPTORS:
                self._make_do()
        for client, address in accepted:
            self._take(client, address, server)

    def _take(self, client: socket.socket, address: Any, server: Any) -> None:
        self.count(1)
        self.wait_idle(Connection(ClientSocket(client), address, server))

    def _make_room(self) -> bool:
        """Close a connection, if there is one to close.

        Either the one that was idle longest, or the one whose data moves slowest: whichever has waited for longer, but
        for the moment that a request or an answer may take.
        """
        for conn in tuple(islice(self.idle, COMPARED)):
            self.on_client_socket_readable(conn, conn.sock)  # a request that comes in this very moment is still taken
            if conn in self.idle:
                break
        idle, slowest = next(iter(self.idle), None), self.slowest()
        if slowest is not None and (idle is None or slowest.waits_since + MOMENT_SECONDS < idle.waits_since):
            self.close_for_room(slowest)
        elif idle is not None:
            self.close_for_room(idle)
        return bool(slowest or idle)

    def slowest(self) -> Connection | None:
        """Return the connection whose request or answer moves slowest, of those that have waited longest."""
        now = time.monotonic()
        return min(islice(self.transferring, COMPARED), key=lambda conn: conn.speed(now), default=None)

    def close_for_room(self, conn: Connection) -> None:
        """Close a connection that waits, for others to have what it takes; say so to who is still sending a request."""
        self.events.connection_closed("idle" if conn in self.idle else "slow")
        if conn.arriving is not None:
            self.tell(conn, error_responses.answer("overloaded", heads=conn.arriving.is_head))
        self.drop(conn)

    def _make_do(self) -> None:
        """Have no more connections than there are descriptors for."""
        self.events.out_of_descriptors()
        self._short_until = time.monotonic() + LEFT_BY_BUSY_SECONDS
        fewer = max(1, self.nr_conns - SPARE_DESCRIPTORS)
        if fewer < self.most_connections:
            self.most_connections = fewer
            self.log.warning("no descriptors left: at most %s connections from now on; see ulimit -n", fewer)
        while self.nr_conns > self.most_connections and self._make_room():
            pass

    def all_threads_work(self) -> bool:
        """Say whether every thread that predicts is at work."""
        raise NotImplementedError

    def wait_idle(self, conn: Connection) -> None:
        """Wait for a connection's next request."""
        raise NotImplementedError

    def tell(self, conn: Connection, content: bytes) -> None:
        """Send something at once."""
        raise NotImplementedError

    def on_client_socket_readable(self, conn: Connection, client: ClientSocket) -> None:
        """Take what has come of a request."""
        raise NotImplementedError
