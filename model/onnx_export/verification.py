"""Verifies that a compiled model gives scikit-learn's answers, and measures how much faster it is."""

import copy
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from model.bundle.manifest import Baseline, CompiledForm
from model.columns import Column, join_columns
from model.engines.base import Engine
from model.engines.onnx import OnnxEngine
from model.errors import ModelError, NoFiniteAnswer, describe
from model.loading import TOLERANCE
from model.onnx_export.compiler import CompiledModel, compile_model
from model.onnx_export.graph import NotCompiled
from model.onnx_export.random_rows import random_rows
from model.onnx_export.thresholds import edge_rows, tree_parts
from model.prediction import Prediction, Rows
from model.signature import Feature, Signature
from model.sklearn_runtime.engine import SklearnEngine

RANDOM_ROWS, SINGLE_ROWS, MANY_ROWS, FAR_ROWS = 10_000, 100, 1000, 100
FAR, TOO_FAR = (1e2, 1e4, 1e6), 1e40
# For many rows, scikit-learn's overhead per call no longer matters. A model that is slower than this is not compiled.
MOST_SLOWER = 2
_SECONDS = 0.05


class _Comparison:
    """Compares answers; counts the rows, and keeps the largest difference between two numbers."""

    rows = 0
    largest = 0.0

    def compare(self, one: Engine, other: Engine, rows: Rows, signature: Signature) -> None:
        """Compare two engines' answers to the rows; raises NotCompiled if they differ."""
        with np.errstate(all="ignore"):
            self._compare(one.predict(rows), other.predict(rows), signature)
        self.rows += len(rows)

    def compare_odd(self, one: Engine, other: Engine, row: Rows, signature: Signature) -> None:
        """Compare their answers to a far row; raises NotCompiled if they differ, or if only one engine has an answer.

        If the row is too far away, all neighbours are equally near, and only whether there is an answer is compared.
        """
        with np.errstate(all="ignore"):
            expected, found = _answer(one, row), _answer(other, row)
            if (expected is None) != (found is None):
                raise NotCompiled("for a far row, only one of it and scikit-learn has an answer")
            numbers = [cell for cell in row[0].tolist() if isinstance(cell, float)]
            if expected and found and TOO_FAR not in np.abs(numbers):
                self._compare(expected, found, signature)
        self.rows += 1

    def _compare(self, expected: Prediction, found: Prediction, signature: Signature) -> None:
        if signature.task == "regressor":
            self._numbers(expected.labels, found.labels, "an answer", relative=True)
        elif expected.labels.tolist() != found.labels.tolist():
            wrong = np.asarray(expected.labels.tolist()) != np.asarray(found.labels.tolist())
            raise NotCompiled(f"{int(wrong.sum())} labels of {len(wrong)} rows differ from scikit-learn's")
        for wanted, given in zip(expected.probability_arrays, found.probability_arrays, strict=True):
            self._numbers(wanted, given, "a probability", relative=False)

    def _numbers(self, wanted: Any, given: Any, what: str, *, relative: bool) -> None:
        scale = np.maximum(1.0, np.abs(wanted)) if relative else 1.0
        same = (wanted == given) | (np.isnan(wanted) & np.isnan(given))
        difference = float(np.max(np.where(same, 0, np.abs(wanted - given) / scale)))
        if not difference <= TOLERANCE:
            raise NotCompiled(f"{what} differs from scikit-learn's by {difference:.1e}")
        self.largest = max(self.largest, difference)


def _answer(engine: Engine, row: Rows) -> Prediction | None:
    try:
        return engine.predict(row)
    except NoFiniteAnswer:
        return None


def _far_rows(signature: Signature, rows: Rows) -> Iterator[Rows]:
    """Yield rows with one number far from all others, like sentinels, wrong units and overflow."""
    places = [place for place, each in enumerate(signature.features) if each.dtype == "float64" and not each.categories]
    draw = np.random.default_rng(2)
    for number in range(FAR_ROWS if places else 0):
        row = rows[number % len(rows)][np.newaxis].copy()
        row[0, draw.choice(places)] = draw.choice((*FAR, TOO_FAR)) * draw.choice((1, -1))
        yield row


def compile_verified(
    estimator: Any, signature: Signature, columns: list[Column] | None, baseline: dict[str, Baseline] | None
) -> tuple[CompiledModel, CompiledForm]:
    """Compile an estimator, and compare its answers and speed with scikit-learn's; raises NotCompiled.

    The rows are training rows, random rows, far rows, and rows at the thresholds of trees. A compiled model that gives
    other answers, or is slower, is not returned.
    """
    made, form = compile_and_compare(estimator, signature, columns, baseline)
    if form.speedup["1"] < 1 or form.speedup[str(MANY_ROWS)] * MOST_SLOWER < 1:
        raise NotCompiled(
            f"compiled, it has {form.speedup['1']} times the speed for one row, "
            f"and {form.speedup[str(MANY_ROWS)]} times for {MANY_ROWS}"
        )
    return made, form


def compile_and_compare(
    estimator: Any, signature: Signature, columns: list[Column] | None, baseline: dict[str, Baseline] | None
) -> tuple[CompiledModel, CompiledForm]:
    """Do the same, however slow the compiled model is."""
    try:
        return _compared(estimator, signature, columns, baseline)
    except (ModelError, ValueError, IndexError, TypeError, AttributeError, KeyError, RuntimeError) as error:
        raise NotCompiled(f"it could not be compared ({describe(error)})") from error


def _compared(
    estimator: Any, signature: Signature, columns: list[Column] | None, baseline: dict[str, Baseline] | None
) -> tuple[CompiledModel, CompiledForm]:
    made = compile_model(estimator, signature)
    own = SklearnEngine(copy.deepcopy(estimator), signature)
    engine = OnnxEngine(made.content, made.codes, signature)
    comparison = _Comparison()
    drawn = random_rows(signature, RANDOM_ROWS, seed=1, baseline=baseline)
    for rows in (*_training(columns, signature), drawn):
        comparison.compare(own, engine, rows, signature)
        for row in range(min(SINGLE_ROWS, len(rows))):
            comparison.compare(own, engine, rows[row : row + 1], signature)
    for far in _far_rows(signature, drawn):
        comparison.compare_odd(own, engine, far, signature)
    for part in tree_parts(estimator):
        _compare_edges(part, comparison)
    speedup = {str(count): _speedup(own, engine, drawn[:count]) for count in (1, MANY_ROWS)}
    codes = {name: dict(each) for name, each in made.codes.items()}
    return made, CompiledForm(codes, comparison.rows, comparison.largest, speedup)


def _training(columns: list[Column] | None, signature: Signature) -> Iterator[Rows]:
    for start in range(0, len(columns[0].cells) if columns else 0, RANDOM_ROWS):
        piece = [Column(each.name, each.dtype, each.cells[start : start + RANDOM_ROWS]) for each in columns or ()]
        yield join_columns(piece, signature.features, numeric=signature.layout == "matrix")


def _compare_edges(part: Any, comparison: _Comparison) -> None:
    """Compare a component by itself, on rows of its own features."""
    features = tuple(Feature(f"x{place}") for place in range(part.n_features_in_))
    outputs = getattr(part, "n_outputs_", 1)
    classes = getattr(part, "classes_", None)
    listed = None if classes is None else classes if isinstance(classes, list) else [classes]
    signature = Signature(
        features=features,
        layout="matrix",
        task=part.__sklearn_tags__().estimator_type,
        outputs=outputs if outputs > 1 else None,
        classes=None if listed is None else tuple(tuple(np.asarray(each).tolist()) for each in listed),
        probabilities=hasattr(part, "predict_proba"),
    )
    made = compile_model(part, signature)
    own, engine = SklearnEngine(copy.deepcopy(part), signature), OnnxEngine(made.content, {}, signature)
    for rows in edge_rows(part):
        comparison.compare(own, engine, rows, signature)


def _speedup(slow: Engine, fast: Engine, rows: Rows) -> float:
    with np.errstate(all="ignore"):
        return float(f"{_median_seconds(slow, rows) / _median_seconds(fast, rows):.3g}")


def _median_seconds(engine: Engine, rows: Rows) -> float:
    taken: list[float] = []
    while sum(taken) < _SECONDS or len(taken) < 3:
        start = time.perf_counter()
        engine.predict(rows)
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))
