"""Where the server creates files of its own: in memory if possible, else in the directory for temporary files."""

import hashlib
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from service.config.refusals import NO_ROOM, Refused

_MEMORY: Final = "/dev/shm"  # noqa: S108  # what is created in it is private


def candidates() -> list[Path]:
    """Return the directories in which servers may have created files, the one in memory first."""
    directories = [Path(_MEMORY)]
    with suppress(FileNotFoundError):  # there is no writable directory for temporary files
        directories.append(Path(tempfile.gettempdir()))
    return directories


def choose(files: int, size: int = 0) -> Path:
    """Return the first directory with room for so many files and bytes, else a writable one; raises Refused."""
    obstacles = {path: _obstacle(path) for path in candidates()}
    usable = [path for path, obstacle in obstacles.items() if not obstacle]
    if not usable:
        tried = ", ".join(f"{path} ({obstacle})" for path, obstacle in obstacles.items())
        raise Refused(NO_ROOM, f"no file can be made in {tried}; make one of them writable (docker run --tmpfs /tmp).")
    return next((path for path in usable if _has_room(path, files, size)), usable[-1])


def of_fetched(uri: str) -> Path:
    """Return this user's directory for a bundle that is fetched from a URI; the directory need not exist."""
    return Path(tempfile.gettempdir()) / f"ml-service-{os.getuid()}" / hashlib.sha256(uri.encode()).hexdigest()[:16]


def make_private(path: Path) -> None:
    """Create a folder that only this user can write to, unless it exists; raises Refused if others can write to it."""
    path.mkdir(mode=stat.S_IRWXU, exist_ok=True)
    entry = path.lstat()
    if not stat.S_ISDIR(entry.st_mode) or entry.st_uid != os.getuid() or entry.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise Refused(NO_ROOM, f"{path} is not a directory of this user's alone; remove it, or set MODEL_DIR.")


def _obstacle(path: Path) -> str:
    """Return why no file can be created in a directory, or "" if one can."""
    try:
        with tempfile.TemporaryFile(dir=path):
            return ""
    except OSError as error:
        return str(error.strerror)


def _has_room(path: Path, files: int, size: int) -> bool:
    """Return whether there is room; a file system that does not count files has room for any number (statvfs(3))."""
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize >= size and (not status.f_files or status.f_favail >= files)
