"""From a fitted estimator to a bundle on disk, proven by loading it back."""

import copy
import datetime
import math
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from model import loading
from model.bundle.manifest import (
    FORMAT,
    JOBLIB,
    ONNX,
    SKOPS,
    Baseline,
    CompiledForm,
    File,
    Golden,
    Manifest,
    Score,
    digest_of,
)
from model.bundle.trust import Trust, modules_in
from model.columns import Column, columns_of
from model.errors import ModelError, UnsupportedEstimator
from model.onnx_export.graph import NotCompiled
from model.onnx_export.parity import proven
from model.onnx_export.random_rows import random_rows
from model.packing.column_facts import names_of, takes_texts
from model.packing.placing import named, staged, write
from model.packing.signature_reader import read_signature
from model.prediction import Prediction
from model.signature import TEXT, Signature
from model.sklearn_runtime import skops_io
from model.sklearn_runtime.engine import SklearnEngine
from model.sklearn_runtime.restore import versions

GOLDEN_ROWS = 32
MOST_SHARES = 20


def pack(
    estimator: Any,
    output: str | Path,
    *,
    name: str,
    version: str = "1",
    data: Any = None,
    score: Score | None = None,
    allow_pickle: bool = False,
    code: str | Path | None = None,
    compiled: bool = True,
) -> loading.Loaded:
    """Write a fitted estimator as a bundle, load it back and prove that it answers the same.

    `data` are training rows: a data frame, a matrix of shape (n, features) or, for a model of texts, a list of them.
    They give the columns' kinds and, if need be, names, the golden rows, and the baseline. `allow_pickle` writes a
    pickle where skops cannot hold the estimator. `code` is a directory of modules whose types it may hold. A form
    that is `compiled` is added if it answers the same, sooner. Raises ModelError.
    """
    estimator = getattr(estimator, "best_estimator_", estimator)  # what a search predicts with
    data = _texts(data) if takes_texts(estimator) else _framed(data)
    columns, code = _columns(estimator, data), None if code is None else Path(code)
    signature, baseline = read_signature(estimator, columns), _baselines(columns)
    content = named(_serialised(estimator, allow_pickle=allow_pickle, code=code))
    form, reason = _compile(estimator, signature, columns, baseline, content) if compiled else (None, "not asked for")
    manifest = Manifest(
        format=FORMAT,
        name=name,
        version=version,
        created_at=_now(),
        signature=signature,
        files={file: File(len(data), digest_of(data)) for file, data in content.items()},
        made_with=versions(),
        golden=_golden(estimator, signature, columns, data),
        baseline=baseline,
        score=score,
        compiled=form,
        not_compiled=reason,
    )
    return _written(Path(output), manifest, content, allow_pickle=allow_pickle, code=code)


def _columns(estimator: Any, data: Any) -> list[Column] | None:
    """Return the columns of the data; raises UnsupportedEstimator where they are not those of an estimator's fit."""
    if data is None:
        return None
    columns, width = columns_of(data, names_of(estimator)), getattr(estimator, "n_features_in_", None)
    if width is not None and names_of(estimator) is None and len(columns) != width:
        named = ", ".join(column.name for column in columns)
        raise UnsupportedEstimator(
            f"{type(estimator).__name__} takes {width} columns and remembers no names; the data have {len(columns)} "
            f"({named[:200]}): leave out those that it was not fitted on, such as the target."
        )
    return columns


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _written(
    output: Path, manifest: Manifest, content: dict[str, bytes], *, allow_pickle: bool, code: Path | None
) -> loading.Loaded:
    """Write a bundle, and load and prove it in each way that it can be served."""
    with staged(output) as folder:
        trust = Trust(write(folder, manifest, content), allow_pickle, code)
        loading.prove(loading.load(folder, trust, compiled=False))
        loaded = loading.load(folder, trust)
        loading.prove(loaded)
    return loaded


def _compile(
    estimator: Any,
    signature: Signature,
    columns: list[Column] | None,
    baseline: dict[str, Baseline] | None,
    content: dict[str, bytes],
) -> tuple[CompiledForm | None, str | None]:
    """Add the compiled form to the bundle's content and return what was found of it, or return why there is none."""
    try:
        made, form = proven(estimator, signature, columns, baseline)
    except NotCompiled as error:
        return None, str(error)
    content |= named({ONNX: made.content})
    return form, None


def _serialised(estimator: Any, *, allow_pickle: bool, code: Path | None) -> dict[str, bytes]:
    try:
        return {SKOPS: skops_io.to_skops(estimator, modules_in(code))}
    except UnsupportedEstimator as error:
        if allow_pickle:
            return {JOBLIB: skops_io.to_joblib(estimator)}
        raise UnsupportedEstimator(f"{error} A pickle may hold it, if you allow one.") from error


def _golden(estimator: Any, signature: Signature, columns: list[Column] | None, data: Any) -> Golden:
    """Let the estimator itself, as it was fitted, answer evenly spaced rows of the data, or drawn ones."""
    try:
        if columns is None:
            rows = random_rows(signature, GOLDEN_ROWS, seed=0)
            answer = SklearnEngine(copy.deepcopy(estimator), signature).predict(rows)
            cells = [[_cell(cell) for cell in row] for row in rows.tolist()]
        else:
            height = len(columns[0].cells)
            chosen = np.unique(np.linspace(0, height - 1, GOLDEN_ROWS).astype(int))
            answer = ask(estimator, signature, _rows(estimator, data, chosen, framed=signature.layout == "frame"))
            cells = [[column.cells[place] for column in columns] for place in chosen]
    except (ValueError, IndexError, TypeError, ModelError) as error:
        reason, hint = " ".join(str(error).split())[:300], "" if columns else "; pass its training data"
        raise UnsupportedEstimator(
            f"{type(estimator).__name__} does not predict the rows to prove it with ({reason}){hint}."
        ) from error
    answered = nested(answer.probabilities)
    if not all(map(np.isfinite, _numbers([answer.labels.tolist(), answered]))):
        hint = "" if columns else "; pass its training data"
        raise UnsupportedEstimator(
            f"{type(estimator).__name__} has no finite answer to the rows to prove it with{hint}."
        )
    return Golden(cells, answer.labels.tolist(), answered)


def ask(estimator: Any, signature: Signature, data: Any) -> Prediction:
    """Predict with an estimator as its user would, on data as its user has them; they stay as they are."""
    own = copy.deepcopy  # with `copy=False` a transformer writes in what it is given
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that one fitted on a frame is asked about a matrix
        labels = np.asarray(estimator.predict(own(data)))
        found = estimator.predict_proba(own(data)) if signature.probabilities else None
    return Prediction(labels, tuple(found) if isinstance(found, list) else found)


def nested(probabilities: Any) -> Any:
    """Return probabilities as lists."""
    if isinstance(probabilities, tuple):
        return [each.tolist() for each in probabilities]
    return None if probabilities is None else probabilities.tolist()


def _texts(data: Any) -> Any:
    """Return the one column of a data frame that a model of texts is meant to read."""
    if not hasattr(data, "columns"):
        return data
    names = [TEXT] if TEXT in list(data.columns) else list(data.columns)
    if len(names) != 1:
        raise UnsupportedEstimator(f"the model takes one column of texts; name it {TEXT!r} among {', '.join(names)}.")
    return data[names[0]]


def _framed(data: Any) -> Any:
    """Return a series as the data frame that it is a column of."""
    return data.to_frame() if hasattr(data, "to_frame") else data


def _rows(estimator: Any, data: Any, chosen: Any, *, framed: bool) -> Any:
    """Choose rows of the data in the container that the estimator was fitted on."""
    names = names_of(estimator)
    if hasattr(data, "iloc"):
        if names is not None:
            return data[names].iloc[chosen]
        return data.iloc[chosen] if framed or hasattr(data, "str") else data.iloc[chosen].to_numpy()
    return [data[place] for place in chosen] if isinstance(data, list) else np.asarray(data)[chosen]


def _numbers(value: Any) -> Iterator[float]:
    """Yield every float of nested lists."""
    if isinstance(value, list):
        for each in value:
            yield from _numbers(each)
    elif isinstance(value, float):
        yield value


def _cell(cell: Any) -> Any:
    if isinstance(cell, float) and math.isnan(cell):
        return None
    return str(cell) if isinstance(cell, np.datetime64) else cell


def _baselines(columns: list[Column] | None) -> dict[str, Baseline] | None:
    return None if columns is None else {column.name: _baseline(column) for column in columns}


def _baseline(column: Column) -> Baseline:
    present = [cell for cell in column.cells if cell is not None]
    missing = 1 - len(present) / len(column.cells)
    if column.dtype == "float64":
        quantiles = np.quantile(np.array(present, dtype=float), np.linspace(0, 1, 11)) if present else np.array([])
        return Baseline(missing, quantiles.tolist(), {})
    most = Counter(map(str, present)).most_common(MOST_SHARES)
    return Baseline(missing, [], {value[:100]: count / len(column.cells) for value, count in most})
