"""Whether a compiled model answers what scikit-learn answers, and how much sooner."""

import copy
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from model.bundle import Baseline, CompiledForm
from model.columns import Column, cells_of
from model.compiling.compiler import Compiled, compiled
from model.compiling.graph import NotCompiled
from model.compiling.thresholds import edge_rows, tree_parts
from model.engines import Engine, Prediction, Rows
from model.engines.onnx import OnnxEngine
from model.engines.sklearn import SklearnEngine
from model.errors import ModelError
from model.sampling import random_rows
from model.signature import Feature, Signature

TOLERANCE = 1e-6
RANDOM_ROWS, SINGLE_ROWS, MANY_ROWS = 10_000, 100, 1000
# With many rows what scikit-learn does for each call no longer counts. Slower than this there is too slow.
MOST_SLOWER = 2
_SECONDS = 0.05


class _Tally:
    """Rows compared so far, and the largest difference of a number in an answer to them."""

    rows = 0
    largest = 0.0

    def compare(self, one: Engine, other: Engine, rows: Rows, signature: Signature) -> None:
        """Compare two engines' answers to the rows; raises NotCompiled where they differ."""
        with np.errstate(all="ignore"):
            expected, found = one.predict(rows), other.predict(rows)
        self.rows += len(rows)
        if signature.task == "regressor":
            self._numbers(expected.labels, found.labels, "an answer", relative=True)
        elif expected.labels.tolist() != found.labels.tolist():
            wrong = np.asarray(expected.labels.tolist()) != np.asarray(found.labels.tolist())
            raise NotCompiled(f"{int(wrong.sum())} labels of {len(rows)} rows differ from scikit-learn's")
        for wanted, given in zip(_probabilities(expected), _probabilities(found), strict=True):
            self._numbers(wanted, given, "a probability", relative=False)

    def _numbers(self, wanted: Any, given: Any, what: str, *, relative: bool) -> None:
        scale = np.maximum(1.0, np.abs(wanted)) if relative else 1.0
        difference = float(np.max(np.abs(wanted - given) / scale))
        if not difference <= TOLERANCE:
            raise NotCompiled(f"{what} differs from scikit-learn's by {difference:.1e}")
        self.largest = max(self.largest, difference)


def _probabilities(prediction: Prediction) -> Sequence[Any]:
    found = prediction.probabilities
    return found if isinstance(found, tuple) else () if found is None else (found,)


def proven(
    estimator: Any, signature: Signature, columns: list[Column] | None, baseline: dict[str, Baseline] | None
) -> tuple[Compiled, CompiledForm]:
    """Compile an estimator, and compare it with scikit-learn: the answers, and how soon they come.

    On training rows, drawn rows, and rows on the edges of trees. Returns the compiled model and what was found; raises
    NotCompiled.
    """
    made, form = compared(estimator, signature, columns, baseline)
    if form.speedup["1"] < 1 or form.speedup[str(MANY_ROWS)] * MOST_SLOWER < 1:
        raise NotCompiled(
            f"compiled it has {form.speedup['1']} times the speed for one row, "
            f"and {form.speedup[str(MANY_ROWS)]} times for {MANY_ROWS}"
        )
    return made, form


def compared(
    estimator: Any, signature: Signature, columns: list[Column] | None, baseline: dict[str, Baseline] | None
) -> tuple[Compiled, CompiledForm]:
    """Do the same, but however slow it is."""
    try:
        return _compared(estimator, signature, columns, baseline)
    except (ModelError, ValueError, IndexError, TypeError, AttributeError, KeyError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise NotCompiled(f"it could not be compared ({type(error).__name__}: {reason})") from error


def _compared(
    estimator: Any, signature: Signature, columns: list[Column] | None, baseline: dict[str, Baseline] | None
) -> tuple[Compiled, CompiledForm]:
    made = compiled(estimator, signature)
    own = SklearnEngine(copy.deepcopy(estimator), signature)
    engine = OnnxEngine(made.content, made.codes, signature)
    tally = _Tally()
    drawn = random_rows(signature, RANDOM_ROWS, seed=1, baseline=baseline)
    for rows in (*_training(columns, signature), drawn):
        tally.compare(own, engine, rows, signature)
        for row in range(min(SINGLE_ROWS, len(rows))):
            tally.compare(own, engine, rows[row : row + 1], signature)
    for part in tree_parts(estimator):
        _compare_edges(part, tally)
    speedup = {str(count): _speedup(own, engine, drawn[:count]) for count in (1, MANY_ROWS)}
    codes = {name: dict(each) for name, each in made.codes.items()}
    return made, CompiledForm(codes, tally.rows, tally.largest, speedup)


def _training(columns: list[Column] | None, signature: Signature) -> Iterator[Rows]:
    for start in range(0, len(columns[0].cells) if columns else 0, RANDOM_ROWS):
        piece = [Column(each.name, each.dtype, each.cells[start : start + RANDOM_ROWS]) for each in columns or ()]
        yield cells_of(piece, signature.features, numeric=signature.layout == "matrix")


def _compare_edges(part: Any, tally: _Tally) -> None:
    """Compare a part of the model by itself, on rows of its own features."""
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
    made = compiled(part, signature)
    own, engine = SklearnEngine(copy.deepcopy(part), signature), OnnxEngine(made.content, {}, signature)
    for rows in edge_rows(part):
        tally.compare(own, engine, rows, signature)


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
