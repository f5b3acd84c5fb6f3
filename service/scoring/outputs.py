"""Where results are written: a file that gets its name when it is complete, or a stream."""

import errno
import fcntl
import os
import time
from pathlib import Path
from typing import Final

from service.scoring.job import STANDARD, is_file
from service.scoring.stopped import Stopped

_STDOUT: Final = 1
_FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_LOCK_SECONDS: Final = 5.0  # the processes of a run that was killed hold its lock a moment longer


class Output:
    """An output that keeps nothing, so that nothing can be cut off, completed or removed."""

    size = 0

    def write(self, content: bytes) -> None:
        """Write all of it; raises OSError."""

    def cut(self, size: int) -> None:
        """Cut off what was written after so many bytes."""

    def finish(self) -> None:
        """Complete the output."""

    def close(self) -> None:
        """Close the output, so that another run can resume it."""

    def remove(self) -> None:
        """Remove what was written, and close the output."""


class Stream(Output):
    """The standard output, or a device; what was written stays written."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def write(self, content: bytes) -> None:
        """Write all of it; raises OSError."""
        view = memoryview(content)
        while view:
            view = view[os.write(self.descriptor, view) :]
        self.size += len(content)


class PartialFile(Stream):
    """A file that is written under another name; in the end a result gets its final name, and others are removed."""

    def __init__(self, path: Path, suffix: str = "partial", *, is_result: bool = True) -> None:
        """Open the file with what an earlier run wrote; raises Stopped if another run is writing it."""
        self._path, self._is_result = path, is_result
        self.partial = path.with_name(f"{path.name}.{suffix}")
        try:
            super().__init__(os.open(self.partial, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666))
        except OSError as error:
            raise Stopped("bad_output", f"{path} cannot be written ({error.strerror}); name another place.") from None
        self._lock()
        self.size = os.fstat(self.descriptor).st_size

    def cut(self, size: int) -> None:
        """Cut off what was written after so many bytes."""
        os.ftruncate(self.descriptor, size)
        self.size = os.lseek(self.descriptor, size, os.SEEK_SET)

    def finish(self) -> None:
        """Write the file to the disk and give it its name, or remove it."""
        if self._is_result:
            os.fsync(self.descriptor)
            self.partial.replace(self._path)
            self.close()
        else:
            self.remove()

    def close(self) -> None:
        """Close the file, so that another run can resume it."""
        os.close(self.descriptor)

    def remove(self) -> None:
        """Remove what was written, and close the file."""
        self.partial.unlink(missing_ok=True)
        self.close()

    def _lock(self) -> None:
        end = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if time.monotonic() > end:
                    self.close()
                    raise Stopped("bad_output", f"{self.partial} is being written by another run.") from None
                time.sleep(0.05)
            else:
                break
        if not self.partial.exists() or not os.path.samestat(os.fstat(self.descriptor), self.partial.stat()):
            self.close()
            raise Stopped("bad_output", f"{self._path} was just written by another run.")


def open_output(path: str) -> Stream:
    """Open a file, the standard output or a device."""
    if is_file(path, new=True):
        return PartialFile(Path(path))
    return Stream(_STDOUT if path == STANDARD else os.open(path, os.O_WRONLY))


def no_room(error: OSError) -> bool:
    """Return whether an error says that there is no room to write."""
    return error.errno in _FULL
