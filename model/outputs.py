"""The outputs that a model declares, each with its names in the formats of answers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from model.labels import as_array
from model.prediction import Prediction
from model.signature import Label, Signature

# Outputs are named after the estimator's method that computes them.
PREDICT: Final = "predict"
PREDICT_PROBA: Final = "predict_proba"
ROW_ID: Final = "row_id"  # no method: the ids of the rows come from the request
OutputDtype = Literal["float64", "int64", "uint64", "bool", "string"]
_DTYPES: Final[dict[str, OutputDtype]] = {"f": "float64", "i": "int64", "u": "int64", "b": "bool"}


@dataclass(frozen=True)
class OutputSpec:
    """One output: an array with one value, or one value for each of `columns`, for each row.

    `name` is unique: the name of the `method` that computes the output, with a number if the method returns several
    arrays; `index` is then the array's index. `member` is the output's name in a record, and `columns` are the names of
    its values in a flat table. `shape` is the shape of one row's values.
    """

    name: str
    dtype: OutputDtype
    columns: tuple[str, ...]
    shape: tuple[int, ...]
    method: str
    member: str
    index: int | None = None

    @classmethod
    def of_method(cls, method: str, dtype: OutputDtype, columns: Sequence[str] | None = None) -> "OutputSpec":
        """Return an output that is named after its method, with one value for each row, or for each column of a row."""
        shape = () if columns is None else (len(columns),)
        return cls(method, dtype, tuple(columns or (method,)), shape, method, method)

    @classmethod
    def of_row_ids(cls, name: str, ids: NDArray[Any]) -> "OutputSpec":
        """Return the output with the ids that came with the rows; it has the same name in all formats."""
        return cls(name, _DTYPES.get(ids.dtype.kind, "string"), (name,), (), ROW_ID, name)

    @property
    def is_further(self) -> bool:
        """Whether the output is only computed if a request asks for it."""
        return self.method not in (PREDICT, PREDICT_PROBA, ROW_ID)

    def values(self, prediction: Prediction) -> NDArray[Any]:
        """Return the values of n rows: float64, int64, uint64, bool, or objects that are all strings."""
        found = prediction.of(self.method)
        return _plain(found if self.index is None else found[self.index], self.dtype)


def further_methods(specs: Iterable[OutputSpec]) -> tuple[str, ...]:
    """Return the methods that an engine has to compute for these outputs, beyond labels and probabilities."""
    return tuple(dict.fromkeys(spec.method for spec in specs if spec.is_further))


def labels_and_probabilities(signature: Signature, example: Prediction) -> tuple[OutputSpec, ...]:
    """Return the outputs that every model has.

    The example of its answers shows what the signature does not: the dtype of a regressor's numbers, and whether each
    label has its own array of probabilities.
    """
    labels, found = example.labels, example.probabilities
    classes = signature.classes or ()
    one = labels.ndim == 1
    columns = ("prediction",) if one else _numbered("prediction", range(labels.shape[1]))
    name = "transform" if signature.task == "transformer" else PREDICT
    specs = [OutputSpec(name, _dtype(labels, classes), columns, labels.shape[1:], PREDICT, "predictions")]
    if isinstance(found, tuple):
        specs += [_probabilities(own, index) for index, own in enumerate(classes)]
    elif found is not None:
        specs.append(_probabilities(classes[0] if one else range(found.shape[1])))
    return tuple(specs)


def _probabilities(classes: Iterable[Any], index: int | None = None) -> OutputSpec:
    end = "" if index is None else f"_{index}"
    columns = _numbered(f"probability{end}", classes)
    shape = (len(columns),)
    return OutputSpec(f"{PREDICT_PROBA}{end}", "float64", columns, shape, PREDICT_PROBA, f"probabilities{end}", index)


def _numbered(name: str, each: Iterable[Any]) -> tuple[str, ...]:
    return tuple(f"{name}_{own}" for own in each)


def _dtype(labels: NDArray[Any], classes: Sequence[Sequence[Label]]) -> OutputDtype:
    """Return the dtype that holds every label, including classes that are not in the example."""
    every = [label for each in classes for label in each]
    found = as_array(every) if every and (labels.ndim == 1 or set(map(type, every)) == {int}) else labels
    return "uint64" if found.dtype == np.uint64 else _DTYPES.get(found.dtype.kind, "string")


def _plain(values: NDArray[Any], dtype: OutputDtype) -> NDArray[Any]:
    if dtype != "string":
        return values.astype(dtype, copy=False)
    strings = np.empty(values.shape, dtype=object)
    strings[...] = np.vectorize(str, otypes=[object])(values)
    return strings
