"""Runs a command, and ends it and removes its folder when the process that wants it has gone.

It is a program of its own, `python keeper.py FOLDER PARENT OUT ERR COMMAND…`. So what it runs ends however a notebook's
kernel ends, and is not interrupted with the notebook's cells. It has no need of any package.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

LOOK_SECONDS: Final = 0.5
END_SECONDS: Final = 15.0  # longer than a server takes that answers what is in flight
_SIGNALS: Final = (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_PDEATHSIG: Final = 1  # prctl(2)


def main(folder: str, parent: str, out: str, err: str, *command: str) -> int:
    """Return the command's exit code, with the folder left there; or 0, when it is not wanted any more."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    status = _run(command, int(parent), Path(out), Path(err))
    if status is None or os.getppid() != int(parent):
        shutil.rmtree(folder, ignore_errors=True)
    return status or 0


def _run(command: Sequence[str], parent: int, out: Path, err: Path) -> int | None:
    """Return the command's exit code, or None if it was ended because it is not wanted any more."""
    with out.open("wb") as stdout, err.open("wb") as stderr:
        child = subprocess.Popen(command, stdout=stdout, stderr=stderr, preexec_fn=_begin)  # noqa: PLW1509, S603
    while True:
        found = signal.sigtimedwait(_SIGNALS, LOOK_SECONDS)
        if (status := child.poll()) is not None:
            return status
        if os.getppid() != parent or (found and found.si_signo != signal.SIGCHLD):
            _end(child)
            return None


def _begin() -> None:
    """Prepare the child: it gets signals again, and the kernel kills it if this process is killed."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    with suppress(AttributeError):  # another system
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
