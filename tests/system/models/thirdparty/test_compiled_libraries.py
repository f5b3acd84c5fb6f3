"""Steps that only select columns, and glum's linear models, are compiled: no pickle, and none of their libraries."""

import feature_engine.selection
import numpy as np
import pytest
import sklego.preprocessing
import skrub
from glum import GeneralizedLinearRegressor, GeneralizedLinearRegressorCV
from mlxtend.feature_selection import ColumnSelector, SequentialFeatureSelector
from mlxtend.preprocessing import DenseTransformer
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from model.onnx_export import verification
from model.packing.pack import pack
from tests.http.test_conformance import few
from tests.zoodata import DIABETES, MIXED, SICK

pytestmark = [pytest.mark.models, pytest.mark.filterwarnings("ignore")]

FRAME = MIXED[["bmi", "age", "pressure", "group"]], SICK
ROWS, TARGET = DIABETES.data.iloc[:200] + 1, DIABETES.target.iloc[:200]
LOGISTIC = make_pipeline(SimpleImputer(), LogisticRegression())
ENCODED = make_column_transformer((OneHotEncoder(sparse_output=False), ["pressure"]), ("passthrough", ["bmi"]))
OF_FRAMES = {
    "mlxtend, by name": ColumnSelector(("age", "bmi")),
    "scikit-lego, kept": sklego.preprocessing.ColumnSelector(["age", "bmi"]),
    "scikit-lego, dropped": sklego.preprocessing.ColumnDropper(["pressure", "group"]),
    "skrub, kept": skrub.SelectCols(["age", "bmi"]),
    "skrub, dropped": skrub.DropCols(["pressure", "group"]),
    "feature-engine": feature_engine.selection.DropFeatures(["pressure", "group"]),
}
OF_NUMBERS = {
    "mlxtend, by index": ColumnSelector((0, 3)),
    "mlxtend, sequential": SequentialFeatureSelector(Ridge(), k_features=2, cv=2),
    "mlxtend, dense": DenseTransformer(),
    "scikit-lego, identity": sklego.preprocessing.IdentityTransformer(),
    "feature-engine, constant": feature_engine.selection.DropConstantFeatures(),
    "feature-engine, correlated": feature_engine.selection.DropCorrelatedFeatures(threshold=0.5),
    "feature-engine, duplicate": feature_engine.selection.DropDuplicateFeatures(),
}
CASES = {
    **{name: (make_pipeline(step, LOGISTIC), *FRAME) for name, step in OF_FRAMES.items()},
    **{name: (make_pipeline(step, Ridge()), ROWS, TARGET) for name, step in OF_NUMBERS.items()},
    "glum, identity": (GeneralizedLinearRegressor(alpha=0.1), ROWS, TARGET),
    "glum, logarithm": (GeneralizedLinearRegressor(family="poisson", alpha=0.1), ROWS, TARGET),
    "glum, logit": (GeneralizedLinearRegressor(family="binomial", alpha=0.1), ROWS, (TARGET > 140).astype(float)),
    "glum, its own search": (GeneralizedLinearRegressorCV(family="gamma", n_alphas=3, cv=2), ROWS, TARGET),
    "glum, scaled": (
        make_pipeline(StandardScaler(), GeneralizedLinearRegressor(family="gamma", alpha=1)),
        ROWS,
        TARGET,
    ),
    "glum, mixed": (make_pipeline(ENCODED, GeneralizedLinearRegressor(family="poisson", alpha=0.1)), *FRAME),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_compiled_and_needs_no_library(tmp_path, monkeypatch, name):
    """The bundle holds a graph and no pickle, requires nothing, and its numbers agree within 1e-12."""
    few(lambda attribute, value: monkeypatch.setattr(verification, attribute, value))
    estimator, rows, labels = CASES[name]
    fitted = estimator.fit(rows, labels)

    loaded = pack(fitted, tmp_path / "bundle", name="test", data=rows)

    assert ["onnx"] == [file.rpartition(".")[2] for file in loaded.manifest.files]
    assert [] == loaded.manifest.requires
    given = rows.to_numpy(dtype=float if loaded.manifest.signature.layout == "matrix" else object)
    found = loaded.engine.predict(given)
    np.testing.assert_allclose(np.asarray(fitted.predict(rows), dtype=float), found.labels, rtol=1e-12)
