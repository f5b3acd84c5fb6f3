"""The steps of packing, in their order, for showing progress."""

from collections.abc import Callable
from enum import StrEnum


class Step(StrEnum):
    """A step; its value is the text to show."""

    READ_MODEL = "reading the model"
    READ_DATA = "reading the data"
    READ_SIGNATURE = "reading the signature"
    COMPILE = "compiling"
    COMPARE_TRAINING = "comparing the compiled model on training rows"
    COMPARE_RANDOM = "comparing on random rows"
    COMPARE_FAR = "comparing on far rows"
    COMPARE_EDGES = "comparing on the thresholds of trees"
    MEASURE = "measuring the speed"
    SERIALISE = "writing the model"
    VERIFY = "loading the bundle and verifying it"


Progress = Callable[[Step], None]  # called with each step when it begins


def no_progress(_: Step) -> None:
    """Show nothing."""
