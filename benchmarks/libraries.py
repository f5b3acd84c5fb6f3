"""Models of boosting libraries: the server without the library, against the plain FastAPI app with it."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks import targets
from benchmarks.contestants import CONTESTANTS, OURS, ROOT, Contestant
from benchmarks.dialects import plain
from benchmarks.models import Case, Fitted
from benchmarks.results import CELLS, Results

ENVIRONMENT: Final = "libraries"
PEER: Final = "FastAPI + the library"
_UVICORN: Final = "{bin}/uvicorn app:app --app-dir {root}/benchmarks/peers/libraries --host 127.0.0.1 --port {port}"
SERVERS: Final = (
    next(each for each in CONTESTANTS if each.name == OURS),
    Contestant(
        PEER,
        ENVIRONMENT,
        f"{_UVICORN} --workers {{workers}}",
        plain("/predict_batch"),
        "the plain app: a data frame, predict and predict_proba; access log as it comes",
        package="fastapi",
    ),
)


@dataclass(frozen=True)
class Model:
    """A model of benchmarks/peers/libraries/fit.py, and the least ratio to the app that is accepted for one row."""

    key: str
    title: str
    least: float

    @property
    def case(self) -> Case:
        """The model as the others are; it is fitted elsewhere."""
        return Case(self.key, self.title, dict, dict)


MODELS: Final = (
    Model("xgboost", "XGBoost(100), breast cancer", 3),
    Model("lightgbm", "LightGBM(100), breast cancer", 3),
    Model("xgboost-mixed", "mixed pipeline with XGBoost", 8),
    Model("lightgbm-mixed", "mixed pipeline with LightGBM", 8),
)


def fit(folder: Path) -> list[Fitted]:
    """Fit and pack the models, where the libraries are."""
    python = ROOT / ".venv-peers" / ENVIRONMENT / "bin/python"
    packing = ROOT / ".venv-models/boosting/bin/python"
    subprocess.run([packing, "-m", "benchmarks.peers.libraries.fit", folder], cwd=ROOT, check=True)
    if not python.exists():
        raise FileNotFoundError(f"{python}: make .venv-peers/{ENVIRONMENT}.stamp")
    return [_fitted(each, folder / each.key) for each in MODELS]


def _fitted(each: Model, folder: Path) -> Fitted:
    found = json.loads((folder / "rows.json").read_text())
    rows = np.array(found["rows"], dtype=object)
    return Fitted(each.case, folder, rows, np.array(found["labels"]), np.array(found["probabilities"]))


def verdicts(results: Results) -> Iterator[targets.Verdict]:
    """Judge one row, and a thousand, of each model."""
    for each in MODELS:
        for cell, least, words in (("one16", each.least, "one row"), ("batch2", 1, "1,000 rows")):
            if found := targets.ratio(results, PEER, each.key, cell):
                name = f"{words}, {each.title}: at least {least:g}x the plain FastAPI app with the library"
                yield targets.Verdict(name, str(found), found.median >= least)


def rows_of(results: Results) -> list[tuple[str, str, str, str]]:
    """Return the lines of the table: model, load, requests per second of both, and their ratio."""
    lines = []
    for each in MODELS:
        for cell in CELLS:
            if found := targets.ratio(results, PEER, each.key, cell.key):
                rates = [np.median(results.values(name, each.key, cell.key)) for name in (OURS, PEER)]
                lines.append((each.title, cell.title, f"{rates[0]:,.0f}; {rates[1]:,.0f}", str(found)))
    return lines
