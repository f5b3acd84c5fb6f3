"""Decides when to accept connections, so that workers share them evenly and descriptors suffice."""

import errno
import math
import resource
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from service.server.connections import Connections
from service.server.event_loop import READABLE, EventLoop
from service.server.interfaces import WorkerEvents

NO_DESCRIPTORS: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
SPARE_DESCRIPTORS: Final = 8  # for files, when connections use all others
ACCEPTED_AT_ONCE: Final = 64
# A worker that has no room, whose threads all predict, or that has more connections than the others leaves new ones to
# them: for how many seconds, and how many of those that are still there it then accepts at least. The others may be as
# busy, or hang, and health checks must not wait behind a crowd that is accepted one by one.
LEFT_BY_FULL: Final = 0.02, 1
LEFT_BY_BUSY: Final = 0.02, 64
LEFT_BY_LARGER: Final = 0.005, 16
NOT_LEFT: Final = 0.0, 1
SHORT_SECONDS: Final = 0.02  # how long descriptors count as used up
# A worker has more connections than others if it has more than so many times the average, plus so many.
LARGER_BY: Final = 1.2, 2
AT_ONCE_SECONDS: Final = 1e-6


def _allowed_connections(wanted: int, log: Any) -> int:
    """Raise the soft limit of descriptors as needed; log and return how many of the wanted connections it allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    others = len(list(Path("/proc/self/fd").iterdir())) + SPARE_DESCRIPTORS
    allowed = max(soft, min(hard, wanted + others))
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    most = max(1, min(wanted, allowed - others))
    if most < wanted:
        log.info("at most %s connections in this worker, for want of descriptors", most)
    return most


class Acceptor:
    """Accepts connections; if there is no room for one, another connection is closed."""

    def __init__(
        self,
        loop: EventLoop,
        listeners: list[Any],
        connections: Connections,
        wanted: int,
        mean_connections: Callable[[], float],
        is_busy: Callable[[], bool],
        events: WorkerEvents,
        log: Any,
    ) -> None:
        self._loop, self._listeners, self._connections = loop, listeners, connections
        self.most = _allowed_connections(wanted, log)
        self._mean_connections, self._is_busy, self._events, self._log = mean_connections, is_busy, events, log
        self._listening = False
        # When to look for new connections next, while not listening (monotonic clock), and how many to accept at least.
        self._accept_at, self._at_least = NOT_LEFT
        self._short_until = 0.0  # until when descriptors count as used up (monotonic clock)

    def resume(self) -> None:
        """Accept again, if new connections were left to other workers for long enough."""
        if not self._listening and time.monotonic() >= self._accept_at:
            self._listen(listens=True)
            for listener in self._listeners:
                self._accept(listener, self._at_least)

    def longest_wait(self, now: float) -> float:
        """Return the seconds until `resume` has something to do."""
        return math.inf if self._listening else self._accept_at - now

    def stop(self, *, take_last: bool) -> None:
        """Stop accepting; with `take_last`, first take the connections that the kernel has accepted, and close.

        Those clients may have sent their requests, and closing a listener resets the connections that were not taken.
        """
        self._listen(listens=False)
        if take_last:
            for listener in self._listeners:
                self._take_last(listener)
            self._listeners.clear()

    def _readable(self, listener: socket.socket) -> None:
        """Accept some of the new connections, or leave them to other workers for a moment."""
        seconds, self._at_least = self._left_to_others()
        if seconds:
            self._listen(listens=False)
            self._accept_at = time.monotonic() + seconds
        else:
            self._accept(listener, self._at_least)

    def _accept(self, listener: socket.socket, at_least: int) -> None:
        """Accept so many of the new connections, fewer if room runs out, and more until they are left to others."""
        for number in range(ACCEPTED_AT_ONCE):
            seconds, least = self._left_to_others()
            if seconds and number >= min(at_least, least):
                return
            try:
                accepted, address = listener.accept()
            except OSError as error:
                if error.errno in NO_DESCRIPTORS:
                    self._make_do()
                elif error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                    raise
                return
            if self._connections.count >= self.most:
                self._connections.make_room()
            self._connections.add(accepted, address, listener.getsockname())

    def _left_to_others(self) -> tuple[float, int]:
        """Return for how many seconds to leave new connections to other workers, and how many to accept after that."""
        full = self._connections.count >= self.most and not self._connections.can_make_room
        if full or time.monotonic() < self._short_until:
            return LEFT_BY_FULL
        if self._is_busy():
            return LEFT_BY_BUSY
        times, more = LARGER_BY
        larger = self._connections.count > times * self._mean_connections() + more
        return LEFT_BY_LARGER if larger else NOT_LEFT

    def _listen(self, *, listens: bool) -> None:
        if listens == self._listening:
            return
        self._listening = listens
        for listener in self._listeners:
            if listens:
                listener.setblocking(False)  # noqa: FBT003  # the socket's interface
                self._loop.watch(listener, READABLE, self._readable)
            else:
                self._loop.unwatch(listener)

    def _take_last(self, listener: socket.socket) -> None:
        """Accept all waiting connections and close at once: one that is made in between is reset."""
        listener.setblocking(False)  # noqa: FBT003  # the socket's interface
        server, accepted = listener.getsockname(), []
        interval = sys.getswitchinterval()
        sys.setswitchinterval(AT_ONCE_SECONDS)  # so that a computing thread gives the interpreter back at once
        try:
            while True:
                accepted.append(listener.accept())
        except OSError as error:
            listener.close()
            sys.setswitchinterval(interval)
            if error.errno in NO_DESCRIPTORS:
                self._make_do()
        for client, address in accepted:
            self._connections.add(client, address, server)

    def _make_do(self) -> None:
        """Reduce the number of connections to what the descriptors allow."""
        self._events.out_of_descriptors()
        self._short_until = time.monotonic() + SHORT_SECONDS
        fewer = max(1, self._connections.count - SPARE_DESCRIPTORS)
        if fewer < self.most:
            self.most = fewer
            self._log.warning("no descriptors left: at most %s connections from now on; see ulimit -n", fewer)
        while self._connections.count > self.most and self._connections.make_room():
            pass
