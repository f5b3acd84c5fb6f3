"""The worker's main loop: calls the handlers of sockets that are ready, and functions that other threads pass to it."""

import os
import selectors
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from resource import RUSAGE_THREAD, getrusage
from typing import Any, Final

READABLE, WRITABLE = selectors.EVENT_READ, selectors.EVENT_WRITE
PERIOD_SECONDS: Final = 0.5


class EventLoop:
    """Calls its handlers in one thread; other threads may only use `call`."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._calls: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._reader, self._writer = os.pipe()
        for descriptor in (self._reader, self._writer):
            os.set_blocking(descriptor, False)
        self._selector.register(self._reader, READABLE, self._run_calls)
        self._switches = 0  # voluntary context switches of this thread when it last stopped waiting

    def watch(self, sock: socket.socket, event: int, handle: Callable[[Any], object]) -> None:
        """Call `handle` with the socket whenever it is readable or writable, as `event` says."""
        self._selector.register(sock, event, handle)

    def unwatch(self, sock: socket.socket) -> None:
        """Stop watching a socket."""
        self._selector.unregister(sock)

    def call(self, function: Callable[[], object]) -> None:
        """Have the loop call a function soon; for other threads and for signal handlers."""
        self._calls.put(function)
        with suppress(OSError):  # the pipe is full, so the loop is awake anyway; or the loop is closed
            os.write(self._writer, b"\0")

    def turn(self, seconds: float) -> None:
        """Wait for events for at most so many seconds, and handle those that there are."""
        events = self._selector.select(max(0.0, seconds))
        self._switches = getrusage(RUSAGE_THREAD).ru_nvcsw
        for key, _ in events:
            handle: Callable[[Any], object] = key.data
            handle(key.fileobj)

    def has_blocked(self) -> bool:
        """Return whether this thread has waited for anything since the last call of this, or since the loop woke up.

        If it has not, then what took long was waiting for a CPU that other processes had.
        """
        before, self._switches = self._switches, getrusage(RUSAGE_THREAD).ru_nvcsw
        return self._switches > before

    def close(self) -> None:
        """Release the loop's descriptors."""
        self._selector.close()
        os.close(self._reader)
        os.close(self._writer)

    def _run_calls(self, reader: int) -> None:
        os.read(reader, 4096)
        with suppress(Empty):
            for _ in range(self._calls.qsize()):  # a function that is added meanwhile wakes the loop again
                self._calls.get_nowait()()


class Periodic:
    """Calls a function every PERIOD_SECONDS, or at the loop's next turn after that."""

    def __init__(self, call: Callable[[], object], log: Any) -> None:
        self._call, self._log = call, log
        self._at = 0.0  # when to call next (monotonic clock)
        self._failed = False

    def longest_wait(self, now: float) -> float:
        """Return the seconds until the next call."""
        return self._at - now

    def call_if_due(self) -> None:
        """Call the function if it is time."""
        now = time.monotonic()
        if now >= self._at:
            self._at = now + PERIOD_SECONDS
            self.call()

    def call(self) -> None:
        """Call the function now. Its first failure is logged, and no failure stops the worker."""
        try:
            self._call()
        except Exception:  # noqa: BLE001  # a full disk, or whatever else makes it fail
            if not self._failed:
                self._log.exception("what this worker does every %g s has failed", PERIOD_SECONDS)
            self._failed = True
