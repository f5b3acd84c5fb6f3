"""Golden rows with the estimator's own answers, or with labels chosen by thresholds that are given."""

import copy
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.bundle.manifest import Golden
from model.columns import Column
from model.engines.thresholds import choose_classes
from model.errors import UnsupportedEstimator, describe
from model.onnx_export.random_rows import random_rows
from model.outputs import OutputSpec
from model.packing.column_facts import column_facts, fitted_names
from model.packing.probing import describe_unknown
from model.packing.pruning import keep_what_predicts
from model.packing.training_data import evenly_spaced, select_rows
from model.prediction import Prediction
from model.signature import Signature
from model.sklearn_runtime.engine import SklearnEngine, predict_with
from model.sklearn_runtime.further_outputs import compute, methods_of, spec_of

GOLDEN_ROWS: Final = 32


def golden_rows(
    estimator: Any,
    signature: Signature,
    columns: list[Column] | None,
    data: Any,
    thresholds: Mapping[Any, float] | None,
) -> dict[str, Any]:
    """Let the fitted estimator predict evenly spaced rows of the data, or random rows if there are no data.

    Return the manifest's fields about them: the rows with the answers, the declarations of the model's further outputs,
    and a threshold, or None, for each class.
    """
    name, hint = type(estimator).__name__, "" if columns else "; pass its training data"
    predicting = keep_what_predicts(estimator)
    answer: Callable[[str], Any]
    try:
        if columns is None:
            rows = random_rows(signature, GOLDEN_ROWS, seed=0)
            engine = SklearnEngine(copy.deepcopy(predicting), signature)
            prediction = engine.predict(rows)
            cells = [[_json_cell(cell) for cell in row] for row in rows.tolist()]
            answer = lambda method: engine.predict(rows, (method,)).further[method]  # noqa: E731  # one of two
        else:
            selected = evenly_spaced(len(columns[0].cells), GOLDEN_ROWS)
            rows = training_rows(estimator, data, selected, framed=signature.layout == "frame")
            prediction = predict_in_memory(estimator, signature, rows)
            cells = [[column.cells[index] for column in columns] for index in selected]
            answer = lambda method: compute(method, estimator, copy.deepcopy(rows))  # noqa: E731  # the other
    except Exception as error:  # libraries and own code raise errors of their own
        if columns and "unknown categor" in str(error) and (unknown := _unknown(estimator, signature, columns)):
            raise UnsupportedEstimator(unknown) from error
        raise UnsupportedEstimator(f"{name} does not predict its golden rows ({describe(error)}){hint}.") from error
    if not all(np.isfinite(each).all() for each in prediction.arrays() if each.dtype.kind == "f"):
        raise UnsupportedEstimator(f"{name} predicts numbers that are not finite for its golden rows{hint}.")
    labels, *probabilities = [each.tolist() for each in (prediction.labels, *prediction.probability_arrays)]
    several = isinstance(prediction.probabilities, tuple)
    further, specs = _further_answers(predicting, answer)
    golden = Golden(cells, labels, probabilities if several else next(iter(probabilities), None), further)
    golden, chosen = _label_by_thresholds(golden, signature, thresholds)
    return {"golden": golden, "further": specs, "thresholds": chosen}


def _further_answers(
    estimator: Any, answer: Callable[[str], NDArray[np.float64]]
) -> tuple[dict[str, list[Any]], tuple[OutputSpec, ...]]:
    """Return what the estimator answers beyond labels and probabilities, by method, and the outputs' declarations.

    An output is left out if it fails, is not finite, or differs in a second call.
    """
    found: dict[str, list[Any]] = {}
    specs = []
    for method in methods_of(estimator):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                values, again = answer(method), answer(method)
        except Exception:  # noqa: BLE001, S112  # such outputs are optional, and own code may raise anything
            continue
        spec = spec_of(method, estimator, values)
        if spec is not None and np.array_equal(values, again):
            found[method] = values.tolist()
            specs.append(spec)
    return found, tuple(specs)


def _unknown(estimator: Any, signature: Signature, columns: list[Column]) -> str | None:
    """Return which cell of the data is an unknown category."""
    engine, known = SklearnEngine(copy.deepcopy(estimator), signature), column_facts(estimator, signature.names)
    return describe_unknown(engine, signature, columns, known)


def predict_in_memory(estimator: Any, signature: Signature, data: Any) -> Prediction:
    """Predict as the estimator's user would, on copies: a transformer with `copy=False` changes its input."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # an estimator fitted on a frame warns about a matrix
        return predict_with(estimator, signature, lambda: copy.deepcopy(data))


def training_rows(estimator: Any, data: Any, selected: Any, *, framed: bool) -> Any:
    """Return rows of the data in the kind of container that the estimator was fitted on."""
    names = fitted_names(estimator, getattr(data, "columns", ()))
    if hasattr(data, "columns") and names is not None:
        return select_rows(data[names], selected)
    rows = select_rows(data, selected)
    return rows.to_numpy() if hasattr(data, "columns") and not framed else rows


def _json_cell(cell: Any) -> Any:
    if isinstance(cell, float) and math.isnan(cell):
        return None
    return str(cell) if isinstance(cell, np.datetime64) else cell


def _label_by_thresholds(
    golden: Golden, signature: Signature, given: Mapping[Any, float] | None
) -> tuple[Golden, tuple[float | None, ...]]:
    """Return golden rows with labels chosen by the thresholds, and a threshold, or None, for each class.

    `given` has thresholds by class; a class may be given as a string. Raises UnsupportedEstimator.
    """
    if not given:
        return golden, ()
    if golden.probabilities is None or signature.outputs is not None or not signature.classes:
        raise UnsupportedEstimator("thresholds need a classifier with one label for each row, and probabilities.")
    classes = signature.classes[0]
    indices = {str(each): index for index, each in enumerate(classes)}
    found: list[float | None] = [None] * len(classes)
    for name, threshold in given.items():
        if str(name) not in indices:
            raise UnsupportedEstimator(f"{str(name)[:100]!r} is not one of the classes {', '.join(indices)[:200]}.")
        if not 0 < threshold <= 1:
            raise UnsupportedEstimator(f"the threshold of {str(name)[:100]!r} is {threshold}; expected 0 < t ≤ 1.")
        found[indices[str(name)]] = float(threshold)
    chosen = choose_classes(np.asarray(golden.probabilities, dtype=np.float64), found)
    return replace(golden, labels=[classes[index] for index in chosen]), tuple(found)
