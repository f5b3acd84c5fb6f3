"""Rows far from all that a model was fitted on, like sentinels, wrong units and zeros under a logarithm."""

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import LinearSVC

from model.loading import TOLERANCE
from model.onnx_export import meta_estimators, verification
from model.onnx_export.graph import NotCompiled
from model.packing.pack import pack
from model.packing.signature_reader import read_signature

DRAW = np.random.default_rng(0)
FLAT = DRAW.normal(size=(300, 3)) * [0, 5, 1]
POSITIVE = np.abs(DRAW.normal(size=(200, 2))) + 0.1
CANCER = load_breast_cancer().data[:200, :6]
SIZES = (CANCER[:, 0] > 12).astype(int) + (CANCER[:, 0] > 15)
CASES = {
    "k-means": (KMeans(3, n_init=1, random_state=0).fit(FLAT), FLAT, 0, 1e9),
    "k-means far beyond": (KMeans(3, n_init=1, random_state=0).fit(FLAT), FLAT, 0, -1e300),
    "k-means in batches": (MiniBatchKMeans(3, n_init=1, random_state=0).fit(FLAT), FLAT, 0, 1e9),
    "no class is likely": (
        CalibratedClassifierCV(LinearSVC(random_state=0), cv=2, method="isotonic").fit(CANCER, SIZES),
        CANCER,
        4,
        1e4,
    ),
    "logarithm of zero": (
        make_pipeline(FunctionTransformer(np.log), HistGradientBoostingClassifier(max_iter=4)).fit(
            POSITIVE, POSITIVE[:, 0] > 0.7
        ),
        POSITIVE,
        0,
        0.0,
    ),
    "beyond float32": (IsolationForest(n_estimators=20, random_state=0).fit(POSITIVE), POSITIVE, 1, 1e39),
}


@pytest.mark.parametrize("name", CASES)
def test_a_compiled_model_answers_far_rows_as_scikit_learn_does(tmp_path, name):
    """A compiled model gives scikit-learn's answer whether the far number dominates it or has no influence."""
    estimator, data, place, far = CASES[name]
    engine = pack(estimator, tmp_path / "bundle", name="test", data=data).engine
    assert "onnx" == engine.name
    rows = data[:50].copy()
    rows[:, place] = far

    with np.errstate(all="ignore"):
        found = engine.predict(rows)
        assert estimator.predict(rows).tolist() == found.labels.tolist()
        expected = [estimator.predict_proba(rows)] if found.probability_arrays else []
    np.testing.assert_allclose(found.probability_arrays, expected, rtol=0, atol=TOLERANCE)


def test_a_compiled_form_that_differs_in_far_rows_only_is_found(monkeypatch):
    """A compiled form that divides zero by zero for far rows only is not verified."""
    estimator, *_ = CASES["no class is likely"]
    monkeypatch.setattr(
        meta_estimators,
        "normalise_rows",
        lambda graph, shares, _: graph.add(
            "Div", shares, graph.add("ReduceSum", shares, graph.constant([1], np.int64), keepdims=1)
        ),
    )

    with pytest.raises(NotCompiled, match=r"far row|differ"):
        verification.compile_verified(estimator, read_signature(estimator, None), None, None, slow=True)
