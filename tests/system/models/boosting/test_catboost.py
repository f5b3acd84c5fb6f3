"""CatBoost's models answer in their compiled form what they answer in the library."""

import catboost
import numpy as np
import pandas as pd
import pytest

from model.errors import UnsupportedEstimator
from model.onnx_export.boosting.catboost_models import read_estimator
from model.packing.pack import pack
from tests.system.models.boosting.agreement import around, differences, many_rows

pytestmark = pytest.mark.models
LINKED = ("Poisson", "Tweedie:variance_power=1.5", "RMSEWithUncertainty")
IDENTITY = ("RMSE", "MAE", "Quantile:alpha=0.3", "Huber:delta=1.0", "MAPE", "LogLinQuantile", "MultiRMSE")
CLASSES = {"Logloss": 2, "MultiClass": 3, "MultiClassOneVsAll": 3, "MultiLogloss": 3}
SEEDS = range(24)
PLAIN = {"iterations": 12, "verbose": 0, "allow_writing_files": False, "thread_count": 1}
DRAW = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "net price": DRAW.normal(size=300),
        "area": np.where(DRAW.random(300) < 0.2, np.nan, DRAW.normal(size=300)),
        "colour": DRAW.choice(["red", "green", "blue"], 300),
    }
)
NUMBERS = ["net price", "area"]


def parameters_of(draw):
    """Return parameters: each is drawn from what changes how trees are built, or how they are read."""
    ordered = draw.random() < 0.2
    return {
        **PLAIN,
        "iterations": int(draw.integers(1, 50)),
        "depth": int(draw.integers(1, 7)),
        "learning_rate": float(draw.uniform(0.02, 0.5)),
        "grow_policy": "SymmetricTree" if ordered else str(draw.choice(["SymmetricTree", "Depthwise", "Lossguide"])),
        "boosting_type": "Ordered" if ordered else "Plain",
        "nan_mode": str(draw.choice(["Min", "Max"])),
        "border_count": int(draw.choice([4, 32, 254])),
        "bootstrap_type": str(draw.choice(["Bayesian", "Bernoulli", "MVS", "No"])),
        "model_shrink_rate": float(draw.choice([0, 0.1])),
        "rsm": float(draw.choice([0.6, 1])),
        "random_seed": 0,
    }


def fitted(seed):
    """Return a model, one of every four a regressor or ranker without a link, and its rows."""
    draw = np.random.default_rng(seed)
    rows = draw.normal(size=(int(draw.integers(60, 500)), int(draw.integers(1, 8)))).round(int(draw.integers(1, 6)))
    rows[draw.random(rows.shape) < draw.choice([0, 0.15])] = np.nan
    score = np.nan_to_num(rows).sum(axis=1) + 0.3 * draw.normal(size=len(rows))
    parameters = parameters_of(draw)
    if seed % 4 < 2:
        loss = str(draw.choice(list(CLASSES)))
        labels = np.digitize(score, np.quantile(score, [0.5] if CLASSES[loss] == 2 else [0.3, 0.6])) + 5
        if loss == "MultiLogloss":
            labels = np.stack([score > 0, score > 1, score > -1], axis=1).astype(int)
        return catboost.CatBoostClassifier(loss_function=loss, **parameters).fit(rows, labels), rows
    if seed % 8 == 3:
        ranker = catboost.CatBoostRanker(loss_function=str(draw.choice(["YetiRank", "QueryRMSE"])), **parameters)
        return ranker.fit(rows, score, group_id=np.arange(len(rows)) // 10), rows
    loss = str(draw.choice(LINKED if seed % 4 == 2 else IDENTITY))
    target = np.abs(score) + 0.1 if loss in LINKED else score
    target = np.stack([score, -score], axis=1) if loss == "MultiRMSE" else target
    return catboost.CatBoostRegressor(loss_function=loss, **parameters).fit(rows, target), rows


def thresholds_of(model, width):
    trees = read_estimator(model).trees.trees
    parts = [[tree.threshold[~tree.leaves & (tree.feature == column)] for tree in trees] for column in range(width)]
    return [around(np.concatenate([*each, [np.float32(0)]]), np.float32) for each in parts]


@pytest.mark.parametrize("seed", SEEDS)
def test_models_of_random_parameters_answer_as_in_the_library(seed):
    """Labels are equal, regressors without a link bit-equal, and probabilities within 1e-15.

    On the data, 10,000 drawn rows, with missing values, and at every border and next to it.
    """
    model, rows = fitted(seed)

    wrong, largest = differences(model, many_rows(rows, thresholds_of(model, rows.shape[1]), np.random.default_rng(1)))

    assert (seed % 4 == 2 or wrong == 0, largest <= 1e-15) == (True, True)


@pytest.mark.parametrize("threshold", [0.2, 0.7])
def test_a_probability_threshold_of_its_own_decides_on_the_label(threshold):
    """What `set_probability_threshold` has set is in the model."""
    rows = DRAW.normal(size=(300, 3))
    model = catboost.CatBoostClassifier(**PLAIN).fit(rows, rows[:, 0] > 0)
    model.set_probability_threshold(threshold)

    wrong, largest = differences(model, many_rows(rows, thresholds_of(model, 3), DRAW))

    assert (0, True) == (wrong, largest <= 1e-15)


def test_a_model_of_strings_as_labels_is_packed_without_a_pickle(tmp_path):
    """CatBoost answers labels of several classes as an array of shape (n, 1); the bundle answers one for each row."""
    labels = np.array(["low", "mid", "high"])[np.digitize(FRAME["net price"], [-0.5, 0.5])]
    model = catboost.CatBoostClassifier(**PLAIN).fit(FRAME[NUMBERS], labels)

    loaded = pack(model, tmp_path / "bundle", name="prices", data=FRAME)

    found = loaded.engine.predict(FRAME[NUMBERS].to_numpy())
    assert (["onnx"], tuple(NUMBERS)) == (loaded.manifest.kinds, loaded.manifest.signature.names)
    assert model.predict(FRAME[NUMBERS]).ravel().tolist() == found.labels.tolist()
    np.testing.assert_allclose(found.probabilities, model.predict_proba(FRAME[NUMBERS]), rtol=0, atol=1e-15)


def test_names_are_read_from_a_model_without_its_data(tmp_path):
    """Although a copy of it says that it has no columns."""
    model = catboost.CatBoostRegressor(**PLAIN).fit(FRAME[NUMBERS], FRAME["net price"])

    loaded = pack(model, tmp_path / "bundle", name="prices")

    assert (tuple(NUMBERS), ["onnx"]) == (loaded.manifest.signature.names, loaded.manifest.kinds)


def test_a_model_with_categories_of_its_own_says_that_it_is_not_compiled(tmp_path):
    """It is a pickle then, if one is allowed, and needs CatBoost where it is served."""
    model = catboost.CatBoostClassifier(**PLAIN, cat_features=["colour"]).fit(FRAME, FRAME["net price"] > 0)

    with pytest.raises(UnsupportedEstimator, match="categorical features of its own has no compiled form"):
        pack(model, tmp_path / "bundle", name="colours", data=FRAME)
    loaded = pack(model, tmp_path / "bundle", name="colours", data=FRAME, allow_pickle=True)

    rows = FRAME[["net price", "area", "colour"]].head(20).to_numpy(dtype=object)
    np.testing.assert_array_equal(loaded.engine.predict(rows).probabilities, model.predict_proba(FRAME.head(20)))
    assert ["joblib"] == loaded.manifest.kinds
    assert f"catboost=={catboost.__version__}" in loaded.manifest.requires


@pytest.mark.parametrize("given", [True, False], ids=["data", "no data"])
def test_categories_of_its_own_may_be_numbers(tmp_path, given):
    """CatBoost takes them as strings or whole numbers, never as floats; without data they are strings."""
    rows = FRAME[["net price"]].assign(zone=np.arange(300) % 7)
    labels = (rows["net price"] + (rows["zone"] == 3) > 0.3).astype(int)
    model = catboost.CatBoostClassifier(**PLAIN, cat_features=["zone"]).fit(rows, labels)

    loaded = pack(model, tmp_path / "bundle", name="zones", data=rows if given else None, allow_pickle=True)

    asked = rows.head(20).astype({"zone": float if given else str}).to_numpy(dtype=object)
    assert ["float64", "float64" if given else "string"] == [each.dtype for each in loaded.manifest.signature.features]
    np.testing.assert_array_equal(loaded.engine.predict(asked).probabilities, model.predict_proba(rows.head(20)))
