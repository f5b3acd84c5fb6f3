"""A directory that one server's processes share, and that goes when they are gone, however they went."""

import atexit
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from service.config.temporary_dirs import all_places, place_for
from service.server.running_servers import FILE, PREFIX


def make(files: int, room: int = 0) -> Path:
    """Make a private directory, in memory where that has room for so much; the process that calls removes it at exit.

    What servers that were killed have left is removed first: whoever lives holds a lock in its directory, which the
    kernel frees with the last of its processes. Raises Refused.
    """
    for path in _made(all_places()):
        if not _lives(path):
            shutil.rmtree(path.parent, ignore_errors=True)
    directory = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place_for(files, room)))
    lock = os.open(directory / FILE, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.write(lock, str(os.getpid()).encode())
    atexit.register(_remove_own, directory, os.getpid())
    return directory


def living() -> dict[int, Path]:
    """Return the directories of the servers that live, by the process id of their maker."""
    paths = [path for path in _made(all_places()) if _lives(path) and os.access(path, os.R_OK)]
    return {int(said[0]): path.parent for path in paths if (said := path.read_text().split())}


def say(directory: Path, host: str, port: int) -> None:
    """Say where the server of the directory can be asked; the file is there, so there is room for that."""
    with (directory / FILE).open("a") as file:
        file.write(f" {host} {port}")


def _remove_own(directory: Path, owner: int) -> None:
    if os.getpid() == owner:  # a forked worker has this registered too
        shutil.rmtree(directory, ignore_errors=True)


def _made(bases: Iterable[Path]) -> Iterator[Path]:
    for base in bases:
        yield from base.glob(f"{PREFIX}*/{FILE}")


def _lives(path: Path) -> bool:
    """Say whether somebody holds the lock, or it is somebody else's, or just gone."""
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
