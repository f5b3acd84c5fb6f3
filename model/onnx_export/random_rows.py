"""Draws random rows that fit a signature: for golden rows without training data, for comparisons and for tests."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.bundle.manifest import Baseline
from model.columns import parse_cells
from model.prediction import Rows
from model.signature import Feature, Signature

_WORDS = ("spam", "ham", "the", "model", "good", "bad", "price", "x1", "")
_MISSING = 0.1
_KNOWN = 0.5


def random_rows(
    signature: Signature,
    count: int,
    seed: int,
    baseline: dict[str, Baseline] | None = None,
    known: Mapping[str, Iterable[str]] | None = None,
) -> Rows:
    """Return rows in the signature's layout, with numbers from the range of the training data if it is known.

    About half of a column's strings come from the `known` ones, if it has any.
    """
    draw = np.random.default_rng(seed)
    columns = np.empty((len(signature.features), count), dtype=np.float64 if signature.layout == "matrix" else object)
    for index, feature in enumerate(signature.features):
        columns[index] = _column(feature, count, draw, (baseline or {}).get(feature.name))
        if (strings := list((known or {}).get(feature.name, ()))) and feature.categories is None:
            taken = (draw.random(count) < _KNOWN) & (columns[index] != np.array(None))
            columns[index, taken] = draw.choice(np.array(strings, dtype=object), int(taken.sum()))
    return columns.T.copy()


def _column(feature: Feature, count: int, draw: np.random.Generator, known: Baseline | None) -> NDArray[Any]:
    cells: Any
    if feature.categories is not None:
        known_cells = np.array([*feature.categories, None], dtype=object)[:-1]
        cells = known_cells[draw.integers(0, len(feature.categories), count)]
    elif feature.dtype == "bool":
        cells = draw.integers(0, 2, count).astype(bool)
    elif feature.dtype == "datetime":
        cells = list(map(str, np.datetime64("2020-01-01") + draw.integers(0, 3000, count).astype("timedelta64[D]")))
    elif feature.dtype == "string":
        cells = list(map(" ".join, draw.choice(_WORDS, (count, 3)).tolist()))
    elif known is not None and known.deciles:
        cells = draw.uniform(known.deciles[0], known.deciles[-1], count)
    else:
        cells = draw.normal(size=count)
    column = parse_cells(cells, feature.dtype)
    if feature.nullable:
        column[draw.random(count) < _MISSING] = np.nan if feature.dtype == "float64" else None
    return column
