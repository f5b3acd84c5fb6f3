"""Selects rows and columns of training data in any container: data frames of pandas or polars, matrices, lists."""

import warnings
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from model.errors import GoldenMismatch, PackingWarning, UnsupportedEstimator
from model.packing.training_data import INFINITE, infinite_cells


def select_rows(data: Any, selected: Any) -> Any:
    """Return the rows at these positions, in the same kind of container."""
    if hasattr(data, "iloc"):
        return data.iloc[selected]
    if hasattr(data, "columns"):  # polars
        return data[np.asarray(selected).tolist()]
    return [data[index] for index in selected] if isinstance(data, list) else np.asarray(data)[selected]


def select_columns(data: Any, names: Sequence[str]) -> Any:
    """Return these columns of a data frame, in this order."""
    return data[list(names)]


def without_infinite_rows(data: Any, names: Sequence[str] | None, among: Container[str]) -> Any:
    """Return the rows without infinity in these columns, and warn of the others; all rows if every row has one."""
    wrong = infinite_cells(data, names, among)
    if wrong.all():
        return data
    warnings.warn(
        f"{int(wrong.sum())} of {len(wrong)} rows of the data contain {INFINITE}; they are left out.",
        PackingWarning,
        stacklevel=3,
    )
    return select_rows(data, np.flatnonzero(~wrong))


@contextmanager
def zones_explained(data: Any) -> Iterator[None]:
    """If golden rows are answered differently, name the columns of times with a zone, which may be the reason."""
    try:
        yield
    except GoldenMismatch as error:
        kinds = zip(getattr(data, "columns", ()), getattr(data, "dtypes", ()), strict=True)
        zoned = [str(name) for name, kind in kinds if getattr(kind, "tz", None) or getattr(kind, "time_zone", None)]
        if not zoned:
            raise
        raise UnsupportedEstimator(
            f"the model answers its golden rows differently when {', '.join(map(repr, zoned))[:200]} is in UTC and "
            "without a zone, as a served model is given it; convert it (.dt.tz_convert('UTC').dt.tz_localize(None)) "
            "and fit on that."
        ) from error
