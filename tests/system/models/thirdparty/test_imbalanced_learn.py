"""imbalanced-learn resamples only in fitting: its models become scikit-learn's, and need the library no more."""

import json
import os
import subprocess
import sys
import warnings

import joblib
import numpy as np
import pytest
from imblearn.combine import SMOTEENN
from imblearn.ensemble import (
    BalancedBaggingClassifier,
    BalancedRandomForestClassifier,
    EasyEnsembleClassifier,
    RUSBoostClassifier,
)
from imblearn.over_sampling import SMOTE, SMOTENC, RandomOverSampler
from imblearn.pipeline import Pipeline, make_pipeline
from imblearn.under_sampling import RandomUnderSampler
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import AdaBoostClassifier, GradientBoostingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from model.onnx_export import verification
from model.packing.pack import pack
from model.packing.pruning import keep_what_predicts
from tests.conftest import ROOT
from tests.http.test_conformance import few
from tests.zoodata import CANCER, MIXED

pytestmark = pytest.mark.models

SMALL = {"random_state": 0}
NUMBERS = CANCER.data.iloc[:300, :6], CANCER.target.iloc[:300]
FRAME = MIXED[["bmi", "pressure", "male"]], (MIXED["bmi"] > 0.05).astype(int).to_numpy()
ENCODED = make_column_transformer(
    (StandardScaler(), ["bmi"]), (OneHotEncoder(), make_column_selector(dtype_exclude="number"))
)
LOGISTIC = LogisticRegression(max_iter=5000)
PLAIN = make_pipeline(SMOTE(**SMALL), StandardScaler(), LOGISTIC)
NESTED = Pipeline([("columns", ENCODED), ("inner", make_pipeline(RandomUnderSampler(**SMALL), LOGISTIC))])
CASES = {
    "sampler first": (PLAIN, NUMBERS),
    "sampler between": (make_pipeline(ENCODED, SMOTE(**SMALL), LOGISTIC), FRAME),
    "sampler of mixed columns": (make_pipeline(SMOTENC(["pressure", "male"], **SMALL), ENCODED, LOGISTIC), FRAME),
    "two samplers": (
        make_pipeline(SMOTE(**SMALL), RandomUnderSampler(**SMALL), GradientBoostingClassifier(n_estimators=5)),
        NUMBERS,
    ),
    "combined sampler": (make_pipeline(StandardScaler(), SMOTEENN(**SMALL), LOGISTIC), NUMBERS),
    "forest": (make_pipeline(RandomOverSampler(**SMALL), RandomForestClassifier(5, **SMALL)), NUMBERS),
    "nested": (NESTED, FRAME),
    "searched": (GridSearchCV(PLAIN, {"smote__k_neighbors": [3, 5]}, cv=2), NUMBERS),
    "calibrated": (CalibratedClassifierCV(PLAIN, cv=2), NUMBERS),
    "voted": (
        VotingClassifier([("a", PLAIN), ("b", GridSearchCV(PLAIN, {"smote__k_neighbors": [3]}, cv=2))], voting="soft"),
        NUMBERS,
    ),
    "BalancedRandomForest": (BalancedRandomForestClassifier(5, **SMALL), NUMBERS),
    "EasyEnsemble": (EasyEnsembleClassifier(3, estimator=AdaBoostClassifier(n_estimators=3), **SMALL), NUMBERS),
    "RUSBoost": (RUSBoostClassifier(n_estimators=5, **SMALL), NUMBERS),
    "BalancedBagging": (BalancedBaggingClassifier(n_estimators=3, **SMALL), NUMBERS),
    "BalancedRandomForest in a pipeline": (make_pipeline(ENCODED, BalancedRandomForestClassifier(5, **SMALL)), FRAME),
}
WITHOUT = """
import sys
sys.modules["imblearn"] = None
from pathlib import Path
from model.loading import load, verify
for folder in map(Path, sys.argv[1:]):
    verify(load(folder, compiled=False))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Fit and pack every case; return the fitted estimator, its bundle's folder and the loaded bundle by name."""
    cases = {}
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        few(lambda name, value: patch.setattr(verification, name, value))
        for name, (estimator, (rows, labels)) in CASES.items():
            folder = tmp_path_factory.mktemp("bundles") / "bundle"
            fitted = clone(estimator).fit(rows, labels)
            cases[name] = fitted, folder, pack(fitted, folder, name="test", data=rows)
    return cases


@pytest.mark.parametrize("name", CASES)
def test_it_is_packed_without_samplers_and_compiled(made, name):
    """Labels and probabilities are those of the original to the last bit, and compiled within 1e-15."""
    (fitted, _, loaded), rows = made[name], CASES[name][1][0]
    plain, given = keep_what_predicts(fitted), rows.to_numpy(dtype=object if "male" in rows else float)

    assert fitted.predict(rows).tolist() == plain.predict(rows).tolist()
    np.testing.assert_array_equal(fitted.predict_proba(rows), plain.predict_proba(rows))
    assert "onnx" == loaded.engine.name, loaded.manifest.not_compiled
    found = loaded.engine.predict(given)
    assert fitted.predict(rows).tolist() == found.labels.tolist()
    np.testing.assert_allclose(fitted.predict_proba(rows), found.probabilities, rtol=0, atol=1e-15)


def test_none_of_them_needs_the_library_to_be_served(made):
    """Each bundle's scikit-learn model is loaded, and gives its golden answers, where imbalanced-learn is missing."""
    folders = [str(folder) for _, folder, _ in made.values()]

    command = [sys.executable, "-c", WITHOUT, *folders]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)

    assert 0 == done.returncode, done.stderr


def test_data_in_csv_are_read_as_the_steps_after_a_sampler_know_them(tmp_path):
    """A sampler hides no column from what reads the data: codes such as "01" stay strings."""
    rows, labels = FRAME
    rows = rows.assign(pressure=rows["pressure"].map({"low": "01", "normal": "02", "high": "03"}))
    sampled = make_pipeline(SMOTENC(["pressure", "male"], **SMALL), ENCODED, LOGISTIC).fit(rows, labels)
    joblib.dump(sampled, tmp_path / "sampled.joblib")
    rows.to_csv(tmp_path / "rows.csv", index=False)
    where = "sampled.joblib", "--data", "rows.csv", "--output", "bundle"

    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-m", "model", "pack", *where], check=True, cwd=tmp_path, env=environment)

    features = json.loads((tmp_path / "bundle" / "manifest.json").read_text())["signature"]["features"]
    assert ["01", "02", "03"] == next(each["categories"] for each in features if each["name"] == "pressure")
