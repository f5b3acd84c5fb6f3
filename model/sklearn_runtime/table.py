"""Rows of mixed columns in forms that estimators take.

scikit-learn accepts a Table, which needs no data frame library. Models with categories, and own code that does not take
arrays, get data frames.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.columns import is_missing
from model.errors import VersionMismatch
from model.signature import Dtype, Feature, Signature

_DTYPES: Final[dict[Dtype, str]] = {"float64": "float64", "bool": "bool", "datetime": "datetime64[us]"}
_LARGE: Final = 2.0**53  # from here on, float64 skips whole numbers
_LEAST: Final = 3  # the first major version with a string dtype that keeps missing values


class Table(np.ndarray[Any, Any]):
    """An object array of shape (n, columns) whose slices are float64 if all of their columns are numbers.

    ColumnTransformer slices its input by columns and passes each slice to a transformer. A slice of a data frame has
    the columns' own dtype, and some transformers rely on that (`FunctionTransformer(np.log1p)`).
    """

    numeric: NDArray[np.bool_]

    def __array_finalize__(self, made_from: Any) -> None:
        """Keep the columns' dtypes in views of all columns (numpy's subclassing protocol)."""
        self.numeric = getattr(made_from, "numeric", np.zeros(0, dtype=bool))

    def __getitem__(self, key: Any) -> Any:
        """Return the same as an array of objects would, but float64 for numeric columns, and a Table for mixed ones."""
        part = np.asarray(self)[key]
        whole_rows = isinstance(key, tuple) and len(key) == 2 and isinstance(key[0], slice)
        if not whole_rows or len(self.numeric) != self.shape[-1]:
            return part
        numeric = self.numeric[key[1]]
        if np.all(numeric):
            return part.astype(np.float64, order="F")  # the memory layout of a data frame's columns
        if part.ndim == self.ndim:
            part = part.view(Table)
            part.numeric = numeric
        return part


class TableMaker:
    """Makes Tables of a signature's rows."""

    def __init__(self, signature: Signature) -> None:
        self._knows_nan = np.array([feature.missing != "none" for feature in signature.features])
        self._numeric = np.array([feature.numeric for feature in signature.features])
        self._numbers_with_none = [
            index
            for index, feature in enumerate(signature.features)
            if (feature.dtype, feature.missing) == ("float64", "none")
        ]

    def make(self, rows: NDArray[Any]) -> Table:
        """Return the rows as a Table; missing values are NaN in columns where the model represents them as NaN.

        The rows may be changed, so the caller passes a copy.
        """
        if rows.dtype != object:  # all features are numbers, and the model knows some as objects
            rows = rows.astype(object)
        for index in self._numbers_with_none:
            rows[:, index] = [None if cell is None or cell != cell else cell for cell in rows[:, index]]  # noqa: PLR0124
        empty = np.equal(rows, np.array(None)) & self._knows_nan
        table = (np.where(empty, np.nan, rows) if empty.any() else rows).view(Table)
        table.numeric = self._numeric
        return table


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
