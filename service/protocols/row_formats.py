"""Bodies of many rows other than JSON, by their media type; for protocols that take rows in any form."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.prediction import Prediction, Rows
from service.errors import InvalidBody
from service.formats import arrow, arrow_writer, csv_text, npy
from service.protocols.base import Contract
from service.protocols.outputs import PREDICT, PREDICT_PROBA, named_outputs


def read_npy(body: bytes, _parameters: dict[str, str], contract: Contract) -> Rows:
    """Return the rows of a matrix, of one column as a vector, or of a structured array by name.

    Names and height are those of rows of this model before a cell becomes an object.
    """
    array, names = npy.read(body), contract.signature.names
    if array.dtype.names is not None:
        if array.ndim != 1:
            raise InvalidBody(f"Expected a structured array of one dimension, got {array.ndim}.")
        contract.tables.check_names(array.dtype.names)
        contract.tables.check_height(len(array))
        return contract.tables.read({name: npy.plain(array[name]) for name in names})
    if array.ndim == 1 and len(names) == 1:
        array = array.reshape(-1, 1)
    if array.dtype.kind in "fiub" or array.ndim != 2 or array.shape[1] != len(names):
        return contract.tables.read_matrix(array)
    contract.tables.check_height(len(array))
    return contract.tables.read({name: npy.plain(array[:, place]) for place, name in enumerate(names)})


def _read_csv(body: bytes, parameters: dict[str, str], contract: Contract) -> Rows:
    return csv_text.read(body, parameters, contract.tables)[0]


def _read_arrow(body: bytes, _parameters: dict[str, str], contract: Contract) -> Rows:
    return arrow.read(body, contract.tables)


def _write_npy(prediction: Prediction, _contract: Contract) -> bytes:
    """Return a structured array: `predictions` and `probabilities` of each row, numbered for several outputs."""
    renamed = {
        name.replace(PREDICT_PROBA, "probabilities") if name != PREDICT else "predictions": npy.texts_as_array(values)
        for name, values in named_outputs(prediction).items()
    }
    fields: list[Any] = [(name, values.dtype.str, values.shape[1:]) for name, values in renamed.items()]
    rows = np.empty(len(prediction.labels), dtype=fields)
    for name, values in renamed.items():
        rows[name] = values
    return npy.write(rows)


def flat_columns(prediction: Prediction, contract: Contract) -> dict[str, NDArray[Any]]:
    """Return `prediction` and `probability_CLASS` as columns, with the output's number before for several outputs."""
    named, classes = named_outputs(prediction), contract.signature.classes or ()
    labels = named.pop(PREDICT)
    found = {"prediction": labels} if labels.ndim == 1 else _numbered("prediction", range(labels.shape[1]), labels)
    for name, values in named.items():
        number = name.removeprefix(PREDICT_PROBA)
        own = classes[int(number[1:])] if number else classes[0] if labels.ndim == 1 else range(values.shape[1])
        found |= _numbered(f"probability{number}", own, values)
    return found


def _numbered(name: str, own: Any, values: NDArray[Any]) -> dict[str, NDArray[Any]]:
    return {f"{name}_{each}": values[:, place] for place, each in enumerate(own)}


def _write_csv(prediction: Prediction, contract: Contract) -> bytes:
    return csv_text.write(flat_columns(prediction, contract), head=True)


def _write_arrow(prediction: Prediction, contract: Contract) -> bytes:
    return arrow_writer.write(flat_columns(prediction, contract))


READ: Final[dict[str, Callable[[bytes, dict[str, str], Contract], Rows]]] = {
    npy.KIND: read_npy,
    csv_text.KIND: _read_csv,
    arrow.STREAM: _read_arrow,
    arrow.FILE: _read_arrow,
}
WRITE: Final[dict[str, Callable[[Prediction, Contract], bytes]]] = {
    npy.KIND: _write_npy,
    csv_text.KIND: _write_csv,
    arrow.STREAM: _write_arrow,
}
