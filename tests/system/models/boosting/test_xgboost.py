"""XGBoost's models answer in their compiled form what they answer in the library."""

import math

import numpy as np
import pytest
import xgboost
from sklearn.base import clone

from model.onnx_export.boosting.xgboost_models import trees_of
from model.onnx_export.graph import NotCompiled
from tests.system.models.boosting.agreement import around, differences, many_rows

pytestmark = pytest.mark.models
IDENTITY = ("reg:squarederror", "reg:squaredlogerror", "reg:pseudohubererror", "reg:absoluteerror")
LINKED = ("count:poisson", "reg:gamma", "reg:tweedie", "reg:logistic", "survival:cox")
# A float32 beside 1 is this far away. Of `multi:softmax`, scipy computes the probabilities.
NEXT = 1.2e-7
SEEDS = range(20)
DRAW = np.random.default_rng(0)
ROWS = DRAW.normal(size=(1500, 5))
ROWS[DRAW.random(ROWS.shape) < 0.1] = np.nan
SCORE = np.nan_to_num(ROWS) @ DRAW.normal(size=5) + 0.5 * DRAW.normal(size=len(ROWS))
BINARY, CLASSES = (SCORE > 0).astype(int), np.digitize(SCORE, [-1, 1])
SEVERAL = np.stack([SCORE > 0, SCORE > 1, SCORE < 2], axis=1).astype(int)
NUMBERS = np.stack([SCORE, SCORE**2], axis=1)
CODES = np.column_stack([ROWS[:, :3], DRAW.integers(0, 30, (len(ROWS), 2))])
FEW = {"n_estimators": 30}
CODED = {**FEW, "enable_categorical": True, "feature_types": ["q", "q", "q", "c", "c"]}
EARLY = {"n_estimators": 300, "early_stopping_rounds": 2}


def stopped(model, labels):
    """Fit a model that stops early, well before its last tree."""
    return model.fit(ROWS[:1000], labels[:1000], eval_set=[(ROWS[1000:], labels[1000:])], verbose=False)


def edges(model):
    """Return for each column the thresholds of the model's trees, and what is next to them."""
    found = trees_of(model)
    return [
        around(np.concatenate([tree.threshold[~tree.leaves & (tree.feature == place)] for tree in found.trees]), "f4")
        for place in range(found.width)
    ]


def compared(model, rows=ROWS):
    return differences(model, many_rows(rows, edges(model), np.random.default_rng(1)))


CLASSIFIERS = {
    "binary": (xgboost.XGBClassifier(**FEW), BINARY),
    "deep": (xgboost.XGBClassifier(n_estimators=100, max_depth=12), BINARY),
    "base score": (xgboost.XGBClassifier(base_score=0.3, **FEW), BINARY),
    "missing is a number": (xgboost.XGBClassifier(missing=0.0, **FEW), BINARY),
    "hinge": (xgboost.XGBClassifier(objective="binary:hinge", **FEW), BINARY),
    "multiclass": (xgboost.XGBClassifier(**FEW), CLASSES),
    "softmax": (xgboost.XGBClassifier(objective="multi:softmax", **FEW), CLASSES),
    "multiclass in one tree": (xgboost.XGBClassifier(multi_strategy="multi_output_tree", **FEW), CLASSES),
    "several labels": (xgboost.XGBClassifier(**FEW), SEVERAL),
    "several labels in one tree": (xgboost.XGBClassifier(multi_strategy="multi_output_tree", **FEW), SEVERAL),
    "forest": (xgboost.XGBRFClassifier(**FEW), BINARY),
    "boosted forests": (xgboost.XGBClassifier(num_parallel_tree=3, subsample=0.5, **FEW), CLASSES),
    "dart": (xgboost.XGBClassifier(booster="dart", rate_drop=0.3, **FEW), BINARY),
}
REGRESSORS = {
    **{name: (xgboost.XGBRegressor(objective=name, **FEW), np.abs(SCORE)) for name in IDENTITY},
    "quantiles": (xgboost.XGBRegressor(objective="reg:quantileerror", quantile_alpha=[0.1, 0.9], **FEW), SCORE),
    "forest": (xgboost.XGBRFRegressor(**FEW), SCORE),
    "dart": (xgboost.XGBRegressor(booster="dart", rate_drop=0.3, **FEW), SCORE),
    "several numbers": (xgboost.XGBRegressor(**FEW), NUMBERS),
    "several numbers in one tree": (xgboost.XGBRegressor(multi_strategy="multi_output_tree", **FEW), NUMBERS),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_answers_as_the_library_does(name):
    """On data, far and missing values and at thresholds labels are the same, and probabilities but for one rounding."""
    model, labels = CLASSIFIERS[name]
    wrong, largest = compared(clone(model).fit(ROWS, labels))

    assert 0 == wrong
    assert largest < NEXT


@pytest.mark.parametrize("name", REGRESSORS)
def test_a_regressor_without_a_link_answers_every_bit(name):
    """Sums of leaves are added in the library's order, in float32."""
    model, target = REGRESSORS[name]

    assert (0, 0.0) == compared(clone(model).fit(ROWS, target))


@pytest.mark.parametrize("objective", LINKED)
def test_a_regressor_with_a_link_answers_every_bit(objective):
    """The exponential is rounded as C's expf rounds it."""
    target = 1 / (1 + np.exp(-SCORE)) if objective == "reg:logistic" else np.abs(SCORE) + 0.1

    assert (0, 0.0) == compared(xgboost.XGBRegressor(objective=objective, **FEW).fit(ROWS, target))


def test_a_ranker_answers_the_numbers_that_it_ranks_by():
    """A ranker is a regressor to its clients."""
    ranker = xgboost.XGBRanker(**FEW).fit(ROWS, BINARY, qid=np.repeat(range(150), 10))

    assert (0, 0.0) == compared(ranker)


@pytest.mark.parametrize("labels", [BINARY, CLASSES], ids=["binary", "multiclass"])
def test_a_model_that_stopped_early_answers_with_its_best_iteration(labels):
    """Later trees are in its document, and are left out."""
    model = stopped(xgboost.XGBClassifier(**EARLY), labels)
    per_iteration = 1 if labels is BINARY else 3

    assert (model.best_iteration + 1) * per_iteration == len(trees_of(model).trees)
    assert len(trees_of(model).trees) < model.get_booster().num_boosted_rounds() * per_iteration
    wrong, largest = compared(model)
    assert (0, True) == (wrong, largest < NEXT)


@pytest.mark.parametrize("onehot", [1, 100], ids=["sets", "single codes"])
def test_codes_that_are_categories_are_compared_without_their_fractions(onehot):
    """Of a matrix with feature types, 2.7 is category 2, and what is negative is none."""
    model = xgboost.XGBRegressor(max_cat_to_onehot=onehot, **CODED)

    assert (0, 0.0) == compared(model.fit(CODES, SCORE + CODES[:, 3] % 3), CODES)


@pytest.mark.parametrize(
    ("model", "labels"),
    [
        (xgboost.XGBClassifier(booster="gblinear", **FEW), BINARY),
        (xgboost.XGBRegressor(booster="gblinear", **FEW), SCORE),
        (xgboost.XGBClassifier(objective="binary:logitraw", **FEW), BINARY),
    ],
    ids=["gblinear classifier", "gblinear regressor", "logitraw"],
)
def test_what_has_no_exact_graph_says_so(model, labels):
    """Sums of products have no order, and margins are no probabilities: the reason names the part."""
    fitted = clone(model).fit(ROWS, labels)

    with pytest.raises(NotCompiled, match=r"gblinear|logitraw"):
        differences(fitted, ROWS)


def drawn_model(seed):
    """Return a model with parameters, rows and a target that are drawn, and its rows."""
    draw = np.random.default_rng(seed)
    rows = draw.normal(size=(int(draw.integers(50, 800)), int(draw.integers(1, 9)))).round(int(draw.integers(0, 8)))
    rows[draw.random(rows.shape) < draw.choice([0, 0.2])] = np.nan
    categorical = bool(draw.random() < 0.3)
    if categorical:
        rows[:, 0] = draw.integers(0, 40, len(rows))
    score = np.nan_to_num(rows).sum(axis=1) + (np.nan_to_num(rows[:, 0]) % 3 == 1) + 0.2 * draw.normal(size=len(rows))
    booster, method = str(draw.choice(["gbtree", "gbtree", "dart"])), str(draw.choice(["hist", "approx", "exact"]))
    parameters = {
        "booster": booster,
        "tree_method": "hist" if categorical else method,
        "n_estimators": int(draw.integers(1, 80)),
        "max_depth": int(draw.integers(1, 12)),
        "learning_rate": float(draw.uniform(0.01, 1)),
        "reg_lambda": float(draw.choice([0.0, 1.0, 10.0])),
        "reg_alpha": float(draw.choice([0.0, 0.1])),
        "gamma": float(draw.choice([0.0, 0.0, 1.0])),
        "min_child_weight": float(draw.choice([0.0, 1.0, 5.0])),
        "subsample": float(draw.uniform(0.4, 1)),
        "colsample_bytree": float(draw.uniform(0.4, 1)),
        "num_parallel_tree": int(draw.choice([1, 1, 2])),
        "max_cat_to_onehot": int(draw.choice([1, 4, 50])),
        "missing": float(draw.choice([math.nan, math.nan, 0.0, -1.0])),
        "random_state": seed,
    }
    parameters |= {"rate_drop": 0.3} if booster == "dart" else {}
    parameters |= {"grow_policy": "lossguide", "max_leaves": 20} if parameters["tree_method"] == "hist" else {}
    if categorical:
        kinds = ["c"] + ["q"] * (rows.shape[1] - 1)
        parameters |= {"enable_categorical": True, "feature_types": kinds}
    if seed % 2:
        return xgboost.XGBRegressor(objective=str(draw.choice(IDENTITY)), **parameters).fit(rows, np.abs(score)), rows
    limits = np.quantile(score, [0.5] if draw.random() < 0.5 else [0.3, 0.6])
    return xgboost.XGBClassifier(**parameters).fit(rows, np.digitize(score, limits)), rows


@pytest.mark.parametrize("seed", SEEDS)
def test_models_of_drawn_parameters_answer_as_the_library_does(seed):
    """Whatever the parameters are, labels and regressors' numbers are the same, and probabilities but for rounding."""
    model, rows = drawn_model(seed)
    wrong, largest = compared(model, rows)

    assert 0 == wrong
    assert largest < NEXT
