"""A batch that the model refuses because of one value: the answer names its row and its feature."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from model.packing.pack import pack

CANCER = load_breast_cancer()
FOREST = RandomForestClassifier(5, random_state=0).fit(CANCER.data, CANCER.target)
STAGED = GradientBoostingRegressor(n_estimators=3).fit(CANCER.data, CANCER.target)


def refusal(server, rows):
    """Return what is said of rows that are refused."""
    answer = server.client.post("/predict", json={"instances": rows.tolist()})
    return answer.status_code, answer.json["code"], answer.json["detail"]


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "scikit-learn"])
@pytest.mark.parametrize("estimator", [FOREST, STAGED], ids=["forest", "boosting"])
@pytest.mark.parametrize("row", [0, 700])
def test_one_value_that_is_too_large_is_named(serve, tmp_path, estimator, compiled, row):
    """Among 1,000 rows: the row is counted from 0, and the feature is named, by either engine."""
    pack(estimator, tmp_path / "bundle", name="test", compiled=compiled)
    rows = np.resize(CANCER.data, (1000, 30))
    rows[row, 17] = 1e39

    status, code, said = refusal(serve(tmp_path / "bundle"), rows)

    assert (422, "no_finite_answer") == (status, code)
    assert said.endswith(f"check their units. It is in row {row}, counted from 0, for 'x17'.")


def test_a_value_that_is_not_the_largest_number_is_found(serve, tmp_path):
    """A number is refused by a step of the model, and not because it is the largest one of its batch."""
    step = FunctionTransformer(np.sqrt)
    estimator = make_pipeline(step, GaussianNB()).fit(CANCER.data, CANCER.target)
    pack(estimator, tmp_path / "bundle", name="test", data=CANCER.data, compiled=False)
    rows = CANCER.data[:100].copy()
    rows[61, 3] = -1.0

    status, _, said = refusal(serve(tmp_path / "bundle"), rows)

    assert 422 == status
    assert said.endswith("It is in row 61, counted from 0, for 'x3'.")


def test_an_unknown_category_is_named(serve, tmp_path):
    """Nothing but the encoder knows the categories: a step in front of it computes them."""
    frame = pd.DataFrame({"size": np.arange(40.0) % 4, "weight": np.arange(40.0) % 5})
    steps = FunctionTransformer(np.floor), OneHotEncoder(), LogisticRegression()
    pack(make_pipeline(*steps).fit(frame, [0, 1] * 20), tmp_path / "bundle", name="test", data=frame, compiled=False)
    rows = frame.to_numpy().copy()
    rows[7, 0] = 4.5

    status, code, said = refusal(serve(tmp_path / "bundle"), rows)

    assert (422, "unknown_category") == (status, code)
    assert said.endswith("It is in row 7, counted from 0, for 'size'.")
