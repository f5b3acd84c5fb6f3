"""Rows of training data in whatever holds them: data frames of pandas or polars, matrices, lists."""

import warnings
from collections.abc import Container, Sequence
from typing import Any

import numpy as np

from model.errors import PackingWarning
from model.packing.training_data import INFINITE, infinite_cells


def select_rows(data: Any, selected: Any) -> Any:
    """Return the rows at these positions, in the same kind of container."""
    if hasattr(data, "iloc"):
        return data.iloc[selected]
    if hasattr(data, "columns"):  # polars
        return data[np.asarray(selected).tolist()]
    return [data[place] for place in selected] if isinstance(data, list) else np.asarray(data)[selected]


def select_columns(data: Any, names: Sequence[str]) -> Any:
    """Return these columns of a data frame, in this order."""
    return data[list(names)]


def without_infinite_rows(data: Any, names: Sequence[str] | None, among: Container[str]) -> Any:
    """Return the rows without infinity in these columns, and warn of the others; all rows if it would be none."""
    wrong = infinite_cells(data, names, among)
    if wrong.all():
        return data
    warnings.warn(
        f"{int(wrong.sum())} of {len(wrong)} rows of the data contain {INFINITE}; they are left out.",
        PackingWarning,
        stacklevel=3,
    )
    return select_rows(data, np.flatnonzero(~wrong))
