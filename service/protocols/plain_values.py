"""Answers in the form that JSON has them, for every protocol and for the log."""

from typing import Any

from model.prediction import Probabilities


def by_row(probabilities: Probabilities, most: int | None = None) -> Any:
    """Return the probabilities of each of the first `most` rows: a list of classes, or one for each output."""
    if isinstance(probabilities, tuple):
        return list(zip(*(numbers[:most].tolist() for numbers in probabilities), strict=True))
    return probabilities[:most]
