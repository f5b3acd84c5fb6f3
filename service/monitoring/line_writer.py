"""Writes whole lines to an output that processes and threads share, without waiting long for its reader."""

import fcntl
import mmap
import os
import select
import stat
import threading
import time
from typing import Final, Protocol

PATIENCE_SECONDS: Final = 0.25
STALLED_SECONDS: Final = 0.005


class Output(Protocol):
    """What lines are written to, one at a time."""

    def write(self, line: bytes, deadline: float) -> None:
        """Write a line, or raise OSError: BlockingIOError if nobody reads until the deadline (monotonic clock)."""


class LineWriter:
    """Writes each line completely, or drops it.

    A lock is held while a line is written: one for threads, and one for processes on an anonymous file, which the
    kernel releases if its holder is killed. A line waits for at most `patience` seconds. After one was dropped, lines
    wait for at most `stalled` seconds until one is written again: a log must not stop the server.
    """

    def __init__(
        self, output: Output | int, patience: float = PATIENCE_SECONDS, stalled: float = STALLED_SECONDS
    ) -> None:
        self._output: Output = Stream(output) if isinstance(output, int) else output
        self._patience, self._when_stalled = patience, stalled
        self._threads = threading.Lock()
        self._processes = os.memfd_create("log-lock")
        self._stalled = False

    def write(self, line: bytes) -> None:
        """Write one line, or drop it and raise OSError: BlockingIOError when nobody reads."""
        patience = self._when_stalled if self._stalled else self._patience
        deadline = time.monotonic() + patience
        if not self._threads.acquire(timeout=patience):
            raise BlockingIOError("another thread is waiting for the reader of the log")
        try:
            self._lock(deadline)
            try:
                self._output.write(line, deadline)
            finally:
                fcntl.lockf(self._processes, fcntl.LOCK_UN)
            self._stalled = False
        except BlockingIOError:
            self._stalled = True
            raise
        finally:
            self._threads.release()

    def _lock(self, deadline: float) -> None:
        """Take the lock of the processes; its holder may have been stopped, or may be waiting for the reader."""
        while True:
            try:
                fcntl.lockf(self._processes, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(0.0002)
            else:
                return


class Stream:
    """A descriptor, which may be a pipe.

    The kernel writes no more than PIPE_BUF bytes to a pipe atomically (pipe(7)). A pipe that is writable according to
    poll(2) takes that many without blocking. A byte in shared memory says whether a full disk or a kill left a line
    unfinished; then the next line starts with a line break. A kill just after a whole line looks the same, and leads
    to an empty line.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        mode = os.fstat(descriptor).st_mode
        self._waits = not stat.S_ISREG(mode)  # a regular file has no reader to wait for
        self._piece = select.PIPE_BUF if self._waits else 1 << 30
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self._torn = mmap.mmap(-1, 1)  # shared with the processes that are forked from this one

    def write(self, line: bytes, deadline: float) -> None:
        """Write a line."""
        torn = self._torn[0]
        left = memoryview(b"\n" + line if torn else line)
        size = len(left)
        self._wait(deadline)  # a line for which there is no room leaves nothing unfinished
        self._torn[0] = True
        try:
            while left := left[os.write(self._descriptor, left[: self._piece]) :]:
                self._wait(deadline)
        except OSError:
            self._torn[0] = torn or len(left) < size
            raise
        self._torn[0] = False

    def _wait(self, deadline: float) -> None:
        if self._waits and not self._poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise BlockingIOError("nobody is reading the log")
