"""The files that the metrics of several processes are in, with the room they need taken in advance.

prometheus-client maps files that are longer than what the system has given them; when that has no more to give, the
next write to such a page kills the process with SIGBUS. Here each byte of a file is there before it is mapped.
"""

import os
import struct
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from prometheus_client import values
from prometheus_client.metrics_core import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

MASTER: Final = "master"
_INITIAL: Final = 64 * 1024
_PAGE: Final = 4096
_VALUE: Final = struct.Struct("dd")


class AllocatedDict(MmapedDict):
    """A mapped file all of which is there; a private one, which no scrape sees, where the system has no room."""

    def __init__(self, filename: str, read_mode: bool = False) -> None:  # noqa: FBT001, FBT002  # the library's
        if not _allocated(filename):
            filename = f"/proc/self/fd/{os.memfd_create('unshared-metrics')}"
        super().__init__(filename, read_mode)

    def write_value(self, key: str, value: float, timestamp: float) -> None:
        """Write a value; the library's own makes the bytes first and copies them then."""
        if key not in self._positions:
            self._init_value(key)
        _VALUE.pack_into(self._m, self._positions[key], value, timestamp)

    def _init_value(self, key: str) -> None:
        """Make room for one more series; raises OSError when there is none."""
        if self._used + len(key.encode()) + 32 > self._capacity:
            os.posix_fallocate(self._f.fileno(), 0, 2 * self._capacity)
        super()._init_value(key)


def _allocated(filename: str) -> bool:
    try:
        with Path(filename).open("ab") as file:
            os.posix_fallocate(file.fileno(), 0, os.fstat(file.fileno()).st_size or _INITIAL)
    except OSError:
        return False
    return True


def use() -> None:
    """Have the client library use these files."""
    values.MmapedDict = AllocatedDict  # type: ignore[attr-defined]  # where the library takes it from


def allocate(directory: Path, slot: str) -> bool:
    """Take the room that a worker of the slot needs for the master's series; say whether there was enough."""
    try:
        for path in directory.glob(f"*_{MASTER}.db"):
            (used,) = struct.unpack_from("i", path.read_bytes())
            size = -(-(used + used // 4 + _PAGE) // _PAGE) * _PAGE
            with path.with_name(path.name.replace(MASTER, slot)).open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, size)
    except OSError:
        return False
    return True


def forget_live(directory: Path, slot: str) -> None:
    """Empty the live gauges of a slot whose worker has gone; the room stays taken, for its next worker."""
    for path in directory.glob(f"gauge_live*_{slot}.db"):
        with path.open("r+b") as file:
            file.write(bytes(8))  # so many bytes are used: none


class Files:
    """Collects what is in some files."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self.paths = list(paths)

    def collect(self) -> Iterable[Metric]:
        """Return all metrics, merged; raises what reading a torn file does."""
        merged: Iterable[Metric] = MultiProcessCollector.merge(list(map(str, self.paths)))
        return merged

    def readable(self) -> "Files":
        """Return those of the files that are not torn."""
        return Files(path for path in self.paths if _readable(path))


def _readable(path: Path) -> bool:
    with suppress(OSError, RuntimeError, ValueError, struct.error):
        entries: Iterable[Any] = MmapedDict.read_all_values_from_file(str(path))
        return all(entry is not None for entry in entries)
    return False
