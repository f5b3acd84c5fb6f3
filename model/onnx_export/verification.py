"""Verifies that a compiled model gives scikit-learn's answers, and measures its speed relative to scikit-learn."""

import copy
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from model.bundle.manifest import Baseline, CompiledForm
from model.bundle.manifest_checks import estimator_type
from model.columns import Column, join_columns
from model.engines.base import Engine
from model.engines.onnx import OnnxEngine
from model.errors import ModelError, describe
from model.onnx_export.boosting.models import answers_by
from model.onnx_export.comparison import TOO_FAR, Comparison, FurtherDiffers
from model.onnx_export.compiler import PREDICTORS, CompiledModel, compile_model
from model.onnx_export.graph import NotCompiled, qualified_name
from model.onnx_export.random_rows import random_rows
from model.onnx_export.thresholds import TreePart, edge_rows, tree_parts
from model.prediction import Rows
from model.signature import Signature
from model.sklearn_runtime.engine import SklearnEngine
from model.sklearn_runtime.estimator_walk import walk
from model.sklearn_runtime.further_outputs import methods_of
from model.steps import Progress, Step, no_progress

RANDOM_ROWS, SINGLE_ROWS, MANY_ROWS, FAR_ROWS = 10_000, 100, 1000, 100
FAR = (1e2, 1e4, 1e6, TOO_FAR)
# Rows of each kind may cost MOST_WORK visits of a tree, or cells; this limits how many rows are compared.
MOST_WORK, LEAST_ROWS = 3_000_000, 1000
# With many rows, scikit-learn's overhead per call hardly counts; a compiled model may take this many times as long.
MOST_SLOWER = 2
# Timing an engine ends after the first number of seconds and three calls, at the latest after the second number.
_SECONDS, _MOST_SECONDS = 0.01, 0.2


def compile_verified(
    estimator: Any,
    signature: Signature,
    columns: list[Column] | None,
    baseline: dict[str, Baseline] | None,
    progress: Progress = no_progress,
    *,
    slow: bool = False,
) -> tuple[CompiledModel, CompiledForm]:
    """Compile an estimator, and compare its answers and speed with scikit-learn's.

    The rows are training rows, random rows, far rows, and rows at the thresholds of trees. Raises NotCompiled if there
    is no compiled form, or if that gives other answers or is slower; it may be slower with `slow`, or if it replaces
    another library.
    """
    try:
        try:
            made, form = _compared(estimator, signature, columns, baseline, progress, methods_of(estimator))
        except FurtherDiffers:
            made, form = _compared(estimator, signature, columns, baseline, progress)
    except (ModelError, ValueError, IndexError, TypeError, AttributeError, KeyError, RuntimeError) as error:
        raise NotCompiled(f"it could not be compared ({describe(error)})") from error
    if slow or any(qualified_name(type(part)) in PREDICTORS for part, _ in walk(estimator)):
        return made, form
    if form.speedup["1"] < 1 or form.speedup[str(MANY_ROWS)] * MOST_SLOWER < 1:
        raise NotCompiled(
            f"compiled, it has {form.speedup['1']} times the speed for one row, "
            f"and {form.speedup[str(MANY_ROWS)]} times for {MANY_ROWS}"
        )
    return made, form


def _compared(
    estimator: Any,
    signature: Signature,
    columns: list[Column] | None,
    baseline: dict[str, Baseline] | None,
    progress: Progress,
    further: Sequence[str] = (),
) -> tuple[CompiledModel, CompiledForm]:
    progress(Step.COMPILE)
    made = compile_model(estimator, signature, further)
    copied = copy.deepcopy(estimator)
    own, engine = SklearnEngine(copied, signature), OnnxEngine(made.content, made.codes, signature)
    parts = tree_parts(copied)
    whole = Comparison(own, engine, signature.task, made.further)
    comparisons = {whole}
    most = _affordable_rows(max(len(signature.features), sum(part.trees for part in parts)))
    drawn = random_rows(signature, min(RANDOM_ROWS, most), seed=1, baseline=baseline, known=made.codes)
    seconds: dict[int, float] = {}  # how long scikit-learn took, by rows in a call
    training, left_out = _training_rows(columns, signature, most)
    for step, batches in ((Step.COMPARE_TRAINING, training), (Step.COMPARE_RANDOM, [drawn])):
        progress(step)
        for rows in batches:
            seconds[len(rows)] = whole.compare(rows, alone=SINGLE_ROWS)
    progress(Step.COMPARE_FAR)
    whole.compare_far(_far_rows(signature, drawn))
    progress(Step.COMPARE_EDGES)
    for part in parts:
        alone = part.estimator is copied and (signature.layout == "matrix" or bool(part.categories))
        comparison = whole if alone else _comparison_of(part)
        comparisons.add(comparison)
        flags = [index for index, each in enumerate(signature.features) if alone and each.dtype == "bool"]
        edges, beyond = edge_rows(part, _affordable_rows(part.trees) // len(parts) + 1, flags)
        left_out += beyond
        for start in range(0, len(edges), RANDOM_ROWS):
            comparison.compare(edges[start : start + RANDOM_ROWS])
    progress(Step.MEASURE)
    speedup = {str(count): _speedup(own, engine, drawn[:count], seconds.get(count)) for count in (1, MANY_ROWS)}
    codes = {name: dict(each) for name, each in made.codes.items()}
    count, largest = sum(each.rows for each in comparisons), max(each.largest for each in comparisons)
    return made, CompiledForm(codes, count, largest, speedup, left_out, answers_by(estimator))


def _affordable_rows(work: int) -> int:
    """Return how many rows of one kind are compared, if a row visits this many trees, or has this many columns."""
    return max(LEAST_ROWS, MOST_WORK // max(1, work))


def _training_rows(columns: list[Column] | None, signature: Signature, most: int) -> tuple[list[Rows], int]:
    """Return at most `most` training rows, evenly spaced and in batches, and how many were left out."""
    count = len(columns[0].cells) if columns else 0
    indices = np.linspace(0, count - 1, min(count, most)).astype(int)
    batches = []
    for start in range(0, len(indices), RANDOM_ROWS):
        chosen = indices[start : start + RANDOM_ROWS]
        piece = [[each.cells[index] for index in chosen] for each in columns or ()]
        batches.append(join_columns(piece, signature))
    return batches, count - len(indices)


def _far_rows(signature: Signature, rows: Rows) -> Rows:
    """Return rows with one number far from all training rows, such as sentinels, wrong units and overflow."""
    indices = [
        index for index, each in enumerate(signature.features) if each.dtype == "float64" and not each.categories
    ]
    draw = np.random.default_rng(2)
    far: Rows = rows[np.arange(FAR_ROWS if indices else 0) % len(rows)]
    for row in far:
        row[draw.choice(indices)] = draw.choice(FAR) * draw.choice((1, -1))
    return far


def _comparison_of(part: TreePart) -> Comparison:
    """Return a comparison of a component alone, on rows of its own features."""
    estimator, outputs = part.estimator, _outputs_of(part)
    classes = getattr(estimator, "classes_", None) if hasattr(estimator, "predict_proba") else None
    listed = None if classes is None else classes if isinstance(classes, list) else [classes]
    if listed and len(listed) < outputs:
        listed = [np.arange(2)] * outputs  # multilabel: a row has each label or not
    signature = Signature(
        features=part.features,
        layout="frame" if part.categories else "matrix",
        task=estimator_type(estimator),
        outputs=outputs if outputs > 1 else None,
        classes=None if listed is None else tuple(tuple(np.asarray(each).tolist()) for each in listed),
        probabilities=hasattr(estimator, "predict_proba"),
    )
    made = compile_model(estimator, signature)
    own, compiled = SklearnEngine(estimator, signature), OnnxEngine(made.content, made.codes, signature)
    return Comparison(own, compiled, signature.task)


def _outputs_of(part: TreePart) -> int:
    """Return how many labels a row gets; for other libraries, by predicting a row."""
    if not part.boosted or part.categories:
        return int(getattr(part.estimator, "n_outputs_", 1))
    shape = np.shape(part.estimator.predict(np.zeros((1, len(part.thresholds)))))
    return int(shape[1]) if len(shape) > 1 else 1


def _speedup(slow: Engine, fast: Engine, rows: Rows, known: float | None) -> float:
    """Return how many times as fast the second engine is; `known` is the seconds of an earlier call of the first."""
    with np.errstate(all="ignore"):
        return float(f"{_least_seconds(slow, rows, known) / _least_seconds(fast, rows):.3g}")


def _least_seconds(engine: Engine, rows: Rows, known: float | None = None) -> float:
    taken = [known] if known is not None and known >= _MOST_SECONDS else []
    while sum(taken) < _MOST_SECONDS and (sum(taken) < _SECONDS or len(taken) < 3):
        start = time.perf_counter()
        engine.predict(rows)
        taken.append(time.perf_counter() - start)
    return min(taken)  # other load on the machine only adds to it
