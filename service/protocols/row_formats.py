"""Bodies of many rows that are not JSON, by their media type; for protocols that take several formats."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.outputs import OutputSpec
from model.prediction import Prediction, Rows
from service.errors import InvalidBody
from service.formats import arrow, arrow_writer, csv_text, npy
from service.protocols.base import Contract


def read_npy(body: bytes, contract: Contract) -> Rows:
    """Return the rows of a matrix, of one column as a vector, or of a structured array by name.

    Names and the number of rows are checked before any cell becomes a Python object.
    """
    array, names = npy.read(body), contract.signature.names
    if array.dtype.names is not None:
        if array.ndim != 1:
            raise InvalidBody(f"Expected a structured array of one dimension, got {array.ndim}.")
        contract.tables.check_names(array.dtype.names)
        contract.tables.check_row_count(len(array))
        return contract.tables.read(
            {name: npy.plain(array[name]) for name in contract.tables.wanted(array.dtype.names)}
        )
    if array.ndim == 1 and len(names) == 1:
        array = array.reshape(-1, 1)
    if array.dtype.kind in "fiub" or array.ndim != 2 or array.shape[1] != len(names):
        return contract.tables.read_matrix(array)
    contract.tables.check_row_count(len(array))
    return contract.tables.read({name: npy.plain(array[:, index]) for index, name in enumerate(names)})


def _write_npy(prediction: Prediction, outputs: Sequence[OutputSpec]) -> bytes:
    """Return a structured array with one member for each output."""
    members = {spec.member: npy.strings_as_array(spec.values(prediction)) for spec in outputs}
    fields: list[Any] = [(name, values.dtype.str, values.shape[1:]) for name, values in members.items()]
    rows = np.empty(len(prediction.labels), dtype=fields)
    for name, values in members.items():
        rows[name] = values
    return npy.write(rows)


def flat_columns(prediction: Prediction, outputs: Sequence[OutputSpec]) -> dict[str, NDArray[Any]]:
    """Return each column of each output by its name."""
    columns: dict[str, NDArray[Any]] = {}
    for spec in outputs:
        values = spec.values(prediction).reshape(len(prediction.labels), -1)
        columns |= {name: values[:, index] for index, name in enumerate(spec.columns)}
    return columns


READ: Final[dict[str, Callable[[bytes, dict[str, str], Contract], Rows]]] = {
    npy.MEDIA_TYPE: lambda body, _, contract: read_npy(body, contract),
    csv_text.MEDIA_TYPE: lambda body, parameters, contract: csv_text.read(body, parameters, contract.tables)[0],
    **dict.fromkeys((arrow.STREAM, arrow.FILE), lambda body, _, contract: arrow.read(body, contract.tables)),
}
WRITE: Final[dict[str, Callable[[Prediction, Sequence[OutputSpec]], bytes]]] = {
    npy.MEDIA_TYPE: _write_npy,
    csv_text.MEDIA_TYPE: lambda prediction, outputs: csv_text.write(flat_columns(prediction, outputs), head=True),
    arrow.STREAM: lambda prediction, outputs: arrow_writer.write(flat_columns(prediction, outputs)),
}
