"""Estimators of scikit-learn that hold XGBoost's: all of them compile, and need no library where they are served."""

import numpy as np
import pytest
import xgboost
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    BaggingRegressor,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import TunedThresholdClassifierCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor, RegressorChain
from sklearn.pipeline import make_pipeline

from model.packing.pack import pack

pytestmark = pytest.mark.models
DRAW = np.random.default_rng(0)
ROWS = DRAW.normal(size=(400, 4))
NUMBER = ROWS[:, 0] + 0.2 * DRAW.normal(size=400)
TWO, THREE, BOTH = (NUMBER > 0).astype(int), np.digitize(NUMBER, [-0.5, 0.5]), ROWS[:, :2]
CLASSIFIER = xgboost.XGBClassifier(n_estimators=8, max_depth=3)
REGRESSOR = xgboost.XGBRegressor(n_estimators=8, max_depth=3)
CLASSIFIERS = {
    "AdaBoost": (AdaBoostClassifier(CLASSIFIER, n_estimators=3), TWO),
    "bagging": (BaggingClassifier(CLASSIFIER, n_estimators=3, random_state=0), TWO),
    "one against the rest": (OneVsRestClassifier(CLASSIFIER), THREE),
    "a tuned threshold": (TunedThresholdClassifierCV(CLASSIFIER, cv=2), TWO),
    "a vote": (VotingClassifier([("a", CLASSIFIER), ("b", LogisticRegression())]), TWO),
}
REGRESSORS = {
    "bagging": (BaggingRegressor(REGRESSOR, n_estimators=3, max_features=0.7, random_state=0), NUMBER),
    "a chain": (RegressorChain(REGRESSOR), BOTH),
    "several outputs": (MultiOutputRegressor(REGRESSOR), BOTH),
    "elimination of features": (RFE(REGRESSOR, n_features_to_select=2), NUMBER),
    "selection of features": (make_pipeline(SelectFromModel(REGRESSOR), LinearRegression()), NUMBER),
    "stacking": (StackingRegressor([("a", REGRESSOR), ("b", Ridge())], cv=2, passthrough=True), NUMBER),
    "a transformed target": (
        TransformedTargetRegressor(REGRESSOR, func=np.log1p, inverse_func=np.expm1),
        np.abs(NUMBER),
    ),
    "a mean": (VotingRegressor([("a", REGRESSOR), ("b", REGRESSOR)]), NUMBER),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_of_boosted_trees_compiles(name, tmp_path):
    """The bundle has only the graph, and its labels are the estimator's."""
    model, labels = CLASSIFIERS[name]
    loaded = pack(model.fit(ROWS, labels), tmp_path / "bundle", name="meta", data=ROWS)

    assert ["onnx"] == loaded.manifest.kinds
    assert model.predict(ROWS).tolist() == loaded.engine.predict(ROWS).labels.tolist()


@pytest.mark.parametrize("name", REGRESSORS)
def test_a_regressor_of_boosted_trees_compiles(name, tmp_path):
    """The bundle has only the graph, and its numbers are the estimator's, which may add them in float32."""
    model, target = REGRESSORS[name]
    loaded = pack(model.fit(ROWS, target), tmp_path / "bundle", name="meta", data=ROWS)

    assert ["onnx"] == loaded.manifest.kinds
    assert np.allclose(model.predict(ROWS), loaded.engine.predict(ROWS).labels, rtol=5e-7, atol=5e-7)
