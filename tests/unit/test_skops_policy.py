"""Which functions a pipeline may refer to, and what is said about others."""

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from model.errors import UnsupportedEstimator
from model.packing.pack import pack

ROWS = np.random.default_rng(0).normal(size=(40, 2))
LABELS = [0, 1] * 20
FUNCTIONS = {
    np.asarray: {},
    np.clip: {"a_min": 0, "a_max": 1},
    np.cumsum: {"axis": 1},
    np.nan_to_num: {"posinf": 9},
    np.round: {},
    np.squeeze: {"axis": ()},
}


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_a_function_of_numpy_that_only_computes_is_packed(tmp_path, function):
    """A numpy function that only computes is packed."""
    step = FunctionTransformer(function, kw_args=FUNCTIONS[function])
    estimator = make_pipeline(step, LogisticRegression()).fit(ROWS, LABELS)

    loaded = pack(estimator, tmp_path / "bundle", name="test", data=ROWS)

    np.testing.assert_allclose(estimator.predict_proba(ROWS), loaded.engine.predict(ROWS).probabilities)


def test_texts_are_filled_laid_flat_and_read(tmp_path):
    """A pipeline of imputer, np.ravel and vectoriser is packed, with or without data."""
    rows = pd.DataFrame({"note": ["good phone", "bad battery", None, "awful thing"] * 10})
    filled = SimpleImputer(strategy="constant", fill_value="")
    steps = make_pipeline(filled, FunctionTransformer(np.ravel), TfidfVectorizer())
    estimator = make_pipeline(make_column_transformer((steps, ["note"])), LogisticRegression()).fit(rows, LABELS)

    for data in (None, rows):
        (feature,) = pack(estimator, tmp_path / "bundle", name="test", data=data).manifest.signature.features
        assert ("string", True) == (feature.dtype, feature.nullable)


def test_columns_may_be_chosen_for_holding_objects(tmp_path):
    """Columns may be selected by the object dtype, which strings have in older frames."""
    rows = pd.DataFrame({"city": pd.Series(["a", "b"] * 20, dtype=object), "age": ROWS[:, 0]})
    chosen = (OneHotEncoder(), make_column_selector(dtype_include=["category", object]))
    estimator = make_pipeline(make_column_transformer(chosen), LogisticRegression()).fit(rows, LABELS)

    features = pack(estimator, tmp_path / "bundle", name="test", data=rows).manifest.signature.features

    assert [("a", "b"), None] == [each.categories for each in features]


ANONYMOUS = make_pipeline(FunctionTransformer(lambda rows: rows), LogisticRegression())


@pytest.mark.parametrize(
    ("estimator", "options", "reason"),
    [
        (ANONYMOUS, {}, "not trusted; define a function by name in a module, and name its directory"),
        (ANONYMOUS, {"allow_pickle": True}, "cannot be written as a pickle"),
        (KMeans(2, n_init=1), {}, "fitted on float32, but rows are float64"),
        (
            GridSearchCV(LogisticRegression(), {"C": [1, 2]}, refit=False),
            {},
            "no predict method, and none to transform rows; fit it with refit=True",
        ),
    ],
    ids=["lambda", "lambda in a pickle", "float32", "search without a model"],
)
def test_what_is_refused_says_what_to_do(tmp_path, estimator, options, reason):
    """A refusal says what to do."""
    rows = ROWS.astype(np.float32)

    with pytest.raises(UnsupportedEstimator, match=reason):
        pack(estimator.fit(rows, LABELS), tmp_path / "bundle", name="test", data=rows, **options)
