"""A directory that the processes of one server share. It is removed after they have gone, for whatever reason."""

import atexit
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from service.config import temporary_dirs
from service.server.healthcheck import FILE, PREFIX


def make(files: int, size: int = 0) -> Path:
    """Create a private directory for so many files and bytes; this process removes it at exit. Raises Refused.

    Directories of servers that were killed are removed first. A running server holds a lock in its directory, and the
    kernel releases the lock when the last of its processes ends.
    """
    for path in _lock_files(temporary_dirs.candidates()):
        if not _is_locked(path):
            shutil.rmtree(path.parent, ignore_errors=True)
    directory = Path(tempfile.mkdtemp(prefix=PREFIX, dir=temporary_dirs.choose(files, size)))
    lock = os.open(directory / FILE, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.write(lock, str(os.getpid()).encode())
    atexit.register(_remove, directory, os.getpid())
    return directory


def running() -> dict[int, Path]:
    """Return the directories of the running servers by their masters' process ids."""
    paths = [path for path in _lock_files(temporary_dirs.candidates()) if _is_locked(path) and os.access(path, os.R_OK)]
    return {int(words[0]): path.parent for path in paths if (words := path.read_text().split())}


def publish_address(directory: Path, host: str, port: int) -> None:
    """Write the address at which the server can be reached into its directory."""
    with (directory / FILE).open("a") as file:
        file.write(f" {host} {port}")


def _remove(directory: Path, owner: int) -> None:
    if os.getpid() == owner:  # a forked worker has inherited the exit handler
        shutil.rmtree(directory, ignore_errors=True)


def _lock_files(directories: Iterable[Path]) -> Iterator[Path]:
    for directory in directories:
        yield from directory.glob(f"{PREFIX}*/{FILE}")


def _is_locked(path: Path) -> bool:
    """Return whether a process holds the lock; true also if the file belongs to another user, or has just gone."""
    try:
        lock = os.open(path, os.O_RDWR)
    except OSError:
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False
