"""What a model takes and gives: frozen facts, read off the fitted estimator."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from model.errors import UnsupportedEstimator

Label = int | float | str | bool
Task = Literal["classifier", "regressor"]


@dataclass(frozen=True)
class Feature:
    """One input column; `nullable` when the model itself knows what to do with a missing value."""

    name: str
    dtype: Literal["float64"] = "float64"
    nullable: bool = False


@dataclass(frozen=True)
class Signature:
    """The columns a model takes, in order, and what it answers.

    `classes` are a classifier's labels in the order of its probability columns; None for a regressor.
    `probabilities` says whether the estimator has `predict_proba`.
    """

    features: tuple[Feature, ...]
    task: Task
    classes: tuple[Label, ...] | None
    probabilities: bool

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The features' names, in the order of the columns."""
        return tuple(feature.name for feature in self.features)


def read_signature(estimator: Any, columns: Sequence[str] | None = None) -> Signature:
    """Read the signature off a fitted estimator.

    `columns` name the features of an estimator that was fitted without names; otherwise they are x0, x1, … as
    scikit-learn itself generates them. Raises UnsupportedEstimator.
    """
    tags = _tags(estimator)
    names = getattr(estimator, "feature_names_in_", columns)
    count = int(estimator.n_features_in_)
    if names is None:
        names = [f"x{position}" for position in range(count)]
    if len(names) != count:
        raise UnsupportedEstimator(f"the estimator takes {count} features but {len(names)} columns were given.")
    nullable = bool(tags.input_tags.allow_nan)
    return Signature(
        features=tuple(Feature(str(name), nullable=nullable) for name in names),
        task=tags.estimator_type,
        classes=_classes(estimator) if tags.estimator_type == "classifier" else None,
        probabilities=tags.estimator_type == "classifier" and hasattr(estimator, "predict_proba"),
    )


def _tags(estimator: Any) -> Any:
    """Return scikit-learn's tags of an estimator that can be served; raises UnsupportedEstimator."""
    name = type(estimator).__name__
    if not hasattr(estimator, "predict") or not hasattr(estimator, "__sklearn_tags__"):
        raise UnsupportedEstimator(f"{name} has no predict; pack a scikit-learn classifier or regressor.")
    if not hasattr(estimator, "n_features_in_"):
        raise UnsupportedEstimator(f"{name} is not fitted on numeric columns; fit it before packing.")
    tags = estimator.__sklearn_tags__()
    if tags.estimator_type not in ("classifier", "regressor"):
        raise UnsupportedEstimator(f"{name} is a {tags.estimator_type}; a classifier or a regressor is served.")
    return tags


def _classes(estimator: Any) -> tuple[Label, ...]:
    """Return a classifier's labels as Python values; raises UnsupportedEstimator for several outputs."""
    classes = estimator.classes_
    if isinstance(classes, list) or np.ndim(classes) != 1:
        raise UnsupportedEstimator(f"{type(estimator).__name__} has several outputs; one output is served.")
    return tuple(np.asarray(classes).tolist())
