"""Ten bins of numbers, with about as many of them in each."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.bundle.manifest import Bins

_BINS: Final = 10
_BEYOND: Final = 1e-6  # of the largest number, above which lies an edge that no number is beyond


def bins_of(numbers: NDArray[Any]) -> Bins | None:
    """Return the bins of numbers, all of which are finite; None if there are none."""
    if not len(numbers):
        return None
    ordered = np.sort(numbers.astype(np.float64))
    ranks = -(-np.arange(1, _BINS) * len(ordered) // _BINS) - 1
    below = ordered[ranks]
    following = np.searchsorted(ordered, below, side="right")  # where the next larger number is, if there is one
    largest = float(ordered[-1])
    last = largest + _BEYOND * max(1e-300, abs(largest))
    above = np.append(ordered, last if np.isfinite(last) else largest)[following]
    edges = np.where(following < len(ordered), below / 2 + above / 2, above)
    edges = np.maximum(edges, below)  # halves of the smallest numbers are zero
    counts = np.diff(np.searchsorted(ordered, edges, side="right"), prepend=0, append=len(ordered))
    return Bins(edges.tolist(), (counts / len(ordered)).tolist())
