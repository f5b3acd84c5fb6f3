"""Watches MODEL_DIR through a process of its own, so that a file system that hangs stops only that process.

The process is a new program. A fork of the master would hold the memory of the model that was loaded when it started.
"""

import logging
import os
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

logger = logging.getLogger(__name__)
RESTART_SECONDS: Final = 5.0
ROOT: Final = Path(__file__).parents[2]
FAILED: Final = "failed"
_PIECE: Final = 1 << 16


class DirectoryWatch:
    """The master's side, which never waits for the program.

    The program's last argument is the master's process id. It writes a line with each state that has lasted for a
    while, and reads the states that were tried. After a check of MODEL_URI, it also writes a line with the outcome, a
    blank, and the words to log, if any. Without a command, nothing is watched.
    """

    def __init__(self, command: Sequence[str], count: Callable[[str], object] = lambda _: None) -> None:
        self._count = count  # called with outcomes
        self._command = [*command, str(os.getpid())] if command else []
        self._process: subprocess.Popen[bytes] | None = None
        self._start_at = 0.0
        self._unfinished = b""  # the beginning of a line
        self._tried = ""

    def note(self, state: str) -> None:
        """Remember the state that was tried; "" if that is not known."""
        self._tried = state or self._tried
        if state and self._process and self._process.stdin:
            with suppress(OSError):  # the program hangs or has gone
                os.write(self._process.stdin.fileno(), f"{state}\n".encode())

    def changed(self, now: float) -> bool:
        """Return True once for each new state that has lasted; `now` is by the monotonic clock."""
        if not self._command:
            return False
        if self._process is None and now >= self._start_at:
            self._start(now)
        *lines, self._unfinished = (self._unfinished + self._read()).split(b"\n")
        states = [line.decode() for line in lines if b" " not in line]
        for line in lines:
            if b" " in line:
                self._report(*line.decode(errors="replace").split(" ", 1))
        return bool(states) and states[-1] != self._tried

    def _report(self, outcome: str, words: str) -> None:
        self._count(outcome)
        if words:
            logger.log(logging.WARNING if outcome == FAILED else logging.INFO, "%s", words)

    def stop(self) -> None:
        """End the process without waiting for it, because it may hang in the kernel."""
        if self._process:
            self._process.kill()

    def _start(self, now: float) -> None:
        self._start_at, self._unfinished = now + RESTART_SECONDS, b""
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        try:
            self._process = subprocess.Popen(self._command, cwd=ROOT, bufsize=0, **pipes)  # noqa: S603  # our own program
        except OSError as error:
            logger.warning("MODEL_DIR is not watched for now: %s", error)
            return
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                os.set_blocking(pipe.fileno(), False)
        self.note(self._tried)

    def _read(self) -> bytes:
        if not self._process or not self._process.stdout:
            return b""
        try:
            content = os.read(self._process.stdout.fileno(), _PIECE)
        except BlockingIOError:
            return b""
        if not content:
            logger.warning("the process that watches MODEL_DIR has gone; another one is started")
            self._process.poll()
            self._process.stdout.close()
            self._process = None
        return content
