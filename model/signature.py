"""What a model takes and gives: frozen facts, with no way to change them and no library behind them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Label = int | float | str | bool
Cell = float | str | bool | None
Task = Literal["classifier", "regressor", "clusterer", "outlier_detector"]
Dtype = Literal["float64", "bool", "string", "datetime", "any"]
TEXT = "text"


@dataclass(frozen=True)
class Feature:
    """One input column.

    `nullable` when the model itself takes a missing value there; `categories` are the only values it takes, where it
    refuses others. A datetime is ISO 8601 text; "any" is a column that the model was given and drops. `missing` is what
    the model knows a missing value as, where it is no number.
    """

    name: str
    dtype: Dtype = "float64"
    nullable: bool = False
    categories: tuple[Label, ...] | None = None
    missing: Literal["nan", "none"] = "nan"


@dataclass(frozen=True)
class Signature:
    """The columns a model takes, in order, and what it answers.

    `layout` is how its rows are handed to it: a float64 matrix, a table of mixed columns, a list of texts, or a data
    frame, for own code that takes nothing else.
    `outputs` is the number of labels of each row where that is a list (multi-output, multilabel), else None.
    `classes` are, for each output, its labels in the order of the probability columns; None where there are none.
    `probabilities` says whether the estimator has `predict_proba`.
    """

    features: tuple[Feature, ...]
    layout: Literal["matrix", "table", "text", "frame"]
    task: Task
    outputs: int | None
    classes: tuple[tuple[Label, ...], ...] | None
    probabilities: bool

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The features' names, in the order of the columns."""
        return tuple(feature.name for feature in self.features)
