"""From a fitted estimator to a bundle on disk, proven by loading it back."""

import datetime
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from model import loading, serialisation
from model.bundle import FORMAT, MODEL, Baseline, File, Golden, Manifest, Score, digest_of, write
from model.engines import Rows
from model.errors import UnsupportedEstimator
from model.signature import Signature, read_signature

GOLDEN_ROWS = 32


def pack(
    estimator: Any,
    output: str | Path,
    *,
    name: str,
    version: str = "1",
    data: Any = None,
    score: Score | None = None,
) -> loading.Loaded:
    """Write a fitted classifier or regressor as a bundle, load it back and prove that it answers the same.

    `data` are training rows, a DataFrame or a matrix of shape (n, features): they give the golden rows, the baseline
    of each feature and, for an estimator fitted without them, the features' names. Without it, golden rows are drawn
    from a normal distribution. Raises ModelError.
    """
    columns = list(data.columns) if hasattr(data, "columns") else None
    signature = read_signature(estimator, columns)
    rows = None if data is None else _matrix(data, signature, columns)
    content = {MODEL: serialisation.to_bytes(estimator)}
    manifest = Manifest(
        format=FORMAT,
        name=name,
        version=version,
        created_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        signature=signature,
        files={file: File(len(data), digest_of(data)) for file, data in content.items()},
        made_with=loading.versions(),
        golden=_golden(estimator, signature, rows, data),
        baseline=None if rows is None else _baseline(signature, rows),
        score=score,
    )
    digest = write(Path(output), manifest, content)
    loaded = loading.load(Path(output), digest)
    loading.prove(loaded)
    return loaded


def _matrix(data: Any, signature: Signature, columns: list[str] | None) -> Rows:
    """Return the data as float64 of shape (n, features), columns in the signature's order."""
    try:
        if columns is None:
            rows = np.asarray(data, dtype=np.float64)
        else:
            rows = np.column_stack([np.asarray(data[name], dtype=np.float64) for name in signature.names])
    except (KeyError, TypeError, ValueError) as error:
        raise UnsupportedEstimator(f"the data are not numeric columns {', '.join(signature.names)}: {error}") from None
    if rows.ndim != 2 or rows.shape[1] != len(signature.features) or not len(rows):
        raise UnsupportedEstimator(f"the data have shape {rows.shape}; expected (n ≥ 1, {len(signature.features)}).")
    return rows


def _golden(estimator: Any, signature: Signature, rows: Rows | None, data: Any) -> Golden:
    """Let the estimator itself, as it was fitted, answer evenly spaced rows of the data, or drawn ones."""
    if rows is None:
        rows = np.random.default_rng(0).normal(size=(GOLDEN_ROWS, len(signature.features)))
    chosen = np.unique(np.linspace(0, len(rows) - 1, GOLDEN_ROWS).astype(int))
    framed = hasattr(data, "iloc") and hasattr(estimator, "feature_names_in_")
    asked = data[list(signature.names)].iloc[chosen] if framed else rows[chosen]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that an estimator fitted on a frame is asked about a matrix
        labels = np.asarray(estimator.predict(asked))
        probabilities = np.asarray(estimator.predict_proba(asked)).tolist() if signature.probabilities else None
    if labels.ndim != 1:
        raise UnsupportedEstimator(f"{type(estimator).__name__} has several outputs; one output is served.")
    return Golden(
        rows=[[None if np.isnan(cell) else float(cell) for cell in row] for row in rows[chosen]],
        labels=labels.tolist(),
        probabilities=probabilities,
    )


def _baseline(signature: Signature, rows: Rows) -> dict[str, Baseline]:
    """Return each feature's deciles and share of missing values; a column that is all missing has no deciles."""
    baselines = {}
    for name, column in zip(signature.names, rows.T, strict=True):
        present = column[~np.isnan(column)]
        deciles = np.quantile(present, np.linspace(0, 1, 11)).tolist() if len(present) else []
        baselines[name] = Baseline(deciles, 1 - len(present) / len(column))
    return baselines
