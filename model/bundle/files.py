"""Reads files of any origin: only regular files of the expected size, without blocking on a FIFO. Writes files."""

import os
import stat
from pathlib import Path
from typing import Final

from model.errors import MORE_MEMORY, NoRoom

_KINDS: Final = {
    stat.S_IFBLK: "a block device",
    stat.S_IFCHR: "a character device",
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
}


class UnfitFile(OSError):
    """The file at a path is refused; the message says what was expected, and what is there."""


def read_file(path: Path, expected: str, *, least: int = 0, most: int) -> bytes:
    """Return the content of a regular file of `least` to `most` bytes, symbolic links followed; raises OSError, NoRoom.

    Type and size are checked before anything is read, and if the file grows meanwhile, the rest is not read. `expected`
    describes the file for error messages.
    """
    _check(path, path.stat(), expected, least, most)  # before opening, which may have effects on a device
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:  # noqa: PTH123  # Path.open does not take these flags
        found = os.fstat(descriptor)
        _check(path, found, expected, least, most)
        try:
            return file.read(found.st_size)
        except MemoryError:
            raise NoRoom(f"{path} has {found.st_size} bytes, more than there is memory; {MORE_MEMORY}.") from None


def write_file(path: Path, content: bytes) -> None:
    """Write a file, and return when it is on the disk; raises OSError."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _check(path: Path, found: os.stat_result, expected: str, least: int, most: int) -> None:
    kind = stat.S_IFMT(found.st_mode)
    if kind != stat.S_IFREG:
        raise UnfitFile(f"{path} is {_KINDS.get(kind, 'not a regular file')}, expected {expected}")
    if not least <= found.st_size <= most:
        raise UnfitFile(f"{path} has {found.st_size} bytes, expected {expected}")
