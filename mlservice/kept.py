"""A folder for temporary files and the keeper that runs a command there; both are gone when this process is."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mlservice import application, keeper

_STEP_SECONDS: Final = 0.01


@dataclass(frozen=True)
class Command:
    """Arguments for Python, and the names of the files in the folder that its output goes to."""

    arguments: Sequence[str]
    out: str
    err: str


class Kept:
    """The folder and, once it is started, the keeper."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ml-service-"))
        self._process: subprocess.Popen[bytes] | None = None
        # When the object is not needed any more, and at the latest when Python ends.
        self._end = weakref.finalize(self, _clean, self.folder, os.getpid())

    def start(self, command: Command, environ: Mapping[str, str] | None = None) -> None:
        """Start a command, in the application's folder; one that was started before has ended."""
        streams = [str(self.folder / command.out), str(self.folder / command.err)]
        program = [sys.executable, "-I", keeper.__file__, str(self.folder), str(os.getpid()), *streams]
        self._process = subprocess.Popen(  # noqa: S603  # our own program
            [*program, sys.executable, *command.arguments],
            cwd=application.root(),
            env=application.environment(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # a notebook's interrupt is for its cells
        )
        self._end.detach()
        self._end = weakref.finalize(self, _clean, self.folder, os.getpid(), self._process)

    @property
    def ended(self) -> bool:
        """Whether the keeper has ended."""
        return self._process is None or self._process.poll() is not None

    def wait_for(self, check: Callable[[], Any]) -> Any:
        """Return the check's first true answer; None if the keeper has ended before there is one."""
        while True:
            ended = self.ended
            if (found := check()) or ended:
                return found or None
            time.sleep(_STEP_SECONDS)

    def read(self, name: str) -> str:
        """Return what a file in the folder has, "" if it is not there."""
        path = self.folder / name
        return path.read_text(errors="replace") if path.exists() else ""

    def close(self) -> None:
        """End what runs, and remove the folder; may be called again."""
        self._end()


def _clean(folder: Path, owner: int, process: subprocess.Popen[bytes] | None = None) -> None:
    """End the keeper and remove the folder, unless this is a fork of the process that made them."""
    if os.getpid() != owner:
        return
    if process is not None:
        process.terminate()
        try:
            process.wait(2 * keeper.END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()  # what it runs ends with it
            process.wait()
    shutil.rmtree(folder, ignore_errors=True)
