"""Rows as the data frame that the caller's own code was fitted on, where it does not take arrays."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.errors import VersionMismatch
from model.signature import Dtype, Feature, Signature

_DTYPES: Final[dict[Dtype, str]] = {"float64": "float64", "bool": "bool", "datetime": "datetime64[us]"}
_LEAST: Final = 3  # the first major version in which a column of texts has a dtype that keeps missing values


class FrameMaker:
    """Makes pandas' frames of one signature's rows, in the dtypes that its readers give."""

    def __init__(self, signature: Signature) -> None:
        try:
            import pandas  # noqa: PLC0415  # only such models need it, and images come without it
        except ImportError:
            pandas = None
        if pandas is None or int(pandas.__version__.partition(".")[0]) < _LEAST:
            raise VersionMismatch(
                f"this model's own code is given data frames, and there is no pandas {_LEAST} here; install it, or "
                "have that code take arrays and pack the model again."
            )
        self._pandas = pandas
        self._features = signature.features

    def make(self, rows: NDArray[Any]) -> Any:
        """Return a frame; a missing value is NaN, NaT, or None where the model knows it as such."""
        columns = {each.name: self._column(each, rows[:, place]) for place, each in enumerate(self._features)}
        return self._pandas.DataFrame(columns)

    def _column(self, feature: Feature, cells: NDArray[Any]) -> Any:
        dtype = _DTYPES.get(feature.dtype)
        if dtype is not None and not (dtype == "bool" and None in cells.tolist()):
            return cells.astype(dtype)
        if feature.missing == "none":
            return cells
        if feature.dtype == "string":
            return self._pandas.array(cells.tolist(), dtype="str")
        return np.where(np.equal(cells, np.array(None)), np.nan, cells)
