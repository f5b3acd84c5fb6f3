"""Standard streams that never block and never raise, for the server and for the model's own code.

Writing blocks while nobody reads a stream, and raises if it is full or closed. A worker, or the master, would stop
serving because of a log line. So a line that cannot be written at once is dropped and counted.
"""

import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from service.monitoring.line_writer import LineWriter

STDERR: Final = 2
PATIENCE_SECONDS: Final = 0.02  # for a busy reader; once it has stopped reading, no line waits


class NonBlockingStream(io.RawIOBase):
    """Accepts everything that is written, and counts the writes that it had to drop."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._writer = LineWriter(descriptor, PATIENCE_SECONDS, 0.0)
        self._missing = 0  # records dropped since the last one that was written
        self.dropped: Callable[[], object] = lambda: None  # called for each dropped write

    def writable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the descriptor; code in C writes to it directly."""
        return self._descriptor

    def write(self, content: Any) -> int:
        """Write lines (a record with its traceback), or drop them; the next write says how many records are missing."""
        gap = f"ml-service: log_dropped: {self._missing} records are missing here.\n".encode() if self._missing else b""
        try:
            self._writer.write(gap + bytes(content))
            self._missing = 0
        except OSError:
            self._missing += 1
            self.dropped()
        return len(content)


def protect() -> None:
    """Make stderr a NonBlockingStream for Python code, and open the standard descriptors that are closed.

    Otherwise, the next file to be opened would get the number of a closed one, and what is written to that stream.
    """
    for descriptor in range(3):
        with suppress(OSError):
            os.fstat(descriptor)
            continue
        os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # noqa: FBT003  # the system's interface
    if _stderr() is None:
        closed = sys.stderr is None
        descriptor = os.open(os.devnull, os.O_WRONLY) if closed else STDERR
        sys.stderr = io.TextIOWrapper(NonBlockingStream(descriptor), "utf-8", "backslashreplace", line_buffering=True)


def _stderr() -> NonBlockingStream | None:
    raw = getattr(sys.stderr, "buffer", None)
    return raw if isinstance(raw, NonBlockingStream) else None


def give_stdout_to_the_log() -> None:
    """Send what the model's own code prints to stderr: stdout is for the prediction log only."""
    sys.stdout = sys.stderr


def count(dropped: Callable[[], object]) -> None:
    """Call a function for each write to stderr that is dropped."""
    if raw := _stderr():
        raw.dropped = dropped


def for_code_in_c() -> int:
    """Return a new descriptor of stderr that does not block, or one of /dev/null if stderr cannot be opened again.

    O_NONBLOCK on the existing one would apply to all processes that share its open file description.
    """
    try:
        return os.open(f"/proc/self/fd/{STDERR}", os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK)
    except OSError:  # a socket, or another user's
        return os.open(os.devnull, os.O_WRONLY)
