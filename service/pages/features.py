"""What the page shows of each feature: its kind of input, the values it accepts, and their distribution in training."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from model.bundle.manifest import Baseline
from model.signature import Cell, Feature, Label

Kind = Literal["number", "boolean", "string", "text", "date", "datetime", "any"]
MOST_NAME: Final = 200  # characters of a name or a frequent value that are shown
MOST_CATEGORIES: Final = 1000  # of one feature; the user can type others
MOST_SHARES: Final = 20
_DECILES: Final = 11
_DIGITS: Final = 6  # significant ones, of a decile
_LONG_STRING: Final = 60  # characters; the input for longer strings has several lines
_WITH_SHARES: Final[tuple[Kind, ...]] = ("boolean", "string")  # dates and long strings hardly ever repeat
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d(T00:00:00(\.0+)?)?")
_DATETIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.0+)?)?")


@dataclass(frozen=True)
class FeatureView:
    """One feature. `categories` are the first of `category_count`, which are the only accepted values.

    `deciles`, `shares` (of the most frequent values) and `missing` (the share of missing values) are those of training;
    None if they are not known or must not be shown.
    """

    name: str
    kind: Kind
    nullable: bool
    categories: tuple[Label, ...] | None = None
    category_count: int = 0
    deciles: tuple[float, ...] | None = None
    shares: tuple[tuple[str, float], ...] | None = None
    missing: float | None = None
    hidden: bool = False

    @property
    def bare(self) -> "FeatureView":
        """The same feature with only what a form needs."""
        return FeatureView(self.name, self.kind, self.nullable, hidden=self.hidden)


def view_of(
    feature: Feature, baseline: Baseline | None, examples: Sequence[Cell], *, text: bool, hidden: bool = False
) -> FeatureView:
    """Return the view of a feature; the examples of its cells decide which input suits it.

    The view of a hidden feature has nothing of its training data.
    """
    baseline = None if hidden else baseline
    categories = feature.categories
    kind: Kind = "text" if text else _kind(feature, examples)
    deciles = None if baseline is None or kind != "number" else _deciles(baseline.deciles)
    return FeatureView(
        feature.name[:MOST_NAME],
        kind,
        feature.nullable,
        categories=None if categories is None else categories[:MOST_CATEGORIES],
        category_count=0 if categories is None else len(categories),
        deciles=deciles,
        shares=None if baseline is None or kind not in _WITH_SHARES else _shares(baseline.shares),
        missing=baseline.missing if baseline is not None and 0 <= baseline.missing <= 1 else None,
        hidden=hidden,
    )


def _kind(feature: Feature, examples: Sequence[Cell]) -> Kind:
    match feature.dtype:
        case "float64":
            return "number"
        case "bool":
            return "boolean"
        case "datetime":
            return _temporal([str(cell) for cell in examples if cell is not None])
        case "any":
            return "any"
    strings = (cell for cell in examples if isinstance(cell, str))
    long = feature.categories is None and any(len(cell) > _LONG_STRING or "\n" in cell for cell in strings)
    return "text" if long else "string"


def _temporal(examples: Sequence[str]) -> Kind:
    """Return the input that holds each example as it is; a string if none does."""
    if examples and all(map(_DATE.fullmatch, examples)):
        return "date"
    return "datetime" if examples and all(map(_DATETIME.fullmatch, examples)) else "string"


def _deciles(deciles: Sequence[float]) -> tuple[float, ...] | None:
    usable = len(deciles) == _DECILES and all(map(math.isfinite, deciles)) and list(deciles) == sorted(deciles)
    if not usable:
        return None
    inner = (float(f"{value:.{_DIGITS}g}") for value in deciles[1:-1])
    return (deciles[0], *inner, deciles[-1])  # not rounded, or a value at the end of the range would seem to be outside


def _shares(shares: dict[str, float]) -> tuple[tuple[str, float], ...] | None:
    usable = [(value, share) for value, share in shares.items() if 0 < share <= 1]
    most = sorted(usable, key=lambda each: -each[1])[:MOST_SHARES]
    return tuple((value[:MOST_NAME], share) for value, share in most) or None
