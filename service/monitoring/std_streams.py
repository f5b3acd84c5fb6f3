"""What the server and a model's own code write to stderr and stdout waits for nobody and fails for nothing.

A stream that nobody reads stops whoever writes to it, one that is full or closed raises: each would end in a worker, or
the master, that serves no more for the sake of a line. So lines that cannot be written at once are dropped and counted.
"""

import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from service.monitoring.line_writer import LineWriter

STDERR: Final = 2
PATIENCE_SECONDS: Final = 0.02  # for a reader that is busy; while it does not read, nothing waits


class Unwaiting(io.RawIOBase):
    """Takes all that is written, and counts what it could not pass on."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._writer = LineWriter(descriptor, PATIENCE_SECONDS, 0.0)
        self._missing = 0  # since something was written
        self.dropped: Callable[[], object] = lambda: None  # called for each write that is dropped

    def writable(self) -> bool:
        """Say yes."""
        return True

    def fileno(self) -> int:
        """Return the descriptor, which code in C writes to."""
        return self._descriptor

    def write(self, content: Any) -> int:
        """Write lines, a record with its traceback in one piece, or drop them; what was dropped is told of later."""
        gap = f"ml-service: log_dropped: {self._missing} records are missing here.\n".encode() if self._missing else b""
        try:
            self._writer.write(gap + bytes(content))
            self._missing = 0
        except OSError:
            self._missing += 1
            self.dropped()
        return len(content)


def protect() -> None:
    """Have all that Python code writes to stderr go this way, and leave no descriptor of the standard streams free.

    What is opened next would take a free one, and get what is written to it.
    """
    for descriptor in range(3):
        with suppress(OSError):
            os.fstat(descriptor)
            continue
        os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # noqa: FBT003  # the system's interface
    if _stderr() is None:
        closed = sys.stderr is None
        descriptor = os.open(os.devnull, os.O_WRONLY) if closed else STDERR
        sys.stderr = io.TextIOWrapper(Unwaiting(descriptor), "utf-8", "backslashreplace", line_buffering=True)


def _stderr() -> Unwaiting | None:
    raw = getattr(sys.stderr, "buffer", None)
    return raw if isinstance(raw, Unwaiting) else None


def give_stdout_to_the_log() -> None:
    """Have what a model's own code prints go to stderr; stdout is the prediction log's alone."""
    sys.stdout = sys.stderr


def count(dropped: Callable[[], object]) -> None:
    """Have a function called for each write to stderr that is dropped."""
    if raw := _stderr():
        raw.dropped = dropped


def for_code_in_c() -> int:
    """Return a descriptor of stderr that does not wait either, or of nothing where stderr cannot be opened anew.

    The flag would be everybody's whose descriptor was duplicated from the same one.
    """
    try:
        return os.open(f"/proc/self/fd/{STDERR}", os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK)
    except OSError:  # a socket, or another user's
        return os.open(os.devnull, os.O_WRONLY)
