"""The population stability index."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

LEAST_SHARE: Final = 0.0001  # of a bin in training; smaller ones count as this
SMOOTHING: Final = 0.5  # rows that are added to each bin, so that none is empty by chance


def stability_index(counts: NDArray[np.int64], training: NDArray[np.float64] | None) -> float | None:
    """Return the PSI of counted rows against shares in training, None if there are no rows or no shares.

    It is the sum of (share - training) * ln(share / training) over the bins that have rows in either.
    """
    rows = int(counts.sum())
    if rows == 0 or training is None:
        return None
    used = (counts > 0) | (training > 0)
    share = (counts[used] + SMOOTHING) / (rows + SMOOTHING * np.count_nonzero(used))
    expected = np.maximum(training[used], LEAST_SHARE)
    return float(np.sum((share - expected) * np.log(share / expected)))
