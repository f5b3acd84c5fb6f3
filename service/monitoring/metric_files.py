"""The files in which processes share their metrics; their space is allocated before it is written to.

This is the only module that uses private parts of prometheus_client. Its documented multiprocess mode does otherwise:
- It names files by process id, so that each restart adds some. Here, files belong to worker slots.
- It maps sparse files. If the system has no more space, the next write to a missing page kills the process (SIGBUS).
- A scrape fails if a file cannot be read. Here, it skips that file.
- It parses a whole file at each scrape. The layout of a file seldom changes, and parsing it takes ten times as long as
  reading the values.
- A histogram takes one observation at a time.
tests/unit/test_metric_files.py fails when those parts change, and pyproject.toml caps the version.
"""

import os
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from prometheus_client import values
from prometheus_client.mmap_dict import MmapedDict, _read_all_values

from service.process_table import MASTER

_INITIAL: Final = 64 * 1024
_PAGE: Final = 4096


class AllocatedDict(MmapedDict):
    """A mapped file whose space is allocated; if the system has no room, an anonymous file, which no scrape sees."""

    def __init__(self, filename: str, read_mode: bool = False) -> None:  # noqa: FBT001, FBT002  # the library's
        if not _allocated(filename):
            filename = f"/proc/self/fd/{os.memfd_create('unshared-metrics')}"
        super().__init__(filename, read_mode)

    def _init_value(self, key: str) -> None:
        """Add a series; raises OSError when there is no room."""
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


def keep_values(directory: Path | None, slot: Callable[[], str]) -> None:
    """Make metrics that are created from here on keep their values in files of the slot; without directory, in memory.

    `slot` is called before each write, so that a worker writes to its own files after its fork.
    """
    if directory is None:
        values.ValueClass = values.MutexValue
    else:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)  # read where a file is opened
        values.MmapedDict = AllocatedDict  # type: ignore[attr-defined]
        values.ValueClass = values.MultiProcessValue(slot)


def allocate(directory: Path, slot: str) -> bool:
    """Allocate the files that a worker of the slot needs for the master's series; return whether there was room."""
    try:
        for path in directory.glob(f"*_{MASTER}.db"):
            (used,) = struct.unpack_from("i", path.read_bytes())
            size = -(-(used + used // 4 + _PAGE) // _PAGE) * _PAGE
            with path.with_name(path.name.replace(MASTER, slot)).open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, size)
    except OSError:
        return False
    return True


def add_to_histogram(histogram: Any, counts: Iterable[float], total: float) -> None:
    """Add observations to a histogram: how many fall in each bucket (the last has no upper bound), and their sum."""
    for bucket, count in zip(histogram._buckets, counts, strict=True):  # noqa: SLF001  # see above
        if count:
            bucket.inc(count)
    histogram._sum.inc(total)  # noqa: SLF001  # see above


def forget_live(directory: Path, slot: str) -> None:
    """Empty the live gauges of a slot whose worker has gone; the space stays allocated for its next worker."""
    for path in directory.glob(f"gauge_live*_{slot}.db"):
        with path.open("r+b") as file:
            file.write(bytes(8))  # the number of bytes in use: 0


def read_entries(content: bytes, used: int = 0) -> Iterable[tuple[str, float, float, int]]:
    """Return the series in a file, of which so many bytes are in use: key, value, timestamp, and the value's offset."""
    entries: Iterable[tuple[str, float, float, int]] = _read_all_values(content, used)
    return entries
