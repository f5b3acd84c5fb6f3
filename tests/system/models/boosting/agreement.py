"""Compares compiled models with the libraries that fitted them, on many rows."""

from typing import Any

import numpy as np

from model.engines.onnx import OnnxEngine
from model.onnx_export.compiler import compile_model
from model.signature import Feature, Signature

DRAWN = 10_000


def engine_of(estimator: Any, width: int) -> OnnxEngine:
    """Return the compiled form of an estimator of so many columns of numbers."""
    classes = estimator.classes_ if hasattr(estimator, "predict_proba") else None
    found = np.asarray(estimator.predict(np.zeros((2, width))))
    outputs = found.shape[1] if found.ndim == 2 and found.shape[1] > 1 else None
    labels = None if classes is None else ((tuple(classes.tolist()),) if outputs is None else ((0, 1),) * outputs)
    signature = Signature(
        tuple(Feature(f"x{place}") for place in range(width)),
        "matrix",
        "classifier" if labels else "regressor",
        outputs,
        labels,
        probabilities=labels is not None,
    )
    made = compile_model(estimator, signature)
    return OnnxEngine(made.content, made.codes, signature)


def many_rows(rows, thresholds, draw):
    """Return the rows, drawn ones near and far, both with missing values, and rows at thresholds.

    `thresholds` has for each column the numbers that trees compare it with, and those next to them.
    """
    width = rows.shape[1]
    drawn = draw.normal(size=(DRAWN, width)) * np.exp(2 * draw.normal(size=(DRAWN, 1)))
    missing = rows[draw.integers(0, len(rows), 3000)]
    missing[draw.random(missing.shape) < 0.3] = np.nan
    wholes = draw.integers(-3, 25, (2000, width)) + draw.choice([0, 0.5, 0.999], (2000, width))
    special = [0.0, -0.0, 1e-35, -1e-35, 1e300, -1e300, 3.5e38, np.inf, -np.inf, np.nan]
    columns = [draw.permutation(np.concatenate([each, special])) for each in thresholds]
    height = max(map(len, columns))
    edges = np.stack([np.resize(column, height) for column in columns], axis=1)
    return np.concatenate(
        [rows, drawn, np.where(draw.random(drawn.shape) < 0.1, np.nan, drawn), missing, wholes, edges]
    )


def around(numbers, dtype):
    """Return numbers and the ones next to them, in float64 and in the dtype."""
    given = np.asarray(numbers, dtype=dtype)
    given = given[np.isfinite(given)]
    wide = given.astype(np.float64)
    with np.errstate(over="ignore"):  # CatBoost separates missing values by the least number of float32
        sides = [np.nextafter(each, each.dtype.type(side)) for each in (given, wide) for side in (-np.inf, np.inf)]
    return np.concatenate([wide, *(side.astype(np.float64) for side in sides)])


def differences(estimator, rows):
    """Return how many labels differ, and the largest difference of a probability or the relative one of a number."""
    found = engine_of(estimator, rows.shape[1]).predict(rows)
    labels = np.asarray(estimator.predict(rows)).reshape(found.labels.shape)
    if found.probabilities is None:
        same = (labels == found.labels) | (np.isnan(labels) & np.isnan(found.labels))
        gap = np.abs(labels - found.labels) / np.maximum(1, np.abs(labels))
        return int((~same).sum()), float(np.max(np.where(same, 0, gap)))
    shares = estimator.predict_proba(rows)
    return int((labels != found.labels).sum()), float(np.abs(shares - found.probabilities).max())
