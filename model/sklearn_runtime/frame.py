"""Rows as data frames, for models with categories, and for own code that does not take arrays."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.columns import is_missing
from model.errors import VersionMismatch
from model.signature import Dtype, Feature, Signature

_DTYPES: Final[dict[Dtype, str]] = {"float64": "float64", "bool": "bool", "datetime": "datetime64[us]"}
_LARGE: Final = 2.0**53  # from here on, float64 skips whole numbers
_LEAST: Final = 3  # the first major version with a string dtype that keeps missing values


class FrameMaker:
    """Makes pandas data frames of a signature's rows, with the dtypes that pandas' readers give."""

    def __init__(self, signature: Signature) -> None:
        try:
            import pandas  # noqa: PLC0415  # few models need it, and the images leave it out
        except ImportError:
            pandas = None
        if pandas is None or int(pandas.__version__.partition(".")[0]) < _LEAST:
            raise VersionMismatch(
                f"this model's own code takes data frames, and pandas {_LEAST} is not installed; install it, or "
                "let that code take arrays and pack the model again."
            )
        self._pandas = pandas
        self._features = signature.features

    def make(self, rows: NDArray[Any]) -> Any:
        """Return a frame; missing values are NaN, NaT, or None if the model represents them so."""
        columns = {each.name: self._column(each, rows[:, index]) for index, each in enumerate(self._features)}
        return self._pandas.DataFrame(columns)

    def _column(self, feature: Feature, cells: NDArray[Any]) -> Any:
        dtype = _DTYPES.get(feature.dtype)
        if feature.missing == "category":
            return self._category(cells.tolist(), feature)
        as_objects = feature.missing != "nan" and feature.dtype != "datetime"
        if dtype is not None and not as_objects and not (dtype == "bool" and None in cells.tolist()):
            return cells.astype(dtype)
        if feature.missing == "none":
            return np.where(np.equal(cells, cells), cells, np.array(None))  # numbers have NaN
        if feature.dtype == "string":
            return self._pandas.array(cells.tolist(), dtype="str")
        return np.where(np.equal(cells, np.array(None)), np.nan, cells)

    def _category(self, cells: list[Any], feature: Feature) -> Any:
        """Return a column of categories: the stated ones, without which XGBoost refuses it, and others in the cells.

        Libraries compare categories by their values, which are strings or whole numbers.
        """
        whole, stated = list(map(_whole, cells)), list(map(_whole, feature.categories or ()))
        others = {cell for cell in whole if not is_missing(cell)}.difference(stated)
        plain = all(isinstance(each, (str, int)) for each in others)
        dtype = "str" if feature.dtype == "string" else "int64" if plain else None
        known = self._pandas.Index([*stated, *sorted(others)], dtype=dtype)
        return self._pandas.Categorical(whole, categories=known)


def _whole(cell: Any) -> Any:
    return int(cell) if isinstance(cell, float) and cell.is_integer() and abs(cell) < _LARGE else cell
