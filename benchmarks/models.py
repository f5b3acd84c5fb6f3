"""The models that every server is given, and the rows that are sent to them: the same each time."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import model

BATCH = 1000
BATCHES = 8
SINGLES = 128


@dataclass(frozen=True)
class Case:
    """An estimator and its data; `key` names its folder and the argument MODELS."""

    key: str
    title: str
    estimator: Callable[[], Any]
    data: Callable[..., Any]


@dataclass(frozen=True)
class Fitted:
    """A case made ready: a folder with `model.joblib` and `bundle`, and what scikit-learn answers on the rows.

    `rows` has shape (n, features), n ≥ BATCH; `probabilities` shape (n, classes).
    """

    case: Case
    folder: Path
    rows: NDArray[np.float64]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]

    def singles(self) -> list[list[float]]:
        """Return the rows that are sent one by one."""
        rows: list[list[float]] = self.rows[:SINGLES].tolist()
        return rows

    def batches(self) -> list[list[list[float]]]:
        """Return the batches, each of BATCH rows in another order."""
        draw = np.random.default_rng(1)
        return [self.rows[draw.permutation(len(self.rows))[:BATCH]].tolist() for _ in range(BATCHES)]


CASES = (
    Case("logistic", "LogisticRegression, iris", lambda: LogisticRegression(max_iter=1000), load_iris),
    Case(
        "forest",
        "RandomForest(100), breast cancer",
        lambda: RandomForestClassifier(n_estimators=100, random_state=0),
        load_breast_cancer,
    ),
    Case(
        "boosting",
        "HistGradientBoosting, breast cancer",
        lambda: HistGradientBoostingClassifier(random_state=0),
        load_breast_cancer,
    ),
)

# Thirty features and next to no arithmetic: what is left is the format of the rows.
WIDE = Case(
    "wide",
    "LogisticRegression, breast cancer",
    lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    load_breast_cancer,
)


def fit(case: Case, folder: Path) -> Fitted:
    """Fit a case on its data and write it for everybody: joblib for the peers, a bundle for ours.

    The rows are the data set's own, drawn with replacement.
    """
    folder.mkdir(parents=True)
    data, target = case.data(return_X_y=True)
    estimator = case.estimator().fit(data, target)
    joblib.dump(estimator, folder / "model.joblib")
    model.pack(estimator, folder / "bundle", name=case.key, data=data)
    rows = data[np.random.default_rng(0).integers(0, len(data), BATCH)]
    return Fitted(case, folder, rows, estimator.predict(rows), estimator.predict_proba(rows))
