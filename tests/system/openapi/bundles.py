"""The models that the document is checked with: how each is packed, and what its estimator says of some rows."""

NAMES = ("iris", "mixed", "text", "several", "progress")
# Arguments: which model, and the folder for its bundle and for `expected.json`.
PACK = """
import json
import sys
from pathlib import Path
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from model.packing.pack import pack

def iris():
    rows, labels = load_iris(return_X_y=True, as_frame=True)
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, labels), rows

def mixed():
    places = np.arange(120)
    rows = pd.DataFrame({
        "age": np.where(places % 7 == 0, np.nan, 20.0 + places % 50),
        "fare paid": 5.5 + places % 13,
        "class": np.array(["first", "second", "third"])[places % 3],
        "port": pd.Series(np.array(["Cherbourg", "Queenstown", None], dtype=object)[places // 3 % 3], dtype=object),
        "alone": places % 2 == 0,
        "since": pd.to_datetime(["2020-01-01", "2021-06-05", "2022-12-31"])[places // 2 % 3],
    })
    port = make_pipeline(SimpleImputer(strategy="constant", fill_value="none"), OneHotEncoder(handle_unknown="ignore"))
    columns = ColumnTransformer([
        ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["age", "fare paid"]),
        ("class", OneHotEncoder(), ["class"]),
        ("port", port, ["port"]),
        ("alone", "passthrough", ["alone"]),
        ("since", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), ["since"]),
    ])
    labels = np.where(rows["age"].fillna(30) + 9 * rows["alone"] > 42, "survived", "died")
    return make_pipeline(columns, LogisticRegression()).fit(rows, labels), rows

def text():
    rows = pd.Series(["a cat sat on a mat", "dogs like bones", "cats and dogs", "the sun shines", "rain falls"] * 6)
    labels = ["animals", "animals", "animals", "weather", "weather"] * 6
    return make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(rows, labels), rows

def several():
    rows, labels = load_iris(return_X_y=True, as_frame=True)
    both = np.column_stack([labels, rows["petal width (cm)"] > 1])
    return RandomForestClassifier(20, max_depth=4, random_state=0).fit(rows, both), rows

def progress():
    rows, target = load_diabetes(return_X_y=True, as_frame=True)
    return RandomForestRegressor(20, max_depth=5, random_state=0).fit(rows, target), rows

name, folder = sys.argv[1], Path(sys.argv[2])
estimator, data = globals()[name]()
pack(estimator, folder / "bundle", name=name, version="1", data=data)
some = data.iloc[[3, len(data) // 3 + 4, len(data) // 2, len(data) - 5]]
frame = some.to_frame("text") if isinstance(some, pd.Series) else some
cells = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
said = {
    "names": list(frame.columns),
    "rows": [[cell.isoformat() if isinstance(cell, pd.Timestamp) else cell for cell in row] for row in cells],
    "predictions": estimator.predict(some).tolist(),
}
if hasattr(estimator, "predict_proba"):
    chances = estimator.predict_proba(some)
    by_output = [list(row) for row in zip(*(each.tolist() for each in chances))] if isinstance(chances, list) else None
    said["probabilities"] = by_output or chances.tolist()
(folder / "expected.json").write_text(json.dumps(said))
"""
