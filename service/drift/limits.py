"""The limits of the drift figures: a larger figure counts as drift. deploy/prometheus repeats these numbers.

docs/drift.md shows the measurements behind them: data that has not drifted stays below, data that has is above.
"""

import math
from typing import Final

PSI: Final = 0.2  # of a feature, of predicted classes, of scores
# How far the share of missing values may exceed that in training: this, and so many standard errors in the window.
MISSING: Final = 0.02
MISSING_ERRORS: Final = 3
UNSEEN: Final = 0.01  # share of rows with a category that is not in the training data
OUT_OF_RANGE: Final = 0.05  # share of rows with a number below the least or above the largest in training


def missing_limit(training: float, rows: int) -> float:
    """Return the limit of the share of missing values in a window of so many rows, given that in training."""
    return training + MISSING + MISSING_ERRORS * math.sqrt(training * (1 - training) / rows)
