"""The classes and the features of a model, each under a bounded number of metric labels."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.signature import Signature

MOST_CLASSES: Final = 20
MOST_FEATURES: Final = 100
LONGEST: Final = 100  # characters of a feature's name
OTHER: Final = "(other)"
_MANY: Final = 256  # labels


class ClassCounts:
    """Counts the rows of one model's answers by class: the first classes each under a label of its own.

    A model without classes, or with several labels for each row, has no such counts.
    """

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        classes = signature.classes[0] if signature.classes and signature.outputs is None else ()
        self._names = {label: str(label) if n < MOST_CLASSES else OTHER for n, label in enumerate(classes)}
        self._small_ints = all(type(label) is int and 0 <= label < _MANY for label in classes)

    @property
    def names(self) -> tuple[str, ...]:
        """The metric labels."""
        return tuple(dict.fromkeys(self._names.values()))

    def of(self, labels: NDArray[Any]) -> Iterator[tuple[str, int]]:
        """Yield metric labels, each with a number of rows; the same label may come more than once."""
        if self._names:
            for label, count in self._counts(labels):
                yield self._names.get(label, OTHER), count

    def _counts(self, labels: NDArray[Any]) -> Iterable[tuple[Any, int]]:
        """Count each label; numpy is faster for many numbers, and fastest for small integers."""
        if len(labels) == 1:
            return ((labels.tolist()[0], 1),)
        if len(labels) < _MANY:
            return Counter(labels.tolist()).items()
        if self._small_ints:
            return ((label, count) for label, count in enumerate(np.bincount(labels).tolist()) if count)
        if labels.dtype.kind not in "biuf":
            return Counter(labels.tolist()).items()
        uniques = np.unique_counts(labels)
        return zip(uniques.values.tolist(), uniques.counts.tolist(), strict=True)


class FeatureLabels:
    """Labels the features of one model in metrics: the first MOST_FEATURES by their names, the rest as OTHER."""

    def __init__(self, signature: Signature) -> None:
        names = signature.names
        self._first = {name: name[:LONGEST] for name in names[:MOST_FEATURES]}
        self.labels = tuple(dict.fromkeys((*self._first.values(), *([OTHER] if len(names) > MOST_FEATURES else []))))

    def count(self, features: Iterable[str | None]) -> Iterable[tuple[str, int]]:
        """Count features by their label; None is skipped."""
        return Counter(self._first.get(name, OTHER) for name in features if name is not None).items()
