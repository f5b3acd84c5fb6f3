"""Ten bins that divide numbers into about equal parts."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.bundle.manifest import Bins

_BINS: Final = 10
_BEYOND: Final = 1e-6  # how far, relative to the largest number, an edge lies above it


def bins_of(numbers: NDArray[Any]) -> Bins | None:
    """Return the bins of finite numbers; None if there are no numbers."""
    if not len(numbers):
        return None
    ordered = np.sort(numbers.astype(np.float64))
    ranks = -(-np.arange(1, _BINS) * len(ordered) // _BINS) - 1
    below = ordered[ranks]
    following = np.searchsorted(ordered, below, side="right")  # the index of the next larger number, if there is one
    largest = float(ordered[-1])
    last = largest + _BEYOND * max(1e-300, abs(largest))
    above = np.append(ordered, last if np.isfinite(last) else largest)[following]
    edges = np.where(following < len(ordered), below / 2 + above / 2, above)
    edges = np.maximum(edges, below)  # halving subnormal numbers may give zero
    counts = np.diff(np.searchsorted(ordered, edges, side="right"), prepend=0, append=len(ordered))
    return Bins(edges.tolist(), (counts / len(ordered)).tolist())
