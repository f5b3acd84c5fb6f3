"""Fits and packs models of boosting libraries: `python -m benchmarks.peers.libraries.fit FOLDER`.

Each gets a folder with `model.joblib`, `bundle`, `columns.json`, and rows and answers in `rows.json`.
"""

import json
import sys
from pathlib import Path
from typing import Any

import joblib
import lightgbm
import numpy as np
import pandas as pd
import xgboost
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import model

ROWS = 1000


def numbers() -> tuple[pd.DataFrame, Any]:
    return load_breast_cancer(return_X_y=True, as_frame=True)


def mixed() -> tuple[pd.DataFrame, Any]:
    draw = np.random.default_rng(0)
    rows = pd.DataFrame(draw.normal(size=(2000, 6)), columns=[f"number {place}" for place in range(6)])
    for place, count in enumerate((3, 8, 20)):
        rows[f"word {place}"] = draw.choice([f"w{each}" for each in range(count)], len(rows))
    score = rows["number 0"] + rows["number 1"] * (rows["word 0"] == "w1") + 0.3 * draw.normal(size=len(rows))
    return rows, (score > 0).astype(int)


def piped(last: Any) -> Any:
    words = [f"word {place}" for place in range(3)]
    filled = make_pipeline(SimpleImputer(), StandardScaler())
    encoded = OneHotEncoder(handle_unknown="ignore")
    return make_pipeline(make_column_transformer((encoded, words), (filled, [f"number {n}" for n in range(6)])), last)


MODELS = {
    "xgboost": (xgboost.XGBClassifier, numbers, lambda last: last),
    "xgboost-mixed": (xgboost.XGBClassifier, mixed, piped),
    "lightgbm": (lightgbm.LGBMClassifier, numbers, lambda last: last),
    "lightgbm-mixed": (lightgbm.LGBMClassifier, mixed, piped),
}


def fit(key: str, folder: Path) -> None:
    kind, data, wrap = MODELS[key]
    quiet = {"verbose": -1} if kind is lightgbm.LGBMClassifier else {}
    rows, labels = data()
    estimator = wrap(kind(n_estimators=100, **quiet)).fit(rows, labels)
    folder.mkdir(parents=True)
    joblib.dump(estimator, folder / "model.joblib")
    (folder / "columns.json").write_text(json.dumps(list(rows.columns)))
    model.pack(estimator, folder / "bundle", name=key, data=rows)
    asked = rows.iloc[np.random.default_rng(0).integers(0, len(rows), ROWS)]
    found = {"labels": estimator.predict(asked).tolist(), "probabilities": estimator.predict_proba(asked).tolist()}
    (folder / "rows.json").write_text(json.dumps({"rows": asked.to_numpy(dtype=object).tolist(), **found}))


if __name__ == "__main__":
    for name in MODELS:
        fit(name, Path(sys.argv[1]) / name)
