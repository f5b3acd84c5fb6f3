"""Rows of mixed columns in the one form that scikit-learn takes without a data frame library."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.signature import Signature


class Table(np.ndarray[Any, Any]):
    """An object array of shape (n, columns) that gives float64 where all the columns asked for are numbers.

    ColumnTransformer slices its input by columns and hands each slice to a transformer. What a data frame would give
    there has the columns' own dtype, and some transformers rely on it (`FunctionTransformer(np.log1p)`).
    """

    numeric: NDArray[np.bool_]

    def __array_finalize__(self, made_from: Any) -> None:
        """Keep the columns' kinds on views of all columns (numpy's subclassing protocol)."""
        self.numeric = getattr(made_from, "numeric", np.zeros(0, dtype=bool))

    def __getitem__(self, key: Any) -> Any:
        """Return what an object array would, in the dtype that the chosen columns have; of several kinds, a Table."""
        part = np.asarray(self)[key]
        whole_rows = isinstance(key, tuple) and len(key) == 2 and isinstance(key[0], slice)
        if not whole_rows or len(self.numeric) != self.shape[-1]:
            return part
        numeric = self.numeric[key[1]]
        if np.all(numeric):
            return part.astype(np.float64, order="F")  # as a data frame's columns lie in memory
        if part.ndim == self.ndim:
            part = part.view(Table)
            part.numeric = numeric
        return part


class TableMaker:
    """Makes Tables of one signature's rows; what its columns are is decided once."""

    def __init__(self, signature: Signature) -> None:
        self._knows_nan = np.array([feature.missing == "nan" for feature in signature.features])
        numbers = np.array([feature.dtype in ("float64", "bool") for feature in signature.features])
        self._numeric = numbers & self._knows_nan

    def make(self, rows: NDArray[Any]) -> Table:
        """Return the rows as a Table, with NaN for a missing value in the columns where the model knows that."""
        empty = np.equal(rows, np.array(None)) & self._knows_nan
        table = (np.where(empty, np.nan, rows) if empty.any() else rows).view(Table)
        table.numeric = self._numeric
        return table
