"""Signatures, read from the estimator's attributes and from what it accepts."""

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import CategoricalNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from model.errors import UnsupportedEstimator
from model.packing.column_facts import fitted_names
from model.packing.signature_reader import read_signature
from model.packing.training_data import read_columns
from model.signature import Feature
from tests import zoo

FRAME = pd.DataFrame(
    {
        "size": [1.5, 2.5, np.nan, 4.0] * 10,
        "city": ["Rome", "Oslo", "Rome", "Bern"] * 10,
        "open": [True, False, True, True] * 10,
        "since": pd.to_datetime(["2020-01-01", "2021-05-05", "2020-01-01", "2022-02-02"] * 10),
    }
)
LABELS = [0, 1, 0, 1] * 10
NUMBERS = ("n", make_pipeline(SimpleImputer(), StandardScaler()), ["size"])


def fitted(*transformers, rows=FRAME):
    return make_pipeline(ColumnTransformer(list(transformers)), LogisticRegression()).fit(rows, LABELS)


def features(estimator, data=None):
    columns = None if data is None else read_columns(data, fitted_names(estimator))
    return {feature.name: feature for feature in read_signature(estimator, columns).features}


@pytest.mark.parametrize("data", [None, FRAME[["size", "city", "open"]]], ids=["estimator alone", "with data"])
def test_categories_and_missing_values_are_read_off_a_nested_pipeline(data):
    """In a nested pipeline, a strict encoder's categories are the accepted values, and an imputer accepts null."""
    estimator = fitted(NUMBERS, ("c", OneHotEncoder(), ["city"]), rows=FRAME[["size", "city", "open"]])

    found = features(estimator, data)

    assert Feature("size", "float64", nullable=True) == found["size"]
    assert Feature("city", "string", nullable=False, categories=("Bern", "Oslo", "Rome")) == found["city"]


def test_an_encoder_that_takes_strangers_gives_no_list():
    """An encoder that accepts unknown categories sets no list of accepted values."""
    estimator = fitted(("c", OneHotEncoder(handle_unknown="ignore"), ["city"]))

    assert Feature("city", "string", nullable=True) == features(estimator, FRAME)["city"]


def test_data_give_the_kinds_that_the_estimator_does_not_say():
    """Data give the dtypes that the estimator does not know, including booleans and dates."""
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    estimator = fitted(NUMBERS, ("o", codes, ["open", "since"]))

    found = features(estimator, FRAME)

    assert ("bool", "datetime") == (found["open"].dtype, found["since"].dtype)


def test_an_imputer_before_the_encoder_makes_missing_texts_welcome():
    """An imputer before the encoder makes a string column nullable, however the two are nested."""
    words = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())
    estimator = fitted(("c", words, ["city"]))

    city = features(estimator, FRAME)["city"]

    assert (True, ("Bern", "Oslo", "Rome")) == (city.nullable, city.categories)


def test_numbers_may_be_categories():
    """Numbers that a strict encoder was fitted on are categories."""
    rows = FRAME.assign(code=[1, 2, 3, 4] * 10)
    estimator = fitted(("c", OneHotEncoder(), ["code"]), rows=rows)

    assert (1, 2, 3, 4) == features(estimator)["code"].categories


@pytest.mark.parametrize(
    ("estimator", "nullable"),
    [(LogisticRegression(), False), (HistGradientBoostingClassifier(), True), (RandomForestClassifier(3), True)],
    ids=lambda value: type(value).__name__,
)
def test_native_support_for_missing_values_is_found_by_asking(estimator, nullable):
    """Whether an estimator accepts missing values is found by letting it predict one."""
    estimator.fit(FRAME[["size"]].fillna(0), LABELS)

    assert nullable == features(estimator)["size"].nullable


@pytest.mark.parametrize(
    ("estimator", "labels", "expected"),
    [
        (LogisticRegression(), [0, 1] * 20, ("classifier", None, ((0, 1),), True)),
        (RandomForestClassifier(3), [[0, 2], [1, 3]] * 20, ("classifier", 2, ((0, 1), (2, 3)), True)),
        (Ridge(), [[1.0, 2.0], [2.0, 1.0]] * 20, ("regressor", 2, None, False)),
        (KMeans(2, n_init=1), None, ("clusterer", None, None, False)),
        (IsolationForest(n_estimators=3), None, ("outlier_detector", None, ((-1, 1),), False)),
    ],
    ids=["classifier", "multi-output", "regressor", "clusterer", "outlier detector"],
)
def test_what_it_answers_is_read_off_the_estimator(estimator, labels, expected):
    """Task, number of outputs, classes and probabilities are read from the estimator."""
    rows = np.random.default_rng(0).normal(size=(40, 3))
    signature = read_signature(estimator.fit(rows, labels), None)

    assert expected == (signature.task, signature.outputs, signature.classes, signature.probabilities)


@pytest.mark.parametrize("case", zoo.pipelines(), ids=lambda case: case.name)
def test_with_and_without_data_the_names_and_the_answers_are_the_same(case):
    """With and without data, a signature has the same names and outputs."""
    estimator = case.fitted()
    estimator = getattr(estimator, "best_estimator_", estimator)

    alone = read_signature(estimator, None)
    sharpened = read_signature(estimator, read_columns(case.rows, fitted_names(estimator)))

    assert alone.names == sharpened.names
    assert (alone.task, alone.outputs, alone.classes) == (sharpened.task, sharpened.outputs, sharpened.classes)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (FRAME.assign(size=[{}] * 40), "the column 'size' contains dict"),
        (FRAME.drop(columns="city"), "lack the columns 'city'"),
        (FRAME.assign(size=np.inf), "infinity"),
        (FRAME.assign(city=[1, "a"] * 20), "contains int, str"),
    ],
    ids=["objects", "missing column", "infinity", "mixed column"],
)
def test_data_that_do_not_fit_are_refused_by_name(data, reason):
    """Data that do not fit are refused, and the message names the column."""
    estimator = fitted(NUMBERS, ("c", OneHotEncoder(), ["city"]))

    with pytest.raises(UnsupportedEstimator, match=reason):
        features(estimator, data)


def test_a_classifier_of_codes_names_its_codes():
    """CategoricalNB's codes are categories: it would use any other code as an index."""
    estimator = CategoricalNB().fit(np.array([[0, 1], [1, 2], [0, 0], [1, 1]]), [0, 1, 0, 1])

    assert [(0, 1), (0, 1, 2)] == [feature.categories for feature in features(estimator).values()]
