"""The drift report: figures of each feature, of the predicted classes, and of the scores."""

from dataclasses import dataclass
from typing import Final, Literal

from service.drift.reference import Kind
from service.protocols.base import ModelIdentity


@dataclass(frozen=True)
class Window:
    """The rows that are compared: the last `most_rows` at most, of the last `minutes`, and no fewer than `least_rows`.

    The first of them came at most `oldest_seconds` ago.
    """

    rows: int
    minutes: float
    most_rows: int
    least_rows: int
    enough: bool
    oldest_seconds: float | None


@dataclass(frozen=True)
class Bin:
    """A category, or the numbers above `low` up to `high`, with its share in training and in the window.

    A bin of numbers has no `value`, the first has no `low`, and the last no `high`.
    """

    value: str | None
    low: float | None
    high: float | None
    training: float | None
    window: float | None


@dataclass(frozen=True)
class FeatureDrift:
    """One feature. Ratios are shares of all rows; the index and the bins count only cells that are not missing."""

    name: str
    kind: Kind
    psi: float | None
    missing_ratio: float | None
    training_missing_ratio: float | None
    unseen_ratio: float | None
    out_of_range_ratio: float | None
    training_range: tuple[float, float] | None
    bins: tuple[Bin, ...]


@dataclass(frozen=True)
class PredictionDrift:
    """The classes that are predicted."""

    psi: float | None
    classes: tuple[Bin, ...]


@dataclass(frozen=True)
class ScoreDrift:
    """The scores: probabilities of the predicted classes, or the numbers that a regressor predicts."""

    kind: Literal["probability", "number"] | None
    psi: float | None
    bins: tuple[Bin, ...]


@dataclass(frozen=True)
class Limits:
    """The limits of the figures, of which a larger one counts as drift; deploy/prometheus repeats these numbers.

    They are of a PSI, and of shares of rows; of missing values, how far the share may exceed that in training.
    docs/drift.md shows the measurements behind them: data that has not drifted stays below, data that has is above.
    """

    psi: float = 0.2
    missing_ratio_above_training: float = 0.02
    unseen_ratio: float = 0.01
    out_of_range_ratio: float = 0.05


LIMITS: Final = Limits()


@dataclass(frozen=True)
class Over:
    """A figure that is over its limit: of a feature by name or, without one, of what is predicted."""

    feature: str | None
    figure: str
    value: float
    limit: float


@dataclass(frozen=True)
class Report:
    """The whole report; a figure is None with fewer rows than the least, or if its training data is unknown."""

    model: ModelIdentity
    window: Window
    limits: Limits
    over: tuple[Over, ...]
    features: tuple[FeatureDrift, ...]
    prediction: PredictionDrift
    score: ScoreDrift
