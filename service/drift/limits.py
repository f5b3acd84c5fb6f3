"""From where on a difference from the training data counts as drift. deploy/prometheus repeats these numbers.

docs/drift.md shows the measurements that they come from: what does not drift stays below them, and what does is above.
"""

import math
from typing import Final, Literal

Reason = Literal["psi", "missing", "unseen", "out_of_range"]

LEAST_ROWS: Final = 500  # below this, chance alone moves the index of a feature that has not changed
PSI: Final = 0.2  # of a feature, of predicted classes, of scores
MISSING: Final = 0.02  # share above that in training, and so many standard errors of it in a window
MISSING_ERRORS: Final = 3
UNSEEN: Final = 0.01  # share of values that training has not seen
OUT_OF_RANGE: Final = 0.05  # share of numbers below the least or above the largest in training


def missing_limit(training: float, rows: int) -> float:
    """Return the largest share of missing values in a window of so many rows that is no drift."""
    return training + MISSING + MISSING_ERRORS * math.sqrt(training * (1 - training) / rows)


def exceeded(
    rows: int, *, psi: float, missing: float, training_missing: float, unseen: float, out_of_range: float
) -> tuple[Reason, ...]:
    """Return which figures of a feature are over their limits; NaN, which stands for what is not known, never is."""
    over: dict[Reason, bool] = {
        "psi": psi > PSI,
        "missing": rows > 0 and missing > missing_limit(training_missing, rows),
        "unseen": unseen > UNSEEN,
        "out_of_range": out_of_range > OUT_OF_RANGE,
    }
    return tuple(reason for reason, is_over in over.items() if is_over)
