"""Draws rows that a signature allows: for golden rows without data, and for whoever tests or measures a model."""

from typing import Any

import numpy as np

from model.bundle.manifest import Baseline
from model.columns import parsed
from model.prediction import Rows
from model.signature import Feature, Signature

_WORDS = ("spam", "ham", "the", "model", "good", "bad", "price", "x1", "")
_MISSING = 0.1


def random_rows(signature: Signature, count: int, seed: int, baseline: dict[str, Baseline] | None = None) -> Rows:
    """Return rows of the signature's layout; numbers from the range of the training data where it is known."""
    draw = np.random.default_rng(seed)
    columns = [_column(feature, count, draw, (baseline or {}).get(feature.name)) for feature in signature.features]
    if signature.layout == "matrix":
        return np.array(columns, dtype=np.float64).T.copy()
    rows = np.empty((count, len(columns)), dtype=object)
    for place, (feature, cells) in enumerate(zip(signature.features, columns, strict=True)):
        rows[:, place] = parsed(cells, feature.dtype)
    return rows


def _column(feature: Feature, count: int, draw: np.random.Generator, known: Baseline | None) -> list[Any]:
    cells: list[Any]
    if feature.categories is not None:
        cells = [feature.categories[place] for place in draw.integers(0, len(feature.categories), count)]
    elif feature.dtype == "bool":
        cells = draw.integers(0, 2, count).astype(bool).tolist()
    elif feature.dtype == "datetime":
        cells = [
            str(np.datetime64("2020-01-01") + np.timedelta64(int(days), "D")) for days in draw.integers(0, 3000, count)
        ]
    elif feature.dtype == "string":
        cells = [" ".join(draw.choice(_WORDS, 3)) for _ in range(count)]
    elif known is not None and known.deciles:
        cells = draw.uniform(known.deciles[0], known.deciles[-1], count).tolist()
    else:
        cells = draw.normal(size=count).tolist()
    if not feature.nullable:
        return cells
    return [None if missing else cell for cell, missing in zip(cells, draw.random(count) < _MISSING, strict=True)]
