"""Categories in the user's own data that the estimator refuses, and estimators that are or are not fitted."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from model.errors import UnsupportedEstimator
from model.packing.pack import pack
from tests.conftest import ROOT

IRIS = load_iris(as_frame=True)
TARGET = [0, 1, 1, 0] * 10
ROWS = pd.DataFrame({"size": np.arange(40.0), "city": ["Rome", "Oslo"] * 20, "kind": ["a", "b", "c", "d"] * 10})
KNOWN = r"contains 'Paris', a category that the estimator was not fitted on and refuses \(it knows 'Oslo', 'Rome'\)"


class Stripped(TransformerMixin, BaseEstimator):
    """Somebody's own step, through which categories cannot be followed to their columns."""

    def fit(self, rows, _=None):
        self.width_ = rows.shape[1]
        return self

    def transform(self, rows):
        return np.array([[str(cell).strip() for cell in row] for row in np.asarray(rows, dtype=object)], dtype=object)


@pytest.mark.parametrize("encoder", [OneHotEncoder, OrdinalEncoder])
@pytest.mark.parametrize("row", [0, 39])
def test_a_category_that_the_model_does_not_know_is_named_with_its_column(tmp_path, encoder, row):
    """In the first row, which is tried first, and in any of the golden rows, which are predicted later."""
    columns = ColumnTransformer([("c", encoder(), ["city", "kind"])], remainder="passthrough")
    estimator = make_pipeline(columns, LogisticRegression()).fit(ROWS, TARGET)
    rows = ROWS.copy()
    rows.loc[row, "city"] = "Paris"

    with pytest.raises(UnsupportedEstimator, match=f"the column 'city' of the data {KNOWN}.*handle_unknown"):
        pack(estimator, tmp_path / "bundle", name="test", data=rows)


@pytest.mark.parametrize("row", [0, 39])
def test_it_is_named_too_where_own_code_is_in_front_of_the_encoder(tmp_path, row):
    """The column is found by trying, although nothing says which categories it has."""
    estimator = make_pipeline(Stripped(), OneHotEncoder(), LogisticRegression()).fit(ROWS, TARGET)
    rows = ROWS.copy()
    rows.loc[row, "kind"] = "z"

    with pytest.raises(UnsupportedEstimator, match="the column 'kind' of the data contains 'z', a category that"):
        pack(estimator, tmp_path / "bundle", name="test", data=rows, code=ROOT)


class Plain(ClassifierMixin, BaseEstimator):
    """Somebody's own classifier, which keeps what it learned under names of its own."""

    def fit(self, rows, target):
        self.classes = np.unique(target)
        self.center = np.asarray(rows).mean(axis=0)
        return self

    def predict(self, rows):
        return self.classes[(np.asarray(rows) > self.center).any(axis=1).astype(int)]


class Saying(RegressorMixin, BaseEstimator):
    """Somebody's own regressor, which says itself whether it is fitted."""

    def fit(self, rows, _):
        self.width = np.asarray(rows).shape[1]
        return self

    def __sklearn_is_fitted__(self):
        return hasattr(self, "width")

    def predict(self, rows):
        return np.asarray(rows)[:, 0]


@pytest.mark.parametrize("kind", [Plain, Saying])
def test_a_fitted_model_without_fitted_attributes_is_fitted(tmp_path, unproven, kind):
    """A class may say so itself, or keep what it learned under names without an underscore."""
    estimator = kind().fit(IRIS.data, IRIS.target)

    loaded = pack(estimator, tmp_path / "bundle", name="test", data=IRIS.data, code=ROOT)

    assert estimator.predict(IRIS.data).tolist() == loaded.engine.predict(IRIS.data.to_numpy()).labels.tolist()


@pytest.mark.parametrize(
    "estimator",
    [
        Saying(),
        LogisticRegression(),
        make_pipeline(OrdinalEncoder(), LogisticRegression()),
        make_pipeline(OrdinalEncoder(), Saying()),
    ],
    ids=["says so", "no attributes", "pipeline", "pipeline that says so"],
)
@pytest.mark.parametrize("data", [None, IRIS.data], ids=["without data", "with data"])
def test_what_is_not_fitted_is_called_so(tmp_path, estimator, data):
    """An estimator without any sign of a fit, or that says it has none, is refused as not fitted."""
    with pytest.raises(UnsupportedEstimator, match=rf"{type(estimator).__name__} is not fitted; fit it before packing"):
        pack(estimator, tmp_path / "bundle", name="test", data=data, code=ROOT)
