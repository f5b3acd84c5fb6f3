"""What packing tells of training rows: bins, answers, and how much each feature counts."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from model.packing import training_statistics as answering
from model.packing.signature_reader import read_signature
from model.packing.training_data import read_columns
from model.packing.training_statistics import bins_of, importances_of, training_answers

ROWS, LABELS = load_iris(return_X_y=True, as_frame=True)


def answers(estimator, data, thresholds=()):
    columns = read_columns(data, None)
    return training_answers(estimator, read_signature(estimator, columns, None), columns, data, thresholds)


def importances(estimator, data):
    return importances_of(estimator, [str(name) for name in data.columns], read_columns(data, None), data)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
def test_bins_hold_training_numbers(numbers):
    """Their edges are in order, and their shares are those that numpy counts, whatever the numbers."""
    bins = bins_of(np.array(numbers))

    counts = np.bincount(np.digitize(numbers, bins.edges, right=True), minlength=10)
    assert sorted(bins.edges) == bins.edges
    assert (counts / len(numbers)).tolist() == pytest.approx(bins.shares)
    assert np.isfinite(bins.edges).all()


def test_bins_are_tenths_where_no_numbers_are_equal():
    """Each has a tenth of the numbers, and edges lie midway between two of them."""
    bins = bins_of(np.arange(100.0))

    assert ([0.1] * 10, [each + 9.5 for each in range(0, 90, 10)]) == (bins.shares, bins.edges)


def test_answers_are_those_of_the_estimator():
    """The shares of the predicted classes, and bins of the probabilities of these."""
    estimator = LogisticRegression(max_iter=1000).fit(ROWS, LABELS)

    found = answers(estimator, ROWS)

    predicted = np.bincount(estimator.predict(ROWS)) / len(ROWS)
    assert (len(ROWS), predicted.tolist()) == (found.rows, found.classes)
    assert bins_of(estimator.predict_proba(ROWS).max(axis=1)).shares == found.scores.shares


def test_labels_by_thresholds_are_the_answers():
    """A class that is answered from a small probability on has a larger share."""
    estimator = LogisticRegression(max_iter=1000).fit(ROWS, LABELS)

    assert answers(estimator, ROWS).classes[1] < answers(estimator, ROWS, (None, 0.01, None)).classes[1]


def test_a_regressors_answers_have_bins():
    """Of the numbers that it predicts."""
    estimator = LinearRegression().fit(ROWS, LABELS)

    found = answers(estimator, ROWS)

    assert (None, bins_of(estimator.predict(ROWS)).shares) == (found.classes, found.scores.shares)


def test_several_outputs_have_no_answers():
    """No label is the row's own."""
    assert answers(RandomForestRegressor(2).fit(ROWS, ROWS[["petal width (cm)", "petal length (cm)"]]), ROWS) is None


def test_the_rows_that_are_answered_are_bounded(monkeypatch):
    """Evenly spaced ones of many; and as many as a slow model answers in the time that there is."""
    data = pd.DataFrame({"x": np.arange(20_000.0)})
    estimator = KNeighborsClassifier(1).fit(data, data.x > 9999)
    assert (answering.MOST_ROWS, [0.5, 0.5]) == (answers(estimator, data).rows, answers(estimator, data).classes)

    monkeypatch.setattr(answering, "_SECONDS", 0.0)
    few = answers(estimator, data)
    assert (answering.MOST_ROWS // 10, [0.5, 0.5]) == (few.rows, pytest.approx(few.classes, abs=0.01))


def test_rows_that_are_not_answered_are_no_reason_not_to_pack():
    """Only golden rows must be answered."""
    columns = read_columns(ROWS, None)
    found = read_signature(LogisticRegression(max_iter=1000).fit(ROWS, LABELS), columns, None)

    assert training_answers(object(), found, columns, ROWS, ()) is None


def test_importances_are_those_of_trees():
    """As the forest has them."""
    forest = RandomForestClassifier(10, random_state=0).fit(ROWS, LABELS)

    assert forest.feature_importances_.tolist() == pytest.approx(importances(forest, ROWS))


def test_coefficients_count_by_the_spread_of_their_columns():
    """The same model of the same feature in another unit: its coefficient is smaller, and it counts the same."""
    other = ROWS.assign(**{"petal length (cm)": 1000 * ROWS["petal length (cm)"]})
    own, same = (importances(LinearRegression().fit(each, LABELS), each) for each in (ROWS, other))

    assert own == pytest.approx(same)


def test_importances_of_computed_columns_are_their_features():
    """Of the columns that a pipeline computes from a category, and of those of a nested one."""
    random = np.random.default_rng(0)
    data = pd.DataFrame({"a_b": random.choice(["x", "y_z"], 200), "a": random.normal(size=200), "c": np.zeros(200)})
    encoder = ColumnTransformer(
        [("one", OneHotEncoder(), ["a_b"]), ("rest", make_pipeline(StandardScaler()), ["a", "c"])]
    )
    estimator = make_pipeline(encoder, LogisticRegression()).fit(data, data.a_b == "x")

    found = dict(zip(data.columns, importances(estimator, data), strict=True))

    assert found["a_b"] > 0.8
    assert found["a"] > found["c"] == 0


@pytest.mark.parametrize(
    "estimator", [KNeighborsClassifier(), make_pipeline(PCA(2), LogisticRegression())], ids=["silent", "mixed"]
)
def test_an_estimator_that_does_not_tell_has_none(estimator):
    """One without such attributes, and one whose columns are mixtures of features."""
    assert importances(estimator.fit(ROWS, LABELS), ROWS) is None
