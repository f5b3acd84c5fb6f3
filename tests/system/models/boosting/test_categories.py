"""Columns of pandas' category dtype: their categories are read from the model, and clients send them by name."""

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost

from model.errors import UnsupportedEstimator
from model.loading import make_rows
from model.packing.pack import pack

pytestmark = pytest.mark.models
WORDS = ("red", "green", "blue", "grey", "pink")


def frame(count, seed):
    """Return rows with a number, a category of strings with missing ones, and a category of whole numbers."""
    draw = np.random.default_rng(seed)
    words = pd.Categorical(draw.choice(WORDS, count), categories=draw.permutation(WORDS))
    rows = pd.DataFrame({"size": draw.normal(size=count), "colour": words, "zone": draw.integers(3, 12, count) * 7})
    rows.loc[rows.index % 9 == 0, "colour"] = np.nan
    return rows.astype({"zone": "category"})


def cells(rows):
    return [[None if pd.isna(cell) else cell for cell in row] for row in rows.astype(object).to_numpy().tolist()]


def labels(rows):
    return (rows["size"].gt(0.3) ^ rows["colour"].isin(WORDS[:2]) ^ rows["zone"].astype(int).mod(2).eq(1)).astype(int)


@pytest.mark.parametrize("onehot", [1, 100], ids=["sets", "single categories"])
def test_a_compiled_model_answers_categories_by_name(tmp_path, onehot):
    """Whatever the order of a frame's categories is, the graph answers as XGBoost does; None is a missing value."""
    rows = frame(600, seed=0)
    fitted = xgboost.XGBClassifier(n_estimators=20, enable_categorical=True, max_cat_to_onehot=onehot)
    loaded = pack(fitted.fit(rows, labels(rows)), tmp_path / "bundle", name="categories", data=rows)

    others = frame(500, seed=1)
    given = make_rows(cells(others), loaded.manifest.signature)
    found, expected = loaded.engine.predict(given), fitted.predict_proba(others)
    assert "onnx" == loaded.engine.name
    assert fitted.predict(others).tolist() == found.labels.tolist()
    assert 1.2e-7 > abs(expected - found.probabilities).max()


@pytest.mark.parametrize("kind", [xgboost.XGBClassifier, lightgbm.LGBMClassifier])
def test_columns_of_true_and_false_are_compared_as_such_beside_categories(tmp_path, kind):
    """No request can express a number there, which would count as true."""
    rows = frame(600, seed=0).assign(flag=lambda own: own["size"] > 0.1)
    quiet = {"verbose": -1} if kind is lightgbm.LGBMClassifier else {"enable_categorical": True}
    fitted = kind(n_estimators=20, **quiet).fit(rows, labels(rows) ^ rows["flag"])

    assert "onnx" == pack(fitted, tmp_path / "bundle", name="flags", data=rows).engine.name


def test_categories_are_in_the_signature_without_data(tmp_path):
    """A client learns which values there are; XGBoost mistakes some unknown ones for its own, so none is accepted."""
    rows = frame(300, seed=0)
    fitted = xgboost.XGBClassifier(n_estimators=5, enable_categorical=True).fit(rows, labels(rows))

    features = pack(fitted, tmp_path / "bundle", name="categories").manifest.signature.features
    assert ["float64", "string", "float64"] == [feature.dtype for feature in features]
    assert [None, set(WORDS), set(rows["zone"].cat.categories)] == [
        each.categories and set(each.categories) for each in features
    ]


def test_categories_that_the_library_stores_damaged_are_refused(tmp_path):
    """XGBoost 3.2 cuts UTF-8 at the number of characters: frames with another order of categories get other answers."""
    rows = frame(300, seed=0)
    rows["colour"] = rows["colour"].cat.rename_categories({"red": "röd"})
    fitted = xgboost.XGBClassifier(n_estimators=5, enable_categorical=True).fit(rows, labels(rows))

    with pytest.raises(UnsupportedEstimator, match="name the categories in ASCII"):
        pack(fitted, tmp_path / "bundle", name="categories", data=rows, allow_pickle=True)


def test_what_is_not_compiled_is_given_data_frames_with_categories(tmp_path):
    """The library itself, as a pickle, answers the same rows; it takes categories from frames only."""
    rows = frame(300, seed=0)
    fitted = xgboost.XGBClassifier(n_estimators=5, enable_categorical=True).fit(rows, labels(rows))

    options = {"data": rows, "compiled": False, "allow_pickle": True}
    loaded = pack(fitted, tmp_path / "bundle", name="categories", **options)
    others = frame(200, seed=1)
    given = make_rows(cells(others), loaded.manifest.signature)
    assert "scikit-learn" == loaded.engine.name
    assert fitted.predict_proba(others).tolist() == loaded.engine.predict(given).probabilities.tolist()
