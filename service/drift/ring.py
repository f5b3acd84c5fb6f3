"""A sliding window as a ring of slices, each with the counts of the rows of some minutes."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

PARTS: Final = 20  # of a window: a slice ends after this part of its minutes or of its rows
# As many slices as may end by time in a window, and as many as may end by rows, which may not be quite full.
SLICES: Final = 2 * PARTS + 8
_BEGIN, _ROWS, HEAD = range(3)
Slices = NDArray[np.int64]  # of shape (SLICES, HEAD + counts)


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
