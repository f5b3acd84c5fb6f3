"""Writes whole lines to a stream or a file that processes and threads share, without waiting long for a reader."""

import fcntl
import mmap
import os
import select
import stat
import threading
import time
from pathlib import Path
from typing import Final

PATIENCE_SECONDS: Final = 0.25
STALLED_SECONDS: Final = 0.005
_MODE: Final = 0o640  # a file of the log may hold personal data
_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC


class LineWriter:
    """Writes each line completely, or drops it.

    A lock is held while a line is written: one for threads, and one for processes on an anonymous file, which the
    kernel releases if its holder is killed. A line waits for at most `patience` seconds. After one was dropped, lines
    wait for at most `stalled` seconds until one is written again: a log must not stop the server.
    """

    def __init__(
        self, output: "LogFile | int", patience: float = PATIENCE_SECONDS, stalled: float = STALLED_SECONDS
    ) -> None:
        self._output: Stream | LogFile = Stream(output) if isinstance(output, int) else output
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


class LogFile:
    """A file that is rotated by its size, or by a program that renames or removes it.

    Processes share it; each writes one line at a time, while it holds the lock of a LineWriter. A line that does not
    fit into `most_bytes` (0: no limit) begins a new file: FILE becomes FILE.1, FILE.1 becomes FILE.2, and so on up to
    `kept`; the oldest is replaced. A process opens the file when it first writes, and again when the name belongs to
    another file, or to none. So every line is in one of the files, whoever renames them. A line that cannot be written
    completely is cut off again; one that a killed process left unfinished gets a line end.
    """

    def __init__(self, path: Path, most_bytes: int = 0, kept: int = 1) -> None:
        self._path = path.resolve()
        self._name = str(self._path)
        self._most_bytes, self._kept = most_bytes, kept
        self._descriptor = -1
        self._file = (-1, -1)  # device and inode

    def check(self) -> None:
        """Create the file; raises OSError if it, or others beside it, cannot be created."""
        if self._path.exists() and not self._path.is_file():
            raise OSError("it is no regular file")
        os.close(os.open(self._path, _FLAGS, _MODE))
        if not os.access(self._path.parent, os.W_OK | os.X_OK):
            raise OSError(f"no files can be made in {self._path.parent}, as rotation does")

    def write(self, line: bytes, deadline: float) -> None:  # noqa: ARG002  # a file has no reader to wait for
        """Write a line; raises OSError."""
        size = self._size()
        if self._most_bytes and size and size + len(line) > self._most_bytes:
            size = self._rotate()
        if size and os.pread(self._descriptor, 1, size - 1) != b"\n":
            line = b"\n" + line
        left, descriptor = memoryview(line), self._descriptor
        try:
            while left := left[os.write(descriptor, left) :]:
                pass
        except OSError:
            if os.fstat(descriptor).st_size == size + len(line) - len(left):  # nobody else has written to it since
                os.ftruncate(descriptor, size)
            raise

    def close(self) -> None:
        """Close the file; the next line opens it again."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._file = -1, (-1, -1)

    def _size(self) -> int:
        """Return the size of the file that has the name now, and open that unless it is open already."""
        try:
            status = os.stat(self._name)  # noqa: PTH116  # called for each line, and pathlib takes twice as long
        except FileNotFoundError:
            return self._open()
        return status.st_size if (status.st_dev, status.st_ino) == self._file else self._open()

    def _open(self) -> int:
        self.close()
        self._descriptor = os.open(self._path, _FLAGS, _MODE)
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode):
            self.close()
            raise OSError(f"{self._path} is no regular file")
        self._file = status.st_dev, status.st_ino
        return status.st_size

    def _rotate(self) -> int:
        """Begin a new file, and return its size; if files cannot be renamed, go on with the open one."""
        others = [Path(f"{self._path}.{number}") for number in range(1, self._kept + 1)]
        free = next((index for index, other in enumerate(others) if not other.exists()), self._kept - 1)
        try:
            for index in range(free, 0, -1):
                others[index - 1].rename(others[index])
            self._path.rename(others[0])
        except OSError:
            return os.fstat(self._descriptor).st_size
        return self._open()
