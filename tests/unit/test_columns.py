"""From columns of several kinds to a bundle: what a step is given is what it was fitted on, whatever holds the data."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from model.errors import UnsupportedEstimator
from model.packing import pack

FRAME = pd.DataFrame({"age": np.arange(40.0), "city": ["a b", "b c"] * 20})
LABELS = [0, 1] * 20


def packed(tmp_path, *steps, data=FRAME):
    """Fit steps and a classifier on the data, and pack them with it."""
    estimator = make_pipeline(*steps, LogisticRegression()).fit(data, LABELS)
    return pack(estimator, tmp_path / "bundle", name="test", data=data).manifest.signature.features


@pytest.mark.parametrize("column", ["city", 1, np.int64(1)], ids=["name", "number", "numpy's number"])
def test_a_column_that_a_vectoriser_chose_by_itself_stays_one(tmp_path, column):
    """It reads texts, not rows of them."""
    words = CountVectorizer(token_pattern=r"\w")

    features = packed(tmp_path, ColumnTransformer([("t", words, column), ("n", "passthrough", [0])]))

    assert ["float64", "string"] == [each.dtype for each in features]


def test_columns_of_several_kinds_stay_what_they_are_through_each_step_that_chooses_among_them(tmp_path):
    """A numpy function of numbers is given numbers, however deep."""
    logarithm = ColumnTransformer([("l", FunctionTransformer(np.log1p), ["age"]), ("o", OneHotEncoder(), ["city"])])
    outer = ColumnTransformer([("n", make_pipeline("passthrough", logarithm), ["city", "age"])])

    features = packed(tmp_path, outer)

    assert [None, ("a b", "b c")] == [each.categories for each in features]


@pytest.mark.parametrize("with_data", [False, True], ids=["categories", "data"])
@pytest.mark.parametrize("large", [2**53 + 1, -(2**60) - 1, 10**400])
def test_whole_numbers_that_float64_has_not_are_refused_by_the_column(tmp_path, large, with_data):
    """Two ids would become one, in silence."""
    rows = pd.DataFrame({"id": pd.Series([2**53, large] * 20, dtype=None if abs(large) < 2**63 else object)})
    step = FunctionTransformer() if with_data else OneHotEncoder()
    estimator = make_pipeline(step, DummyClassifier())

    with pytest.raises(UnsupportedEstimator, match=r"the column 'id' holds -?[0-9]+, .* fit on texts"):
        pack(estimator.fit(rows, LABELS), tmp_path / "bundle", name="test", data=rows if with_data else None)


def test_large_whole_numbers_that_float64_has_are_numbers(tmp_path):
    """Moments in nanoseconds, say."""
    rows = pd.DataFrame({"since": np.arange(40) * 2**40 + 2**60})

    assert ["float64"] == [each.dtype for each in packed(tmp_path, StandardScaler(), data=rows)]
