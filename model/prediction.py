"""What a model is given, and what it answers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

# float64 of shape (n, features), C-contiguous, for the matrix layout and for frames of nothing but numbers; for the
# others an object array of that shape whose cells are float, bool, str, np.datetime64 or, for a missing value that is
# not a number, None.
Rows = NDArray[Any]
Probabilities = NDArray[np.float64] | tuple[NDArray[np.float64], ...]


@dataclass(frozen=True)
class Prediction:
    """What a model answered on n rows.

    `labels` has shape (n,), or (n, outputs), and the dtype of the estimator's own labels. `probabilities` is float64 of
    shape (n, classes), columns in the order of the signature's classes; for several outputs a tuple with one such array
    for each, or one array of shape (n, outputs) with the probability of each label where labels are yes or no. None
    where the model has none. `further` holds what else its engine declares, by method.
    """

    labels: NDArray[Any]
    probabilities: Probabilities | None
    further: Mapping[str, Any] = field(default_factory=dict)

    @property
    def probability_arrays(self) -> tuple[NDArray[np.float64], ...]:
        """The probabilities as one array for each output, none where the model has none."""
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
