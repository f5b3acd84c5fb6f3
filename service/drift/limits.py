"""The limits of the drift figures: a larger figure counts as drift. deploy/prometheus repeats these numbers.

docs/drift.md shows the measurements behind them: data that has not drifted stays below, data that has is above.
"""

import math
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Limits:
    """The limits: of a PSI, and of shares of rows; of missing values, how far the share may exceed that in training."""

    psi: float = 0.2
    missing_ratio_above_training: float = 0.02
    unseen_ratio: float = 0.01
    out_of_range_ratio: float = 0.05


LIMITS: Final = Limits()
MISSING_ERRORS: Final = 3  # standard errors of the missing share in the window, by which it may exceed its limit


def missing_limit(training: float, rows: int) -> float:
    """Return the limit of the share of missing values in a window of so many rows, given that in training."""
    error = math.sqrt(training * (1 - training) / rows)
    return training + LIMITS.missing_ratio_above_training + MISSING_ERRORS * error
