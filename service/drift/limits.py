"""From where on a figure of drift is over its limit: if it is larger. deploy/prometheus has these numbers, too.

docs/drift.md shows the measurements that they come from: what does not drift stays below them, and what does is above.
"""

import math
from typing import Final

PSI: Final = 0.2  # of a feature, of predicted classes, of scores
MISSING: Final = 0.02  # share above that in training, and so many standard errors of it in a window
MISSING_ERRORS: Final = 3
UNSEEN: Final = 0.01  # share of rows with a category that training has not seen
OUT_OF_RANGE: Final = 0.05  # share of rows with a number below the least or above the largest in training


def missing_limit(training: float, rows: int) -> float:
    """Return the largest share of missing values in a window of so many rows that is no drift."""
    return training + MISSING + MISSING_ERRORS * math.sqrt(training * (1 - training) / rows)
