"""The features of a model under a bounded number of metric labels."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from model.signature import Signature

MOST_FEATURES: Final = 100
LONGEST: Final = 100  # characters of a name
OTHER: Final = "(other)"


class FeatureLabels:
    """Labels the features of one model in metrics: the first MOST_FEATURES by their names, the rest as OTHER."""

    def __init__(self, signature: Signature) -> None:
        names = signature.names
        self._first = {name: name[:LONGEST] for name in names[:MOST_FEATURES]}
        self.labels = tuple(dict.fromkeys((*self._first.values(), *([OTHER] if len(names) > MOST_FEATURES else []))))

    def count(self, features: Iterable[str | None]) -> Iterable[tuple[str, int]]:
        """Count features by their label; None is skipped."""
        return Counter(self._first.get(name, OTHER) for name in features if name is not None).items()
