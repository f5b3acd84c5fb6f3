"""A sliding window as a ring of slices, each with the counts of the rows of some minutes, in memory or in a file.

Workers share their windows in files: one for each slot, of a fixed layout. A file's space is allocated before it is
mapped; otherwise, a write would kill the process when memory runs out. A worker that takes the slot of a killed one
goes on in its file, unless that one served another model.
"""

import mmap
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

PARTS: Final = 20  # of a window: a slice ends after this part of its minutes or of its rows
# As many slices as may end by time in a window, and as many as may end by rows, which may not be quite full.
SLICES: Final = 2 * PARTS + 8
_BEGIN, _ROWS, HEAD = range(3)
Slices = NDArray[np.int64]  # of shape (SLICES, HEAD + counts)
PREFIX: Final = "drift-"
_DIGEST: Final = 32
_HEADER: Final = 64  # of a file: the digest of the model, and how many counts a slice has
_INTEGER: Final = 8


@dataclass(frozen=True)
class Span:
    """How far back a window reaches: so many rows, and so many nanoseconds."""

    rows: int
    nanoseconds: int

    @property
    def slice_rows(self) -> int:
        """The most rows of a slice."""
        return max(1, self.rows // PARTS)

    @property
    def piece_rows(self) -> int:
        """The most rows that are added at once, so that a slice is nearly full when it ends."""
        return max(1, self.slice_rows // 4)


class Ring:
    """Adds counts to the newest slice; the oldest one makes room for the next. One process writes, others may read."""

    def __init__(self, slices: Slices, span: Span) -> None:
        self._slices, self._span = slices, span
        self._newest = int(np.argmax(slices[:, _BEGIN]))

    def add(self, rows: int, counts: NDArray[np.int64], now: int) -> None:
        """Add the counts of so many rows at a time (monotonic clock, ns); begin another slice if the last is over."""
        current = self._slices[self._newest]
        too_old = now - current[_BEGIN] >= self._span.nanoseconds // PARTS
        if too_old or not current[_BEGIN] or current[_ROWS] + rows > self._span.slice_rows:
            self._newest = (self._newest + 1) % len(self._slices)
            current = self._slices[self._newest]
            current[_BEGIN] = 0  # no reader takes it while it is emptied
            current[_ROWS:] = 0
            current[_BEGIN] = now
        current[HEAD:] += counts
        current[_ROWS] += rows


@dataclass(frozen=True)
class InWindow:
    """The content of a window: its rows, their counts, and how many nanoseconds ago its first slice began."""

    rows: int
    counts: NDArray[np.int64]
    oldest: int | None


def sum_window(rings: list[Slices], span: Span, now: int) -> InWindow:
    """Return the sum of the newest slices of all rings, as far as the window reaches back."""
    heads = np.concatenate([slices[:, :HEAD] for slices in rings])
    begins, rows = heads[:, _BEGIN], heads[:, _ROWS]
    newest = np.argsort(-begins, kind="stable")
    newest = newest[(begins[newest] > 0) & (begins[newest] >= now - span.nanoseconds) & (rows[newest] > 0)]
    newest = newest[(np.cumsum(rows[newest]) <= span.rows) | (np.arange(len(newest)) == 0)]
    is_in = np.zeros(len(heads), dtype=np.int64)
    is_in[newest] = 1
    # A matrix product copies no slices, of which an instance may have a thousand.
    counts = sum(each @ slices[:, HEAD:] for each, slices in zip(np.split(is_in, len(rings)), rings, strict=True))
    oldest = int(now - begins[newest].min()) if len(newest) else None
    return InWindow(int(rows[newest].sum()), np.asarray(counts), oldest)


def in_memory(counts: int) -> Slices:
    """Return slices that no other process sees."""
    return np.zeros((SLICES, HEAD + counts), dtype=np.int64)


def _size_of(counts: int) -> int:
    """Return the size of a file in bytes."""
    return _HEADER + SLICES * (HEAD + counts) * _INTEGER


def open_slot(directory: Path, slot: str, digest: str, counts: int) -> Slices:
    """Return the slices of a slot, in its file; raises OSError if there is no room."""
    header, size, path = _header(digest, counts), _size_of(counts), directory / f"{PREFIX}{slot}"
    content = _content(path)
    if len(content) != size or not content.startswith(header):
        _make(path, header, size)
    with path.open("r+b") as file:
        mapped = mmap.mmap(file.fileno(), size)
    return np.frombuffer(mapped, dtype=np.int64, offset=_HEADER).reshape(SLICES, HEAD + counts)


def read_slots(directory: Path, digest: str, counts: int) -> list[Slices]:
    """Return the slices of all slots whose workers serve the model, or served it last."""
    header, size = _header(digest, counts), _size_of(counts)
    contents = [_content(path) for path in sorted(directory.glob(f"{PREFIX}*"))]
    return [
        np.frombuffer(content, dtype=np.int64, offset=_HEADER).reshape(SLICES, HEAD + counts)
        for content in contents
        if len(content) == size and content.startswith(header)
    ]


def _make(path: Path, header: bytes, size: int) -> None:
    """Make an empty file; it replaces one that a process may still have mapped."""
    made = path.with_name(f".{path.name}")
    with made.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)
        file.write(header)
    made.replace(path)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # there is no such file, or no descriptor is left
        return b""


def _header(digest: str, counts: int) -> bytes:
    return (bytes.fromhex(digest)[:_DIGEST] + counts.to_bytes(_INTEGER, "little")).ljust(_HEADER, b"\0")
