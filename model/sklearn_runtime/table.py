"""Rows of mixed columns in a form that scikit-learn accepts without a data frame library."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.signature import Signature


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
