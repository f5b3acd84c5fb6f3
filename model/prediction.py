"""The input and the answer of a model."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

# For the matrix layout, and for frames of numbers only: float64 of shape (n, features), C-contiguous. Otherwise objects
# in that shape: float, bool, str, np.datetime64 or, for a missing value in a column that is not numeric, None.
Rows = NDArray[Any]
Probabilities = NDArray[np.float64] | tuple[NDArray[np.float64], ...]


@dataclass(frozen=True)
class Prediction:
    """A model's answer to n rows.

    `labels` has shape (n,), or (n, outputs), and the dtype of the estimator's own labels. `probabilities` is float64 of
    shape (n, classes), columns in the order of the signature's classes. For several outputs it is a tuple of such
    arrays, or, for a multilabel model, one array of shape (n, outputs) with the probability of each label. It is None
    if the model has no probabilities. `further` has the engine's other outputs, by method.
    """

    labels: NDArray[Any]
    probabilities: Probabilities | None
    further: Mapping[str, Any] = field(default_factory=dict)

    @property
    def probability_arrays(self) -> tuple[NDArray[np.float64], ...]:
        """The probabilities as one array for each output; empty if the model has none."""
        found = self.probabilities
        return found if isinstance(found, tuple) else () if found is None else (found,)

    def of(self, method: str) -> Any:
        """Return the array, or the tuple of arrays, of a method that the model declares (`model.outputs`)."""
        match method:
            case "predict":
                return self.labels
            case "predict_proba":
                return self.probabilities
            case _:
                return self.further[method]

    def of_rows(self, positions: Sequence[int]) -> "Prediction":
        """Return the prediction for some of the rows."""

        def of(values: Any) -> Any:
            return tuple(map(of, values)) if isinstance(values, tuple) else values[list(positions)]

        further = {method: of(values) for method, values in self.further.items()}
        return Prediction(of(self.labels), None if self.probabilities is None else of(self.probabilities), further)

    def arrays(self) -> Iterator[NDArray[Any]]:
        """Yield every array of the answer."""
        yield self.labels
        for found in (self.probabilities, *self.further.values()):
            if isinstance(found, tuple):
                yield from found
            elif found is not None:
                yield found
