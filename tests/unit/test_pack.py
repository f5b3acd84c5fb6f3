"""Packing an estimator: verified before it is published, or refused with the reason."""

import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.cluster import DBSCAN
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from model.bundle.manifest import Score
from model.bundle.trust import Trust
from model.columns import join_columns
from model.errors import OutputRefused, UnsupportedEstimator, VersionMismatch
from model.loading import load, verify
from model.packing.pack import pack
from model.packing.signature_reader import read_signature
from model.packing.training_data import read_columns
from model.sklearn_runtime.engine import SklearnEngine
from tests.conftest import ROOT

IRIS = load_iris(as_frame=True)


@pytest.mark.parametrize(
    "estimator",
    [
        RandomForestClassifier(5),
        HistGradientBoostingClassifier(max_iter=3),
        make_pipeline(StandardScaler(), LogisticRegression()),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_an_estimator_fitted_on_a_frame_answers_a_matrix_without_a_warning(tmp_path, estimator):
    """An estimator fitted on a frame predicts a matrix without a warning, which would be an error here."""
    estimator.fit(IRIS.data, IRIS.target)
    expected = estimator.predict_proba(IRIS.data)

    loaded = pack(estimator, tmp_path / "bundle", name="test", data=IRIS.data, compiled=False)

    prediction = loaded.engine.predict(IRIS.data.to_numpy())
    np.testing.assert_array_equal(expected, prediction.probabilities)
    assert tuple(IRIS.feature_names) == loaded.manifest.signature.names


@pytest.mark.parametrize(
    "estimator",
    [
        make_pipeline(StandardScaler(copy=False), LogisticRegression(max_iter=1000)),
        make_pipeline(
            ColumnTransformer([("n", StandardScaler(copy=False), [0, 1])], remainder="passthrough"),
            SimpleImputer(copy=False),
            LogisticRegression(max_iter=1000),
        ),
    ],
    ids=["scaler", "columns"],
)
@pytest.mark.parametrize("compiled", [True, False])
def test_a_step_that_writes_in_its_input_changes_nothing_for_the_next(tmp_path, estimator, compiled):
    """A step that writes into its input changes neither logged rows, nor later answers, nor the caller's data."""
    data, target = IRIS.data.to_numpy(), IRIS.target.to_numpy()
    estimator.fit(data.copy(), target)
    given, rows = data.copy(), data[:7].copy()

    loaded = pack(estimator, tmp_path / "bundle", name="test", data=given, compiled=compiled)
    prediction = loaded.engine.predict(rows)

    np.testing.assert_allclose(estimator.predict_proba(data[:7].copy()), prediction.probabilities, rtol=0, atol=1e-6)
    assert estimator.predict(data[:7].copy()).tolist() == prediction.labels.tolist()
    np.testing.assert_array_equal(data[:7], rows)
    np.testing.assert_array_equal(data, given)


def test_an_estimator_fitted_without_names_gets_those_of_the_data_or_generated_ones(tmp_path):
    """Without fitted names, columns have those of the data, or generated ones in scikit-learn's convention."""
    estimator = LogisticRegression(max_iter=1000).fit(IRIS.data.to_numpy(), IRIS.target)

    named = pack(estimator, tmp_path / "a", name="test", data=IRIS.data)
    unnamed = pack(estimator, tmp_path / "b", name="test")

    assert tuple(IRIS.feature_names) == named.manifest.signature.names
    assert ("x0", "x1", "x2", "x3") == unnamed.manifest.signature.names
    assert unnamed.manifest.baseline is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"name": "my model"}, r"name"), ({"version": 7}, "version"), ({"score": Score("r2", float("nan"), 5)}, "score")],
    ids=["name", "version", "score"],
)
def test_a_pack_that_fails_leaves_the_bundle_that_was_there(tmp_path, change, reason):
    """A pack that fails leaves the previous bundle in place."""
    estimator = LinearRegression().fit(IRIS.data, IRIS.target)
    pack(estimator, tmp_path / "bundle", name="test", data=IRIS.data)

    with pytest.raises(OutputRefused, match=reason):
        pack(estimator, tmp_path / "bundle", **{"name": "test", "data": IRIS.data} | change)

    verify(load(tmp_path / "bundle"))
    assert [tmp_path / "bundle"] == list(tmp_path.iterdir())


def test_only_a_bundle_is_ever_replaced(tmp_path):
    """A directory with other content, or a file, is never replaced."""
    estimator = LinearRegression().fit(IRIS.data, IRIS.target)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.csv").write_text("precious")
    (tmp_path / "file").write_text("precious")

    for name in ("data", "file"):
        with pytest.raises(OutputRefused, match="is not a bundle"):
            pack(estimator, tmp_path / name, name="test", data=IRIS.data)

    assert "precious" == (tmp_path / "data" / "train.csv").read_text()


def test_packing_in_place_of_a_bundle_leaves_the_new_one_and_nothing_else(tmp_path):
    """Packing over a bundle leaves the new one and nothing of older ones but the previous files."""
    estimator = LinearRegression().fit(IRIS.data, IRIS.target)
    for version in ("1", "2"):
        pack(estimator, tmp_path / "bundle", name="test", version=version, data=IRIS.data)

    assert "2" == load(tmp_path / "bundle").manifest.version
    assert [tmp_path / "bundle"] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("estimator", "reason"),
    [
        (LogisticRegression(), "is not fitted; fit it before packing"),
        (DBSCAN().fit(IRIS.data), "has no predict method"),
        (object(), "has no predict method"),
        (
            make_pipeline(FunctionTransformer(lambda rows: rows), LogisticRegression(max_iter=1000)).fit(
                IRIS.data, IRIS.target
            ),
            "not trusted",
        ),
    ],
    ids=["unfitted", "nothing for new rows", "no estimator", "lambda"],
)
def test_what_cannot_be_served_is_refused_with_the_reason(tmp_path, estimator, reason):
    """An estimator that cannot be served is refused when it is packed, where somebody can change it."""
    with pytest.raises(UnsupportedEstimator, match=reason):
        pack(estimator, tmp_path / "bundle", name="test", data=IRIS.data)
    assert not (tmp_path / "bundle").exists()


def test_a_step_that_applies_a_numpy_function_is_packed(tmp_path):
    """Functions of numpy are trusted."""
    step = FunctionTransformer(np.log1p)
    estimator = make_pipeline(step, LogisticRegression(max_iter=1000)).fit(IRIS.data, IRIS.target)

    pack(estimator, tmp_path / "bundle", name="test", data=IRIS.data)

    assert (tmp_path / "bundle").exists()


class Named(TransformerMixin, BaseEstimator):
    """Somebody's own transformer, which chooses a column by its name, as it remembers it."""

    def fit(self, rows, _=None):
        self.feature_names_in_ = np.asarray(rows.columns)
        return self

    def transform(self, rows):
        return np.asarray(rows)[:, self.feature_names_in_ == IRIS.feature_names[2]]


def test_own_code_keeps_the_names_it_remembers():
    """Own code keeps its feature_names_in_; only scikit-learn's components lose them, because they would warn."""
    estimator = make_pipeline(Named(), LogisticRegression(max_iter=1000)).fit(IRIS.data, IRIS.target)
    expected = estimator.predict(IRIS.data)

    found = SklearnEngine(estimator, read_signature(estimator, read_columns(IRIS.data, None)))

    assert expected.tolist() == found.predict(IRIS.data.to_numpy()).labels.tolist()


class Framed(TransformerMixin, BaseEstimator):
    """Somebody's own transformer, which works on a data frame and on nothing else."""

    def fit(self, rows, _=None):
        self.width_ = len(rows.columns)
        return self

    def transform(self, rows):
        return pd.DataFrame(
            {
                "ratio": rows["a"] / rows["b"].abs(),
                "month": rows["since"].dt.month,
                "london": rows["city"].str.lower() == "london",
                "open": rows["open"],
            }
        )


def test_own_code_that_takes_only_a_data_frame_is_given_one(tmp_path, unproven, monkeypatch):
    """Own code that takes only frames is given them with the fitted dtypes; without pandas, loading says so."""
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "a": draw.normal(size=60),
            "b": draw.normal(size=60),
            "since": pd.date_range("2024-01-01", periods=60),
            "city": ["London", "Rome", "LONDON"] * 20,
            "open": [True, False] * 30,
        }
    )
    frame.loc[3, "a"], frame.loc[4, "city"], frame.loc[5, "since"] = np.nan, None, pd.NaT
    estimator = make_pipeline(Framed(), SimpleImputer(), LogisticRegression()).fit(frame, draw.random(60) < 0.5)

    loaded = pack(estimator, tmp_path / "bundle", name="test", data=frame, code=ROOT)
    signature = loaded.manifest.signature
    features = signature.features
    cells = [column.cells for column in read_columns(frame, None)]
    prediction = loaded.engine.predict(join_columns(cells, signature))

    assert ["float64", "float64", "datetime", "string", "bool"] == [each.dtype for each in features]
    assert [True, True, True, True] == [each.nullable for each in features[:4]]
    np.testing.assert_array_equal(estimator.predict_proba(frame), prediction.probabilities)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(VersionMismatch, match="pandas 3 is not installed; install it"):
        load(tmp_path / "bundle", Trust(code=ROOT))


def test_a_target_beside_the_columns_of_a_model_without_names_is_named(tmp_path):
    """Data with more columns than a model without names takes are refused, and the columns are named."""
    estimator = LinearRegression().fit(IRIS.data.to_numpy(), IRIS.target)

    with pytest.raises(UnsupportedEstimator, match=r"takes 4 columns and does not know their names.*, target\): leave"):
        pack(estimator, tmp_path / "bundle", name="test", data=IRIS.frame)


def test_data_of_another_shape_are_refused(tmp_path):
    """Data with another number of columns are refused."""
    estimator = LinearRegression().fit(IRIS.data, IRIS.target)

    with pytest.raises(UnsupportedEstimator, match="petal width"):
        pack(estimator, tmp_path / "bundle", name="test", data=IRIS.data.iloc[:, :3])
