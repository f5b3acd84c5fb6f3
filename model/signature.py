"""A model's input columns and outputs, as frozen dataclasses that need no library."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Label = int | float | str | bool
Cell = float | str | bool | None
Task = Literal["classifier", "regressor", "clusterer", "outlier_detector", "transformer"]
Dtype = Literal["float64", "bool", "string", "datetime", "any"]
Missing = Literal["nan", "none", "object", "category"]
TEXT = "text"
NUMERIC: frozenset[Task] = frozenset({"regressor", "transformer"})  # tasks whose answers are numbers, not labels


@dataclass(frozen=True)
class Feature:
    """One input column.

    `nullable` says whether the model itself accepts a missing value; `categories` are the only accepted values if the
    model refuses others. A datetime is an ISO 8601 string; "any" is a column that the model drops. `missing` is how the
    model represents a missing value in a column that is not numeric. Numbers or booleans with "none" or "object" are
    given as Python objects with None or NaN among them, because the model was fitted on those. "category" is a column
    that the model takes as categories of a data frame.
    """

    name: str
    dtype: Dtype = "float64"
    nullable: bool = False
    categories: tuple[Label, ...] | None = None
    missing: Missing = "nan"

    @property
    def numeric(self) -> bool:
        """Whether the model takes the column as float64."""
        return self.dtype in ("float64", "bool") and self.missing == "nan"


@dataclass(frozen=True)
class Signature:
    """The columns a model takes, in order, and what it returns.

    `layout` is the form in which it takes rows: a float64 matrix, a table of mixed columns, a list of strings, or a
    data frame for categories and for own code that takes nothing else.
    `outputs` is the number of labels per row if they are a list (multi-output, multilabel), else None.
    `classes` are, for each output, its labels in the order of the probability columns; None if there are none.
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
