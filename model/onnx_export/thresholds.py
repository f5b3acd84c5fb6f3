"""Rows at the thresholds of trees, where different rounding would show, and with each category or none."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.onnx_export import tree_ensembles
from model.onnx_export.boosting.ensemble import BoostedTrees
from model.onnx_export.boosting.models import library_of, trees_of
from model.onnx_export.trees import Tree
from model.signature import Feature, Label
from model.sklearn_runtime.estimator_walk import walk

_SIDES: Final = 6  # rows for a threshold: the threshold and both adjacent numbers, in float64 and in float32
_UNKNOWN: Final = "\x00unknown"


@dataclass(frozen=True)
class TreePart:
    """A tree, a forest or boosted trees inside an estimator.

    `trees` is their number. `thresholds` has, for each column, the numbers that the trees compare it with;
    `categories` has the categories of the columns of categories, by index. `names` are the columns' names, if any.
    `boosted` trees come from another library, and take missing values; `unknown` says that they also take unknown
    categories.
    """

    estimator: Any
    trees: int
    thresholds: tuple[NDArray[np.float64], ...]
    categories: Mapping[int, tuple[Label, ...]] = field(default_factory=dict)
    names: tuple[str, ...] | None = None
    boosted: bool = False
    unknown: bool = False

    @property
    def features(self) -> tuple[Feature, ...]:
        """The columns of the part."""
        names = self.names or [f"x{index}" for index in range(len(self.thresholds))]
        return tuple(_feature(name, self.categories.get(index)) for index, name in enumerate(names))


def _feature(name: str, known: tuple[Label, ...] | None) -> Feature:
    if known is None:
        return Feature(name)
    return Feature(name, "string" if any(isinstance(each, str) for each in known) else "float64", missing="category")


def tree_parts(estimator: Any) -> list[TreePart]:
    """Return the trees, forests and boosted trees inside an estimator, but not the trees inside those."""
    own = tree_ensembles.PREDICTORS
    found = [part for part, _ in walk(estimator) if type(part) in own and hasattr(part, "n_features_in_")]
    owned = {id(member) for part in found for member in np.ravel(getattr(part, "estimators_", []))}
    parts = [_own_part(part) for part in found if id(part) not in owned]
    boosted = [(part, trees_of(part)) for part, _ in walk(estimator)]
    return parts + [_boosted_part(part, model) for part, model in boosted if model]


def _own_part(part: Any) -> TreePart:
    trees = tree_ensembles.trees_of(part)
    return TreePart(part, len(trees), _by_feature(trees, part.n_features_in_))


def _boosted_part(part: Any, model: BoostedTrees) -> TreePart:
    thresholds = _by_feature(model.trees, model.width)
    unknown = library_of(part) == "lightgbm"  # to which an unknown category is a missing value
    return TreePart(part, len(model.trees), thresholds, model.categories, model.names, boosted=True, unknown=unknown)


def edge_rows(part: TreePart, most: int, flags: Collection[int] = ()) -> tuple[NDArray[Any], int]:
    """Return rows of the part's own columns, at every threshold and one unit in the last place to its sides.

    Both are taken in float64, and in float32, to which most libraries' trees round. The columns' numbers are shuffled
    independently, so that every number of a row is at a threshold. If that were more than `most` rows, each column
    takes as many of its thresholds as fit, drawn at random; the second result is how many were left out. A column of
    categories takes each category, a missing value, and an unknown category if the part takes it. The columns with the
    indices `flags` are booleans.
    """
    draw = np.random.default_rng(0)
    fitting = max(1, most // _SIDES)
    chosen = [each if len(each) <= fitting else draw.choice(each, fitting, replace=False) for each in part.thresholds]
    columns: list[NDArray[Any]] = [_edges(each) for each in chosen]
    if part.boosted:
        columns = [np.append(column, np.nan) for column in columns]
    for index, known in part.categories.items():
        others = (_UNKNOWN, None) if part.features[index].dtype == "string" else (-1.0, np.nan)
        columns[index] = np.array([*known, *others[0 if part.unknown else 1 :]], dtype=object)
    for index in flags:
        columns[index] = np.array([True, False], dtype=object)
    height = max(map(len, columns))
    rows = np.empty((height, len(columns)), dtype=object if part.categories else np.float64)
    for index, column in enumerate(columns):
        draw.shuffle(column)
        rows[:, index] = np.resize(column, height)
    return rows, sum(map(len, part.thresholds)) - sum(map(len, chosen))


def _edges(thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(over="ignore"):  # CatBoost's threshold for missing values is the least number of float32
        narrow = thresholds.astype(np.float32)
        kinds = (thresholds, narrow)
        sides = [np.nextafter(each, each.dtype.type(side)) for each in kinds for side in (-np.inf, np.inf)]
    found = np.unique(np.concatenate([thresholds, narrow, *sides]).astype(np.float64))
    found = found[np.isfinite(found)]
    return found if len(found) else np.zeros(1)


def _by_feature(trees: Sequence[Tree], width: int) -> tuple[NDArray[np.float64], ...]:
    """Return the thresholds of each feature."""
    features, thresholds = [], []
    for tree in trees:
        inner = ~tree.leaves
        inner[list(tree.members)] = False
        features.append(tree.feature[inner])
        thresholds.append(np.asarray(tree.threshold[inner], dtype=np.float64))
    feature, threshold = np.concatenate(features), np.concatenate(thresholds)
    order = np.argsort(feature, kind="stable")
    starts = np.searchsorted(feature[order], np.arange(1, width))
    # A threshold of infinity only separates missing values from others.
    return tuple(np.unique(each[np.isfinite(each)]) for each in np.split(threshold[order], starts))
