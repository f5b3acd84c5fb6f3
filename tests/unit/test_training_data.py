"""Training data of several dtypes: each step is given what it was fitted on, whatever holds the data."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from model.errors import UnsupportedEstimator
from model.packing.pack import pack
from model.packing.training_data import read_columns

FRAME = pd.DataFrame({"age": np.arange(40.0), "city": ["a b", "b c"] * 20})
LABELS = [0, 1] * 20


def packed(tmp_path, *steps, data=FRAME):
    """Fit steps and a classifier on the data, and pack them with it."""
    estimator = make_pipeline(*steps, LogisticRegression()).fit(data, LABELS)
    return pack(estimator, tmp_path / "bundle", name="test", data=data).manifest.signature.features


@pytest.mark.parametrize("column", ["city", 1, np.int64(1)], ids=["name", "number", "numpy's number"])
def test_a_column_that_a_vectoriser_chose_by_itself_stays_one(tmp_path, column):
    """A column selected by its bare name stays one-dimensional: a vectoriser takes strings, not rows."""
    words = CountVectorizer(token_pattern=r"\w")

    features = packed(tmp_path, ColumnTransformer([("t", words, column), ("n", "passthrough", [0])]))

    assert ["float64", "string"] == [each.dtype for each in features]


def test_columns_of_several_kinds_stay_what_they_are_through_each_step_that_chooses_among_them(tmp_path):
    """A step that is given numeric columns of a mixed table gets numbers, however deep it is nested."""
    logarithm = ColumnTransformer([("l", FunctionTransformer(np.log1p), ["age"]), ("o", OneHotEncoder(), ["city"])])
    outer = ColumnTransformer([("n", make_pipeline("passthrough", logarithm), ["city", "age"])])

    features = packed(tmp_path, outer)

    assert [None, ("a b", "b c")] == [each.categories for each in features]


@pytest.mark.parametrize("with_data", [False, True], ids=["categories", "data"])
@pytest.mark.parametrize("large", [2**53 + 1, -(2**60) - 1, 10**400])
def test_integers_that_float64_cannot_represent_are_refused(tmp_path, large, with_data):
    """Integers that float64 cannot represent are refused: two ids would silently become one."""
    rows = pd.DataFrame({"id": pd.Series([2**53, large] * 20, dtype=None if abs(large) < 2**63 else object)})
    step = FunctionTransformer() if with_data else OneHotEncoder()
    estimator = make_pipeline(step, DummyClassifier())

    with pytest.raises(UnsupportedEstimator, match=r"the column 'id' contains -?[0-9]+, .* convert the column to str"):
        pack(estimator.fit(rows, LABELS), tmp_path / "bundle", name="test", data=rows if with_data else None)


def test_large_integers_that_float64_represents_are_numbers(tmp_path):
    """Large integers that float64 represents, such as some times in nanoseconds, are numbers."""
    rows = pd.DataFrame({"since": np.arange(40) * 2**40 + 2**60})

    assert ["float64"] == [each.dtype for each in packed(tmp_path, StandardScaler(), data=rows)]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (csr_matrix(np.eye(3)), "are a csr_matrix; expected a data frame, a dense matrix"),
        ({"age": [1.0, 2.0]}, "are a dict; expected a data frame"),
        (FRAME["city"], "lack the columns 'age'"),
        ([[1.0], [1.0, 2.0]], "are not a matrix"),
        (FRAME[["age"]][:0], "no rows"),
        ([], "no rows"),
    ],
    ids=["sparse", "dictionary", "another series", "ragged", "empty frame", "empty list"],
)
def test_data_of_another_form_are_refused_with_what_is_expected(tmp_path, data, reason):
    """Data in an unsupported form are refused, and the message says what is expected."""
    estimator = LogisticRegression().fit(FRAME[["age"]], LABELS)

    with pytest.raises(UnsupportedEstimator, match=reason):
        pack(estimator, tmp_path / "bundle", name="test", data=data)


def test_a_series_is_a_column(tmp_path):
    """A series is a column with its own name."""
    estimator = LogisticRegression().fit(FRAME[["age"]], LABELS)

    loaded = pack(estimator, tmp_path / "bundle", name="test", data=FRAME["age"])

    assert ("age",) == loaded.manifest.signature.names


def test_texts_and_numbers_of_numpy_are_texts_and_numbers(tmp_path):
    """Strings and numbers of numpy's types are strings and numbers, in a list or in an object array."""
    texts = [np.str_(text) for text in FRAME["city"]]
    estimator = make_pipeline(CountVectorizer(token_pattern=r"\w"), LogisticRegression()).fit(texts, LABELS)

    loaded = pack(estimator, tmp_path / "bundle", name="test", data=texts)

    assert "text" == loaded.manifest.signature.layout
    assert ["float64"] == [each.dtype for each in read_columns(np.array([[np.float32(1)], [None]], dtype=object), None)]


@pytest.mark.parametrize(
    "cells",
    [[None], [1, "a", 2.5, None], [np.inf, 1.0], [{}, 2**70, 10**400], [2**53 + 1]],
    ids=["nothing", "several kinds", "infinity", "objects", "large"],
)
def test_a_column_that_the_model_drops_may_hold_anything(tmp_path, cells):
    """A column that the model drops may contain anything."""
    data = FRAME.assign(note=pd.Series((cells * 40)[:40], dtype=object))
    columns = ColumnTransformer([("n", "passthrough", ["age"]), ("c", OneHotEncoder(), ["city"])])

    assert ["float64", "string", "any"] == [each.dtype for each in packed(tmp_path, columns, data=data)]
