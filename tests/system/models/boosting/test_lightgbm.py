"""LightGBM's models answer in their compiled form what they answer in the library."""

import warnings
from dataclasses import replace

import lightgbm
import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import GridSearchCV

from model.errors import UnsupportedEstimator
from model.loading import make_rows
from model.onnx_export.boosting import lightgbm_models
from model.onnx_export.boosting.lightgbm_models import read_estimator
from model.onnx_export.graph import NotCompiled
from model.packing.pack import pack
from tests.system.models.boosting.agreement import around, differences, many_rows

pytestmark = pytest.mark.models
LINKED = ("poisson", "gamma", "tweedie", "cross_entropy", "cross_entropy_lambda")
IDENTITY = ("regression", "regression_l1", "huber", "fair", "quantile", "mape")
CLASSES = {"binary": 2, "cross_entropy": 2, "multiclass": 3, "multiclassova": 3}
SEEDS = range(24)
PLAIN = {"n_estimators": 12, "n_jobs": 1, "verbose": -1}
DRAW = np.random.default_rng(0)
FRAME = pd.DataFrame(DRAW.normal(size=(300, 2)), columns=["net price", "floor area"])


def rows_of(draw):
    """Return rows of numbers, with missing values, many zeros, rounded ones, or categories in the first column."""
    rows = draw.normal(size=(int(draw.integers(60, 500)), int(draw.integers(1, 8)))).round(int(draw.integers(0, 6)))
    rows[draw.random(rows.shape) < draw.choice([0, 0.15])] = np.nan
    rows[draw.random(rows.shape) < draw.choice([0, 0.4])] = 0
    categorical = bool(draw.random() < 0.4)
    if categorical:
        rows[:, 0] = draw.integers(0, 20, len(rows))
    return rows, {"categorical_feature": [0]} if categorical else {}


def parameters_of(draw):
    """Return parameters: each is drawn from what changes how trees are built, or how they are read."""
    boosting = str(draw.choice(["gbdt", "gbdt", "dart", "rf"]))
    bagged = boosting == "rf" or draw.random() < 0.3
    sampling = {"subsample": 0.6, "subsample_freq": 1} if bagged else {}
    if boosting == "gbdt" and not bagged and draw.random() < 0.4:
        sampling = {"data_sample_strategy": "goss"}
    return {
        **PLAIN,
        **sampling,
        "boosting_type": boosting,
        "n_estimators": int(draw.integers(1, 50)),
        "num_leaves": int(draw.integers(2, 40)),
        "max_depth": int(draw.choice([-1, 3])),
        "min_child_samples": int(draw.integers(1, 40)),
        "learning_rate": float(draw.uniform(0.02, 0.5)),
        "reg_lambda": float(draw.choice([0, 1])),
        "colsample_bytree": float(draw.uniform(0.4, 1)),
        "max_bin": int(draw.choice([15, 255])),
        "use_missing": bool(draw.random() < 0.8),
        "zero_as_missing": bool(draw.random() < 0.2),
        "extra_trees": bool(draw.random() < 0.2),
        "max_cat_to_onehot": int(draw.choice([4, 50])),
        "random_state": 0,
    }


def fitted(seed):
    """Return a model, one of every four a regressor without a link, and its rows."""
    draw = np.random.default_rng(seed)
    rows, options = rows_of(draw)
    parameters = parameters_of(draw)
    score = np.nan_to_num(rows).sum(axis=1) + (np.nan_to_num(rows[:, 0]) % 3 == 1) + 0.3 * draw.normal(size=len(rows))
    if seed % 4 < 2:
        objective = str(draw.choice(list(CLASSES)))
        labels = np.digitize(score, np.quantile(score, [0.5] if CLASSES[objective] == 2 else [0.3, 0.6]))
        model = lightgbm.LGBMClassifier(objective=objective, sigmoid=float(draw.choice([1, 2.3])), **parameters)
        return model.fit(rows, labels, **options), rows
    objective = str(draw.choice(LINKED if seed % 4 == 2 else IDENTITY))
    target = np.abs(score) + 0.1 if objective in LINKED else score
    model = lightgbm.LGBMRegressor(objective=objective, reg_sqrt=bool(draw.random() < 0.2), **parameters)
    return model.fit(rows, target / target.max() if "entropy" in objective else target, **options), rows


def thresholds_of(model, width):
    trees = read_estimator(model).trees
    parts = [
        [tree.threshold[(tree.feature == column) & ~tree.categorical] for tree in trees] for column in range(width)
    ]
    smallest = float(np.float32(1e-35))
    return [around(np.concatenate([*each, [smallest, -smallest]]), np.float64) for each in parts]


@pytest.mark.parametrize("seed", SEEDS)
def test_models_of_random_parameters_answer_as_in_the_library(seed):
    """Labels are equal, regressors without a link bit-equal, and probabilities within 1e-15.

    On the data, 10,000 drawn rows, with missing values, and at every threshold and next to it.
    """
    model, rows = fitted(seed)

    wrong, largest = differences(model, many_rows(rows, thresholds_of(model, rows.shape[1]), np.random.default_rng(1)))

    assert (seed % 4 == 2 or wrong == 0, largest <= 1e-15) == (True, True)


def test_a_ranker_answers_a_number_for_each_row():
    """It is a regressor."""
    rows = DRAW.normal(size=(200, 3))
    model = lightgbm.LGBMRanker(**PLAIN).fit(rows, (rows[:, 0] > 0).astype(int), group=[50] * 4)

    wrong, largest = differences(model, many_rows(rows, thresholds_of(model, 3), DRAW))

    assert (0, 0.0) == (wrong, largest)


def test_a_booster_is_cut_at_its_best_iteration():
    """As the estimator predicts after early stopping."""
    rows = DRAW.normal(size=(400, 3))
    labels = (rows[:, 0] + DRAW.normal(size=400) > 0).astype(int)
    model = lightgbm.LGBMClassifier(**{**PLAIN, "n_estimators": 300, "early_stopping_round": 3})
    model.fit(rows[:200], labels[:200], eval_X=rows[200:], eval_y=labels[200:])

    wrong, largest = differences(model, rows)

    assert len(read_estimator(model).trees) == model.best_iteration_ < 300
    assert (0, True) == (wrong, largest <= 1e-15)


@pytest.mark.parametrize("wrap", [lambda model: model, CalibratedClassifierCV, lambda model: GridSearchCV(model, {})])
def test_columns_have_the_names_that_they_had_in_the_data(tmp_path, wrap):
    """LightGBM writes spaces as underscores; clients know the names of the data."""
    labels = (FRAME["net price"] > 0).astype(int)
    model = wrap(lightgbm.LGBMClassifier(**PLAIN)).fit(FRAME, labels)

    loaded = pack(model, tmp_path / "bundle", name="prices", data=FRAME)

    assert ("net price", "floor area") == loaded.manifest.signature.names
    assert loaded.manifest.kinds == ["onnx"]


@pytest.mark.parametrize("wrap", [lambda model: model, CalibratedClassifierCV])
def test_packing_compares_at_the_thresholds_and_with_missing_values(tmp_path, monkeypatch, wrap):
    """Of boosted trees alone, and of those inside other estimators: a graph that rounds to float32 is not kept."""
    model = wrap(lightgbm.LGBMClassifier(**PLAIN)).fit(FRAME, FRAME["net price"] > 0)
    monkeypatch.setattr(lightgbm_models, "boosted_trees", narrowed(lightgbm_models.boosted_trees))

    with pytest.raises(UnsupportedEstimator, match="differ"):
        pack(model, tmp_path / "bundle", name="prices", data=FRAME)


def categories(count, draw):
    """Return rows with categories of strings, without and with an order, and of whole numbers, each also missing."""
    columns = {
        "net price": draw.normal(size=count),
        "colour": pd.Categorical(draw.choice(["red", "green", "blue"], count), categories=["red", "green", "blue"]),
        "grade": pd.Categorical(draw.choice(["low", "high"], count), categories=["low", "high"], ordered=True),
        "zone": pd.Categorical(draw.choice([7, 21, 35], count), categories=[35, 7, 21]),
    }
    rows = pd.DataFrame(columns)
    for place, name in enumerate(columns):
        rows.loc[rows.index % 9 == place, name] = np.nan
    return rows


@pytest.mark.parametrize("columns", [["net price", "colour", "grade", "zone"], ["zone"]], ids=["mixed", "numbers"])
@pytest.mark.parametrize("given", [True, False], ids=["data", "no data"])
def test_categories_are_read_from_the_model(tmp_path, columns, given):
    """Clients send the category itself: a string or a number. A missing or unknown one is answered as LightGBM does."""
    fitted_on, asked = (
        categories(600, np.random.default_rng(0))[columns],
        categories(400, np.random.default_rng(1))[columns],
    )
    labels = (fitted_on["zone"].cat.codes + (len(columns) > 1) * (fitted_on.iloc[:, 0] != "red") > 1).astype(int)
    model = lightgbm.LGBMClassifier(**PLAIN, min_data_per_group=1, cat_smooth=1).fit(fitted_on, labels)

    loaded = pack(model, tmp_path / "bundle", name="zones", data=fitted_on if given else None)

    cells = asked.astype(object).where(asked.notna(), None)
    cells.loc[cells.index % 11 == 0, "zone"] = 99
    expected = model.predict_proba(asked.assign(zone=asked["zone"].where(asked.index % 11 != 0)))
    rows = make_rows(cells.to_numpy().tolist(), loaded.manifest.signature)
    assert (["onnx"], len(columns)) == (loaded.manifest.kinds, len(loaded.manifest.signature.features))
    np.testing.assert_allclose(loaded.engine.predict(rows).probabilities, expected, rtol=0, atol=1e-15)


def narrowed(read):
    return lambda *arguments: replace(read(*arguments), narrow=True)


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [({"linear_tree": True}, "linear trees"), ({"pred_early_stop": True}, "pred_early_stop")],
)
def test_what_has_no_compiled_form_says_why(parameters, reason):
    """These compute something else than sums of leaves."""
    rows = DRAW.normal(size=(200, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = lightgbm.LGBMRegressor(**PLAIN, **parameters).fit(rows, rows[:, 0])

    with pytest.raises(NotCompiled, match=reason):
        differences(model, rows)
