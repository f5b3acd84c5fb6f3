"""The distributions of a model's training data, prepared for counting rows against them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from model.bundle.manifest import Answers, Baseline, Bins, Manifest
from model.signature import Feature, Label

MOST_FEATURES: Final = 20  # that are compared by default
MOST_NAMED: Final = 100  # that DRIFT_FEATURES may name instead
MOST_CLASSES: Final = 20
LONGEST: Final = 100  # characters of a name or a category
OTHER: Final = "(other)"
EDGES, BINS = 9, 10  # of numbers
CATEGORIES: Final = 20  # that have a bin each; one more bin has all others
_BOOLEANS: Final = {"False", "True"}
_ROUNDING: Final = 1e-6  # relative; a number that is this close to an end of the training range is within it

Kind = Literal["number", "boolean", "category", "other"]


@dataclass(frozen=True)
class Numbers:
    """Bins of numbers, and their shares and range in training; `shares` are None if unknown.

    A number outside the range by at most `rounding` counts as within: it may be an end of the range as float32.
    """

    edges: NDArray[np.float64]
    shares: NDArray[np.float64] | None
    low: float = -np.inf
    high: float = np.inf
    rounding: float = 0.0


@dataclass(frozen=True)
class Categories:
    """The bin of each frequent category, the training share of each bin, and all categories if they are known."""

    bins: Mapping[str, int]
    shares: NDArray[np.float64]
    known: frozenset[str] | None


@dataclass(frozen=True)
class FeatureReference:
    """One feature: its column, and its distribution in training. The report shows no values of `hidden` features."""

    name: str
    column: int
    kind: Kind
    missing: float | None
    numbers: Numbers | None = None
    categories: Categories | None = None
    hidden: bool = False


@dataclass(frozen=True)
class Reference:
    """What rows are compared with: training data of some features, and the model's classes and scores for it.

    `classes` and `positions` are empty unless the model predicts one class for each row. A score is the probability of
    the predicted class or, of a regressor, the number that it predicts.
    """

    features: tuple[FeatureReference, ...]
    classes: tuple[str, ...]
    positions: Mapping[Label, int]
    class_shares: NDArray[np.float64] | None
    scores: Numbers | None
    score: Literal["probability", "number"] | None

    @classmethod
    def of(cls, manifest: Manifest, names: Sequence[str], hidden: Sequence[str]) -> "Reference":
        """Return the reference of a model; `names` are the features to compare, or empty for the most important."""
        signature, baselines = manifest.signature, manifest.baseline or {}
        columns = {feature.name: column for column, feature in enumerate(signature.features)}
        chosen = [name for name in names if name in columns] or _telling(manifest)
        by_label = {name[:LONGEST]: name for name in reversed(chosen)}  # of equal labels, the first name
        if signature.layout == "text":  # long strings have no distribution to compare
            baselines = {}
        features = tuple(
            _feature(signature.features[columns[name]], columns[name], baselines.get(name), hidden=name in hidden)
            for name in chosen
            if by_label[name[:LONGEST]] == name
        )
        one, answers = signature.outputs is None, manifest.answers or Answers(0)
        classes = signature.classes[0] if signature.classes and one else ()
        by_class = _class_shares(answers.classes, len(classes)) if classes else None
        scored: Literal["probability", "number"] | None = None
        if classes and signature.probabilities:
            scored = "probability"
        elif signature.task == "regressor" and one:
            scored = "number"
        labels = [str(each)[:LONGEST] for each in classes[:MOST_CLASSES]]
        return cls(
            features,
            (*labels, *([OTHER] if len(classes) > MOST_CLASSES else [])),
            {label: column for column, label in enumerate(classes)},
            by_class,
            _numbers(answers.scores) if scored else None,
            scored,
        )


def _telling(manifest: Manifest) -> list[str]:
    """Return the names of the most important features, or of the first ones if importances are unknown."""
    features, importances = manifest.signature.features, manifest.importances
    order: Sequence[int] = range(len(features))
    if importances is not None and len(importances) == len(features):
        order = sorted(order, key=lambda column: -importances[column])
    used = [features[column].name for column in order if features[column].dtype != "any"]
    return used[:MOST_FEATURES]


def _feature(feature: Feature, column: int, baseline: Baseline | None, *, hidden: bool) -> FeatureReference:
    name = feature.name
    if baseline is None:
        return FeatureReference(name, column, "other", None, hidden=hidden)
    missing = min(1.0, max(0.0, baseline.missing))
    if feature.dtype in ("float64", "bool") and baseline.deciles:
        return FeatureReference(name, column, "number", missing, _numbers_of(baseline), hidden=hidden)
    if feature.dtype in ("float64", "bool") and baseline.shares and set(baseline.shares) <= _BOOLEANS:
        return FeatureReference(name, column, "boolean", missing, _booleans(baseline.shares), hidden=hidden)
    if feature.dtype == "string" and baseline.shares:
        categories = _categories(feature, baseline)
        return FeatureReference(name, column, "category", missing, categories=categories, hidden=hidden)
    return FeatureReference(name, column, "other", missing, hidden=hidden)


def _numbers_of(baseline: Baseline) -> Numbers:
    """Return the bins of a feature; in older bundles, their edges are the deciles, if no two are equal."""
    low, high = baseline.deciles[0], baseline.deciles[-1]
    rounding = _ROUNDING * max(abs(low), abs(high))
    edges, shares = np.full(EDGES, np.nan), None
    if baseline.bins is not None:
        bins = _numbers(baseline.bins)
        edges, shares = bins.edges, bins.shares
    elif len(baseline.deciles) == EDGES + 2 and np.all(np.diff(baseline.deciles) > 0):
        edges, shares = np.array(baseline.deciles[1:-1]), np.full(BINS, 1 / BINS)
    return Numbers(edges, shares, low, high, rounding)


def _numbers(bins: Bins | None) -> Numbers:
    """Return the bins of numbers; without valid ones, all numbers go into one bin, and there are no shares."""
    if bins is None or not _is_distribution(bins.shares):
        return Numbers(np.full(EDGES, np.nan), None)
    return Numbers(np.array(bins.edges), _normed(bins.shares))


def _booleans(shares: Mapping[str, float]) -> Numbers:
    """Return the bins of booleans: 0 is in the first one, and 1 in the last."""
    in_bins = [shares.get("False", 0.0), *[0.0] * (BINS - 2), shares.get("True", 0.0)]
    return Numbers(np.full(EDGES, 0.5), _normed(in_bins) if _is_distribution(in_bins) else None)


def _categories(feature: Feature, baseline: Baseline) -> Categories:
    frequent = sorted(baseline.shares, key=lambda name: -baseline.shares[name])[:CATEGORIES]
    present = max(1e-12, 1 - baseline.missing)
    shares = np.array([baseline.shares[name] / present for name in frequent])
    rest = max(0.0, 1 - shares.sum())
    known = baseline.categories
    if known is None and feature.categories is not None:
        known = [str(each)[:LONGEST] for each in feature.categories]
    if known is None and len(baseline.shares) < CATEGORIES:  # fewer than pack stores, so these are all
        known = list(baseline.shares)
    bins = {name: index for index, name in enumerate(frequent)}
    return Categories(bins, np.append(shares, rest), None if known is None else frozenset(known))


def _class_shares(shares: Sequence[float] | None, count: int) -> NDArray[np.float64] | None:
    """Return the shares of the first classes, and of all others together; None if they are unknown."""
    if shares is None or len(shares) != count or not _is_distribution(shares):
        return None
    all_shares = _normed(shares)
    return np.append(all_shares[:MOST_CLASSES], all_shares[MOST_CLASSES:].sum()) if count > MOST_CLASSES else all_shares


def _is_distribution(shares: Sequence[float]) -> bool:
    return all(share >= 0 for share in shares) and 0 < sum(shares) < np.inf


def _normed(shares: Sequence[float]) -> NDArray[np.float64]:
    return np.array(shares, dtype=np.float64) / sum(shares)
