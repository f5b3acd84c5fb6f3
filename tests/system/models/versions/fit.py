"""Fits models and writes them as files, with what they answer: `python fit.py FOLDER`.

Runs where another scikit-learn is installed, and imports nothing of this project.
"""

import json
import pickle
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import skops.io
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

ASKED = 40
# How joblib compresses each file.
COMPRESSED = {"linear": 0, "mixed": ("zlib", 3), "forest": ("gzip", 3), "boosting": ("bz2", 3), "text": ("xz", 3)}


def mixed():
    """Return rows with a missing number, strings and numbers that no step changes; and their labels."""
    data = load_diabetes(as_frame=True)
    rows = data.data.iloc[:300]
    frame = pd.DataFrame(
        {
            "age": rows["age"].where(rows.index % 7 != 0),
            "bmi": rows["bmi"],
            "pressure": np.array(["low", "normal", "high"], dtype=object)[np.digitize(rows["bp"], [-0.03, 0.03])],
            "site": (rows["s2"] * 100).round().astype(int) % 4,
        }
    )
    return frame, (data.target.iloc[:300] > 140).astype(int).to_numpy()


def models():
    """Return each model with the rows that it was fitted on."""
    iris, (frame, sick) = load_iris(as_frame=True), mixed()
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["age", "bmi"]),
        (OneHotEncoder(handle_unknown="ignore"), ["pressure"]),
        remainder="passthrough",
    )
    lines = [*load_breast_cancer().DESCR.splitlines(), *load_iris().DESCR.splitlines()]
    texts = pd.DataFrame({"text": [line.replace('"', "") for line in lines if len(line.split()) > 3]})
    long = ["long" if len(text) > 60 else "short" for text in texts["text"]]
    boosting = HistGradientBoostingClassifier(max_iter=20, random_state=0)
    return {
        "linear": (LogisticRegression(max_iter=1000).fit(iris.data, iris.target), iris.data),
        "mixed": (make_pipeline(columns, LogisticRegression()).fit(frame, sick), frame),
        "forest": (RandomForestClassifier(30, random_state=0).fit(iris.data, iris.target), iris.data),
        "boosting": (boosting.fit(iris.data, iris.target), iris.data),
        "text": (make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts["text"], long), texts),
    }


def write(folder):
    for name, (estimator, rows) in models().items():
        joblib.dump(estimator, folder / f"{name}.joblib", compress=COMPRESSED[name])
        (folder / f"{name}.pkl").write_bytes(pickle.dumps(estimator))
        skops.io.dump(estimator, folder / f"{name}.skops")
        rows.to_csv(folder / f"{name}.csv", index=False)
        asked = rows.iloc[:: len(rows) // ASKED]
        given = asked["text"] if name == "text" else asked
        document = {
            "rows": [
                [None if pd.isna(cell) else cell for cell in row] for row in asked.astype(object).to_numpy().tolist()
            ],
            "labels": estimator.predict(given).tolist(),
            "probabilities": estimator.predict_proba(given).tolist(),
        }
        (folder / f"{name}.json").write_text(json.dumps(document))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
