"""The core: rows in, named columns of predictions out, exactly as the server answers a request with these rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from model.errors import NoFiniteAnswer, UnknownCategory, ValueRefused
from model.outputs import PREDICT, OutputSpec, further_methods
from model.prediction import Prediction, Rows
from service.errors import InvalidBody, InvalidRows, describe
from service.protocols.base import Contract
from service.protocols.row_formats import flat_columns
from service.scoring.stopped import Stopped
from service.serving.served_model import ServedModel

# The fault of a row, and not of the program.
REFUSALS: Final = (InvalidBody, InvalidRows, NoFiniteAnswer, UnknownCategory, ValueRefused)
MOST_ROWS: Final = 10_000  # of a batch, the default limit of a request
_Result = TypeVar("_Result")
Refusal = tuple[str, str]  # why a row cannot be scored: a code of service.errors, and the reason in words
_MOST_NUMBERS: Final = 2**20  # of a batch: features and outputs of all its rows


@dataclass(frozen=True)
class Scorer:
    """A model that is ready to predict, and which of its outputs are wanted."""

    contract: Contract
    predict_rows: Callable[[Rows, Sequence[str]], Prediction]
    outputs: tuple[OutputSpec, ...]

    @classmethod
    def of(cls, served: ServedModel, outputs: Sequence[str] = ()) -> "Scorer":
        """Return the scorer of a model for outputs named as in a request; without any, for labels and probabilities.

        Raises Stopped for an output that the model does not have.
        """
        contract = served.contract
        specs = {spec.member: spec for spec in contract.outputs}
        if unknown := [name for name in outputs if name not in specs]:
            raise Stopped("bad_columns", f"expected outputs of the model ({', '.join(specs)}), got {unknown[0]!r}.")
        chosen = tuple(specs[name] for name in dict.fromkeys(outputs)) or contract.usual_outputs
        return cls(contract, served.predictor.predict, chosen)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns of predictions."""
        return tuple(name for spec in self.outputs for name in spec.columns)

    @property
    def most_rows(self) -> int:
        """The most rows that are read and predicted at once."""
        return max(64, min(MOST_ROWS, _MOST_NUMBERS // (len(self.contract.signature.names) + len(self.names))))

    def for_batch(self) -> "Scorer":
        """Return the scorer for one batch, whose policy for missing and further columns is applied as to a request."""
        return replace(self, contract=self.contract.of_request())

    def predict(self, rows: Rows) -> Prediction:
        """Predict rows that are valid; raises REFUSALS."""
        return self.predict_rows(rows, further_methods(self.outputs))

    def columns(self, prediction: Prediction) -> dict[str, NDArray[Any]]:
        """Return the columns of predictions by name, as CSV and Arrow have them."""
        return flat_columns(prediction, self.outputs)

    def members(self, prediction: Prediction) -> dict[str, list[Any]]:
        """Return the columns of predictions as JSON has them: labels of several types keep their types."""
        found = {name: values.tolist() for name, values in self.columns(prediction).items()}
        if self.outputs == self.contract.usual_outputs:
            labels = prediction.labels.reshape(len(prediction.labels), -1)
            names = next((spec.columns for spec in self.outputs if spec.method == PREDICT), ())
            found |= {name: labels[:, index].tolist() for index, name in enumerate(names)}
        return found


def sift(
    scorer: Scorer, count: int, read: Callable[[NDArray[np.intp]], Rows]
) -> tuple[NDArray[np.intp], Prediction | None, dict[int, Refusal]]:
    """Read and predict records; return which are good, their prediction, and why the others are refused.

    `read` reads the records at the given positions. All good ones are predicted together.
    """
    good, rows, refused = _sifted(np.arange(count), read)
    if rows is None:
        return good, None, refused
    kept, prediction, found = _sifted(np.arange(len(good)), lambda at: scorer.predict(rows[at]))
    return good[kept], prediction, refused | {int(good[at]): why for at, why in found.items()}


def _sifted(
    positions: NDArray[np.intp], attempt: Callable[[NDArray[np.intp]], _Result]
) -> tuple[NDArray[np.intp], _Result | None, dict[int, Refusal]]:
    """Return which records an attempt does not refuse, its result with all of these, and why it refuses the others."""
    if not len(positions):
        return positions, None, {}
    try:
        return positions, attempt(positions), {}
    except REFUSALS:
        refused = _refused(positions, attempt)
    kept = np.setdiff1d(positions, [*refused])
    return kept, attempt(kept) if len(kept) else None, refused


def _refused(positions: NDArray[np.intp], attempt: Callable[[NDArray[np.intp]], object]) -> dict[int, Refusal]:
    """Find the records that are refused even alone, by bisection."""
    try:
        attempt(positions)
    except REFUSALS as error:
        if len(positions) == 1:
            return {int(positions[0]): _refusal(error)}
        half = len(positions) // 2
        return _refused(positions[:half], attempt) | _refused(positions[half:], attempt)
    return {}


def _refusal(error: Exception) -> Refusal:
    """Describe the error that a single row raised."""
    if isinstance(error, InvalidRows):
        first = error.problems[0]
        # The message of an invalid value names the feature.
        name = first.pointer.split("/", 2)[2:] if first.code != "invalid_value" else []
        return error.code, f"{''.join(f'{each}: ' for each in name)}expected {first.expected}, got {first.got}"
    feature = getattr(error, "cell", None) and error.cell[1]  # type: ignore[attr-defined]  # of a ModelError
    error.cell = None  # type: ignore[attr-defined]  # it is the only row
    failure = describe(error)
    return failure.code, failure.message + (f" It is in {feature!r}." if feature else "")
