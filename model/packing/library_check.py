"""Compares a model from a library's own file with the library itself, if that is installed.

The library reads the file in a separate process, because its reader may not be safe for files of unknown origin.
"""

import importlib
import importlib.util
from importlib.metadata import packages_distributions, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.errors import UnsupportedEstimator
from model.loading import TOLERANCE
from model.onnx_export.random_rows import random_rows
from model.packing.fresh_process import in_fresh_process
from model.signature import Signature

OWN: Final = "a walk of the file's trees by numpy"
_SECONDS, _ROWS = 120, 1000


def compare_with_library(estimator: Any, signature: Signature) -> str | None:
    """Return what a model from a library's file was compared with, None for others; raises UnsupportedEstimator."""
    file = getattr(estimator, "file", None)
    if file is None or importlib.util.find_spec(file.library) is None:
        return None if file is None else OWN
    numbers = estimator.numbers(random_rows(signature, _ROWS, seed=3))
    numbers[np.random.default_rng(3).random(numbers.shape) < 0.1] = np.nan
    with TemporaryDirectory() as folder:
        (Path(folder) / "model").write_bytes(file.content)
        np.save(Path(folder) / "rows.npy", numbers)
        found = _ask(file, folder)
    with np.errstate(all="ignore"):
        expected = file.answer(numbers)
    expected = expected[:, -1] if found.ndim == 1 else expected
    if found.shape != expected.shape or not np.allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE):
        raise UnsupportedEstimator(
            f"{file.described} answers differently in {file.library}; pack its estimator instead."
        )
    distribution = packages_distributions().get(file.library, [file.library])[0]
    return f"{file.library} {version(distribution)}"


def _ask(file: Any, folder: str) -> NDArray[Any]:
    kind = "labels" if file.labels else "numbers"
    done = in_fresh_process(answer, [file.library, folder, kind], _SECONDS)
    if done is None:
        raise UnsupportedEstimator(f"{file.library} does not answer within {_SECONDS} s for {file.described}.")
    if done.returncode:
        said = " ".join(done.stderr.decode(errors="replace").split())[-200:]
        raise UnsupportedEstimator(f"{file.library} cannot read {file.described} ({done.returncode}: {said}).")
    found: NDArray[Any] = np.load(Path(folder) / "answers.npy")
    return found


def answer(library: str, folder: str, kind: str) -> None:
    """Do the work of the new process: write the library's answers to answers.npy."""
    module, path = importlib.import_module(library), str(Path(folder) / "model")
    rows = np.load(Path(folder) / "rows.npy")
    np.save(Path(folder) / "answers.npy", np.asarray(_ANSWERS[library](module, path, rows, kind), dtype=np.float64))


def _xgboost(module: Any, path: str, rows: NDArray[Any], _kind: str) -> Any:
    booster = module.Booster(model_file=path)
    last = booster.attr("best_iteration")
    matrix = module.DMatrix(rows, feature_names=booster.feature_names, feature_types=booster.feature_types)
    return booster.predict(matrix, iteration_range=(0, 0 if last is None else int(last) + 1))


def _lightgbm(module: Any, path: str, rows: NDArray[Any], _kind: str) -> Any:
    return module.Booster(model_file=path).predict(rows)


def _catboost(module: Any, path: str, rows: NDArray[Any], kind: str) -> Any:
    with Path(path).open("rb") as file:
        form = "cbm" if file.read(4) == b"CBM1" else "json"
    model = module.CatBoost().load_model(path, format=form)
    loss = str(model.get_all_params().get("loss_function", "")) if hasattr(model, "get_all_params") else ""
    exponent = loss.partition(":")[0] in ("Poisson", "Tweedie")
    return model.predict(rows, "Probability" if kind == "labels" else "Exponent" if exponent else "RawFormulaVal")


_ANSWERS: Final = {"xgboost": _xgboost, "lightgbm": _lightgbm, "catboost": _catboost}
