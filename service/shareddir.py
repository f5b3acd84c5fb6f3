"""A directory that one server's processes share, and that goes when they are gone, however they went."""

import atexit
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

_MEMORY = "/dev/shm"  # noqa: S108  # mkdtemp makes a private directory in it
_LOCK = "alive"


def make(prefix: str) -> Path:
    """Make a private directory, in memory where the system has such a place; the process that calls removes it at exit.

    What servers that were killed have left is removed first: whoever lives holds a lock in its directory, which the
    kernel frees with the last of its processes.
    """
    base = Path(_MEMORY if os.access(_MEMORY, os.W_OK) else tempfile.gettempdir())
    for path in base.glob(f"{prefix}-*/{_LOCK}"):
        _remove_if_dead(path)
    directory = Path(tempfile.mkdtemp(prefix=f"{prefix}-", dir=base))
    lock = os.open(directory / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    atexit.register(_remove_own, directory, os.getpid())
    return directory


def _remove_own(directory: Path, owner: int) -> None:
    if os.getpid() == owner:  # a forked worker has this registered too
        shutil.rmtree(directory, ignore_errors=True)


def _remove_if_dead(path: Path) -> None:
    try:
        lock = os.open(path, os.O_RDWR)
    except OSError:
        return  # somebody else's, or just gone
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path.parent, ignore_errors=True)
    except BlockingIOError:
        pass  # alive
    finally:
        os.close(lock)
