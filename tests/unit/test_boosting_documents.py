"""Models of LightGBM and CatBoost are compiled from the documents that they write, without these libraries."""

from pathlib import Path

import numpy as np
import pytest

from model.engines.onnx import OnnxEngine
from model.onnx_export.compiler import compile_model
from model.onnx_export.graph import NotCompiled
from model.onnx_export.thresholds import edge_rows, tree_parts
from model.signature import Feature, Signature
from tests.conftest import ROOT

FOLDER = ROOT / "tests" / "documents"
TEXT = (FOLDER / "lightgbm.txt").read_text()
OBLIVIOUS, NESTED = ((FOLDER / name).read_text() for name in ("catboost.json", "catboost-lossguide.json"))
LIGHTGBM = Signature(
    (Feature("net price"), Feature("colour", "string"), Feature("grade", "string"), Feature("area")),
    "table",
    "regressor",
    None,
    None,
    probabilities=False,
)
CATBOOST = Signature(
    (Feature("net price"), Feature("area")), "matrix", "classifier", None, (("a", "b", "c"),), probabilities=True
)


def lightgbm(text, kind="LGBMRegressor", **own):
    """Return what a fitted estimator of LightGBM is to the compiler: its type's name, and its booster's text."""
    booster = type("Booster", (), {"model_to_string": lambda self: text})()
    own = {"booster_": booster, "get_params": lambda self: {}, "classes_": np.array([0, 1]), **own}
    return type(kind, (), {"__module__": "lightgbm.sklearn", **own})()


def catboost(document, kind="CatBoostClassifier", **own):
    """Return what a fitted estimator of CatBoost is to the compiler: its type's name, and its document."""
    methods = {
        "save_model": lambda self, path, **_: Path(path).write_text(document),
        "get_cat_feature_indices": lambda self: [],
        "get_text_feature_indices": lambda self: [],
        **own,
    }
    return type(kind, (), {"__module__": "catboost.core", **methods})()


def engine(estimator, signature):
    made = compile_model(estimator, signature)
    return OnnxEngine(made.content, made.codes, signature)


def answers(estimator, signature, rows):
    dtype = float if signature.layout == "matrix" else object
    return engine(estimator, signature).predict(np.array(rows, dtype=dtype)).labels.tolist()


def test_lightgbm_answers_what_it_predicts_for_strings_and_missing_values():
    """To the last bit; the categories, also those with an order, are read from the model."""
    rows = [[0.5, "red", "low", 0.1], [-2.0, "blue", "high", np.nan], [np.nan, None, "mid", 3.0]]

    assert [1.5274656372063724, 0.476642312527575, 0.9099229340661354] == answers(lightgbm(TEXT), LIGHTGBM, rows)


def test_an_unknown_category_is_a_missing_one_to_lightgbm():
    """As it is to pandas, whose codes LightGBM reads."""
    row = [0.5, None, None, 0.1]

    known, unknown = answers(lightgbm(TEXT), LIGHTGBM, [row, [0.5, "mauve", "so-so", 0.1]])

    assert known == unknown


@pytest.mark.parametrize("sign", [1, -1])
def test_a_number_is_0_to_lightgbm_up_to_its_smallest_one(sign):
    """LightGBM copies only numbers above 1e-35 into the row that its trees compare."""
    edge = float(np.float32(1e-35))
    text = TEXT.replace("threshold=0 -0.009372210672671636", f"threshold=0 {sign * edge:.17g}")
    rows = [[number, "blue", "low", 0.0] for number in (0.0, edge, -edge, edge / 2, -edge / 2)]

    same = answers(lightgbm(text), LIGHTGBM, rows)

    assert 1 == len(set(same))
    assert same[0] != answers(lightgbm(text), LIGHTGBM, [[sign * 2 * edge, "blue", "low", 0.0]])[0]


def test_categories_of_numbers_are_cut_to_whole_ones_by_lightgbm():
    """With `categorical_feature` the column holds numbers; a negative or missing one is in no set of categories."""
    numbers = TEXT.partition("pandas_categorical")[0]
    features = (Feature("net price"), Feature("colour"), Feature("grade"), Feature("area"))
    signature = Signature(features, "matrix", "regressor", None, None, probabilities=False)
    rows = [[0.5, colour, 0, 0.1] for colour in (2, 2.5, 2.99, 1, 0, 3, -2, -0.5, np.nan, 1e300)]

    found = answers(lightgbm(numbers), signature, rows)

    assert 1 == len(set(found[:3]))
    assert 1 == len(set(found[3:]))
    assert found[0] != found[3]


@pytest.mark.parametrize(
    ("objective", "expected"),
    [
        ("regression", lambda score: score),
        ("regression sqrt", lambda score: abs(score) * score),
        ("poisson", np.exp),
        ("tweedie", np.exp),
        ("gamma", np.exp),
        ("cross_entropy", lambda score: 1 / (1 + np.exp(-score))),
        ("cross_entropy_lambda", lambda score: np.log1p(np.exp(score))),
        ("quantile alpha:0.3", lambda score: score),
    ],
)
def test_the_objective_of_lightgbm_says_what_is_answered(objective, expected):
    """Its link is applied to the sum of the leaves."""
    rows = [[0.5, "red", "low", 0.1], [-2.0, "blue", "high", np.nan]]
    scores = np.array(answers(lightgbm(TEXT), LIGHTGBM, rows))

    found = answers(lightgbm(TEXT.replace("objective=regression", f"objective={objective}")), LIGHTGBM, rows)

    np.testing.assert_allclose(found, expected(scores), rtol=4e-16)


def test_a_random_forest_of_lightgbm_answers_the_mean_of_its_trees():
    """The text says `average_output`."""
    row = [[0.5, "red", "low", 0.1]]
    text = TEXT.replace("\nfeature_names", "\naverage_output\nfeature_names")

    assert [answers(lightgbm(TEXT), LIGHTGBM, row)[0] / 3] == answers(lightgbm(text), LIGHTGBM, row)


@pytest.mark.parametrize(
    ("estimator", "reason"),
    [
        (lightgbm(TEXT.replace("is_linear=0", "is_linear=1")), "linear trees"),
        (lightgbm(TEXT.replace("objective=regression", "objective=other")), "objective other"),
        (lightgbm(TEXT, get_params=lambda self: {"pred_early_stop": True}), "pred_early_stop"),
        (lightgbm(TEXT.replace('["low", "mid", "high"]', '["low", "mid", "high"], ["a"]')), "does not say which"),
    ],
)
def test_what_lightgbm_computes_otherwise_is_not_compiled(estimator, reason):
    """Each says why."""
    with pytest.raises(NotCompiled, match=reason):
        compile_model(estimator, LIGHTGBM)


def test_catboost_answers_what_it_predicts():
    """By oblivious trees and by others; a number beyond float32 is infinite to it."""
    rows = [[0.5, 0.1], [-2.0, np.nan], [np.nan, 3.0], [1e300, -1e300]]

    assert ["c", "a", "a", "c"] == answers(catboost(OBLIVIOUS), CATBOOST, rows)
    assert ["c", "a", "a", "c"] == answers(catboost(NESTED), CATBOOST, rows)


def test_catboost_compares_float32():
    """A number that rounds to a border is not above it."""
    border = np.float32(0.1483701467514038)
    above = float(np.nextafter(border, np.float32(1)))
    between = float(border) + (above - float(border)) / 4
    asked = engine(catboost(OBLIVIOUS), CATBOOST)

    at, near, beyond = asked.predict(np.array([[float(border), 0], [between, 0], [above, 0]])).probabilities.tolist()

    assert at == near != beyond


@pytest.mark.parametrize("kind", ["cat", "text"])
def test_catboost_with_features_of_its_own_is_not_compiled(kind):
    """Its statistics of categories and texts are no trees over numbers."""
    with pytest.raises(NotCompiled, match="features of its own"):
        compile_model(catboost(OBLIVIOUS, **{f"get_{kind}_feature_indices": lambda self: [1]}), CATBOOST)


def test_edge_rows_of_lightgbm_are_at_its_thresholds_and_have_each_category():
    """In float64; each column of categories also has a missing one and one that is unknown."""
    (part,) = tree_parts(lightgbm(TEXT, __sklearn_is_fitted__=lambda self: True))

    columns = edge_rows(part, 10**6)[0].T

    threshold = 0.32419192485629156
    assert {threshold, np.nextafter(threshold, 1), np.nextafter(threshold, -1)} <= set(columns[0])
    assert {"red", "green", "blue", None, "\x00unknown"} == set(columns[1])
    assert {"low", "mid", "high", None, "\x00unknown"} == set(columns[2])
    assert np.isnan(columns[0].astype(float)).any()


def test_edge_rows_of_catboost_are_at_its_borders():
    """In float32, which its borders are, and missing."""
    (part,) = tree_parts(catboost(OBLIVIOUS, get_params=lambda self: {}, is_fitted=lambda self: True))

    column = edge_rows(part, 10**6)[0][:, 0]

    border = np.float32(0.1483701467514038)
    assert {float(np.nextafter(border, np.float32(side))) for side in (-1, 1)} | {float(border)} <= set(column)
    assert np.isnan(column).any()
