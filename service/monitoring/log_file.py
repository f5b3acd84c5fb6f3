"""The prediction log as a file, which is rotated by its size, or by a program that renames or removes it."""

import os
import stat
from pathlib import Path
from typing import Final

_MODE: Final = 0o640  # the log may hold personal data
_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC


class LogFile:
    """A file that processes share; each writes one line at a time, while it holds the lock of a LineWriter.

    A line that does not fit into `most_bytes` (0: no limit) begins a new file: FILE becomes FILE.1, FILE.1 becomes
    FILE.2, and so on up to `kept`; the oldest is replaced. A process opens the file when it first writes, and again
    when the name belongs to another file, or to none. So every line is in one of the files, whoever renames them. A
    line that cannot be written completely is cut off again; one that a killed process left unfinished gets a line end.
    """

    def __init__(self, path: Path, most_bytes: int = 0, kept: int = 1) -> None:
        self._path = path.resolve()
        self._name = str(self._path)
        self._most_bytes, self._kept = most_bytes, kept
        self._descriptor = -1
        self._file = (-1, -1)  # device and inode

    def check(self) -> None:
        """Create the file; raises OSError if it, or others beside it, cannot be created."""
        if self._path.exists() and not self._path.is_file():
            raise OSError("it is no regular file")
        os.close(os.open(self._path, _FLAGS, _MODE))
        if not os.access(self._path.parent, os.W_OK | os.X_OK):
            raise OSError(f"no files can be made in {self._path.parent}, as rotation does")

    def write(self, line: bytes, deadline: float) -> None:  # noqa: ARG002  # a file has no reader to wait for
        """Write a line; raises OSError."""
        size = self._size()
        if self._most_bytes and size and size + len(line) > self._most_bytes:
            size = self._rotate()
        if size and os.pread(self._descriptor, 1, size - 1) != b"\n":
            line = b"\n" + line
        left, descriptor = memoryview(line), self._descriptor
        try:
            while left := left[os.write(descriptor, left) :]:
                pass
        except OSError:
            if os.fstat(descriptor).st_size == size + len(line) - len(left):  # nobody else has written to it since
                os.ftruncate(descriptor, size)
            raise

    def close(self) -> None:
        """Close the file; the next line opens it again."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._file = -1, (-1, -1)

    def _size(self) -> int:
        """Return the size of the file that has the name now, and open that unless it is open already."""
        try:
            status = os.stat(self._name)  # noqa: PTH116  # called for each line, and pathlib takes twice as long
        except FileNotFoundError:
            return self._open()
        return status.st_size if (status.st_dev, status.st_ino) == self._file else self._open()

    def _open(self) -> int:
        self.close()
        self._descriptor = os.open(self._path, _FLAGS, _MODE)
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode):
            self.close()
            raise OSError(f"{self._path} is no regular file")
        self._file = status.st_dev, status.st_ino
        return status.st_size

    def _rotate(self) -> int:
        """Begin a new file, and return its size; if files cannot be renamed, go on with the open one."""
        others = [Path(f"{self._path}.{number}") for number in range(1, self._kept + 1)]
        free = next((index for index, other in enumerate(others) if not other.exists()), self._kept - 1)
        try:
            for index in range(free, 0, -1):
                others[index - 1].rename(others[index])
            self._path.rename(others[0])
        except OSError:
            return os.fstat(self._descriptor).st_size
        return self._open()
