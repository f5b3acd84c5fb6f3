"""Finds the cell that makes a model refuse rows."""

import time
from collections.abc import Callable
from typing import Final

import numpy as np

from model.prediction import Rows

_SECONDS: Final = 0.5  # a refused batch must not take much longer than an answered one


def refused_cell(refuses: Callable[[Rows], bool], rows: Rows, accepted: Rows) -> tuple[int, int | None] | None:
    """Return the row and the column of a cell because of which rows are refused.

    The column is None if no single cell of the row is refused by itself. `accepted` is a row that is not refused. Rows
    are halved until one is left, then its columns. Returns None if time runs out.
    """
    end = time.monotonic() + _SECONDS
    guess = _farthest(rows)
    if guess is None or not refuses(rows[guess : guess + 1]):
        guess = _halve(len(rows), lambda start, stop: refuses(rows[start:stop]), end)
    if guess is None:
        return None
    row = rows[guess : guess + 1]

    def refuses_columns(start: int, stop: int) -> bool:
        mixed = accepted.copy()
        mixed[:, start:stop] = row[:, start:stop]
        return refuses(mixed)

    column = _halve(rows.shape[1], refuses_columns, end)
    alone = column is not None and refuses_columns(column, column + 1)
    return guess, column if alone else None


def _farthest(rows: Rows) -> int | None:
    """Return the index of the row with the number farthest from 0."""
    if rows.dtype.kind != "f" or not rows.size:
        return None
    return int(np.nanargmax(np.abs(rows))) // rows.shape[1] if not np.isnan(rows).all() else None


def _halve(size: int, refuses: Callable[[int, int], bool], end: float) -> int | None:
    """Return an index because of which a range is refused, given that the whole range is; None if time runs out."""
    start, stop = 0, size
    while stop - start > 1:
        if time.monotonic() > end:
            return None
        middle = (start + stop) // 2
        start, stop = (start, middle) if refuses(start, middle) else (middle, stop)
    return start
