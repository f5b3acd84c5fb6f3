"""Compiled models, served by an environment that has no scikit-learn and none of the libraries."""

import json
import subprocess

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from catboost import CatBoostClassifier
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from model.packing.pack import pack
from tests.conftest import ROOT

pytestmark = pytest.mark.models
PYTHON = ROOT / ".venv-models/compiled/bin/python"
ABSENT = ("sklearn", "scipy", "pandas", "skops", "joblib", "xgboost", "lightgbm", "catboost")
WORDS = ("red", "green", "blue")
FEW = {"n_estimators": 20}


def rows_of(count, seed):
    """Return rows of two numbers and a string, all of them missing now and then."""
    draw = np.random.default_rng(seed)
    rows = pd.DataFrame(draw.normal(size=(count, 2)), columns=["net size", "weight"])
    rows["colour"] = draw.choice(WORDS, count)
    return rows.mask(draw.random(rows.shape) < 0.1)


def as_categories(rows):
    return rows.astype({"colour": pd.CategoricalDtype(WORDS)})


def mixed(model):
    """Return a pipeline that scales the numbers, fills gaps and encodes the string."""
    filled = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    return make_pipeline(make_column_transformer((numbers, ["net size", "weight"]), (filled, ["colour"])), model)


# Each with how the library itself is given its rows, and how far a probability may be away.
MODELS = {
    "xgboost": (xgboost.XGBClassifier(enable_categorical=True, **FEW), as_categories, 1.2e-7),
    "xgboost in a pipeline": (mixed(xgboost.XGBClassifier(**FEW)), pd.DataFrame, 1.2e-7),
    "lightgbm": (lightgbm.LGBMClassifier(verbose=-1, **FEW), as_categories, 1e-15),
    "lightgbm in a pipeline": (mixed(lightgbm.LGBMClassifier(verbose=-1, **FEW)), pd.DataFrame, 1e-15),
    "catboost in a pipeline": (
        mixed(CatBoostClassifier(iterations=20, verbose=False, allow_writing_files=False)),
        pd.DataFrame,
        1e-15,
    ),
}


def test_the_environment_has_none_of_the_libraries():
    """What serves below could not import them."""
    script = "import importlib.util, sys; print(*[each for each in sys.argv[1:] if importlib.util.find_spec(each)])"
    done = subprocess.run([PYTHON, "-c", script, *ABSENT], capture_output=True, check=True, text=True)

    assert not done.stdout.strip()


@pytest.mark.parametrize("name", MODELS)
def test_strings_and_nulls_get_the_answers_of_the_library(name, serve, tmp_path):
    """Over HTTP, by name, one row and many: labels are the library's, and probabilities but for one rounding."""
    model, given, most = MODELS[name]
    rows, others = given(rows_of(400, 0)), rows_of(60, 1)
    labels = np.where(rows["net size"].fillna(0) + rows["colour"].eq("red") > 0.3, 1, 0)
    pack(model.fit(rows, labels), tmp_path / "bundle", name="alone", data=rows)
    server = serve(tmp_path / "bundle", python=str(PYTHON))

    instances = json.loads(others.to_json(orient="records"))
    assert {None} < {row["colour"] for row in instances}
    status, answer = server.predict({"instances": instances})
    expected = model.predict_proba(given(others))
    assert (200, model.predict(given(others)).tolist()) == (status, answer["predictions"])
    assert abs(expected - np.array(answer["probabilities"])).max() <= most
    status, answer = server.predict({"features": instances[0]})
    assert (200, int(expected[0].argmax())) == (status, answer["prediction"])
    assert "onnx" == server.model()["engine"]


def test_another_engine_is_refused_in_one_line(launch, tmp_path):
    """ENGINE=scikit-learn says that it has nothing to work with, and what to use instead."""
    rows = rows_of(100, 0)[["net size", "weight"]]
    model = xgboost.XGBClassifier(**FEW).fit(rows, rows["weight"].gt(0).astype(int))
    pack(model, tmp_path / "bundle", name="alone", data=rows)

    refused = launch(tmp_path / "bundle", python=str(PYTHON), ENGINE="scikit-learn")
    assert refused.process.wait(60) != 0
    (said,) = [line for line in refused.errors.splitlines() if "version_mismatch" in line]
    assert "is not to be served by its compiled model, and this server has no scikit-learn" in said
    refused = launch(tmp_path / "bundle", ENGINE="scikit-learn")
    assert refused.process.wait(60) != 0
    (said,) = [line for line in refused.errors.splitlines() if "version_mismatch" in line]
    assert "contains only a compiled model, which ENGINE=scikit-learn does not use; set ENGINE=auto" in said
