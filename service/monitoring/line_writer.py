"""Writes whole lines to a descriptor that processes and threads share, without waiting long for its reader."""

import fcntl
import mmap
import os
import select
import stat
import threading
import time
from typing import Final

PATIENCE_SECONDS: Final = 0.25
STALLED_SECONDS: Final = 0.005


class LineWriter:
    """Writes each line completely, or drops it.

    The kernel writes no more than PIPE_BUF bytes to a pipe atomically (pipe(7)), so a lock is held while a line is
    written: one for threads, and one for processes on an anonymous file, which the kernel releases if its holder is
    killed. A byte in shared memory says whether a full disk or a kill left a line unfinished; then the next line starts
    with a line break.

    A pipe fills up when its reader stops. A line then waits for at most `patience` seconds, and later lines for at most
    `stalled` seconds until there is room again: a log must not stop the server. A pipe that is writable according to
    poll(2) takes PIPE_BUF bytes without blocking.
    """

    def __init__(self, descriptor: int, patience: float = PATIENCE_SECONDS, stalled: float = STALLED_SECONDS) -> None:
        self._descriptor = descriptor
        self._patience, self._when_stalled = patience, stalled
        mode = os.fstat(descriptor).st_mode
        self._waits = not stat.S_ISREG(mode)  # a regular file has no reader to wait for
        self._piece = select.PIPE_BUF if self._waits else 1 << 30
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self._threads = threading.Lock()
        self._processes = os.memfd_create("log-lock")
        self._torn = mmap.mmap(-1, 1)  # shared with the processes that are forked from this one
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
                self._write(line, deadline)
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

    def _write(self, line: bytes, deadline: float) -> None:
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
