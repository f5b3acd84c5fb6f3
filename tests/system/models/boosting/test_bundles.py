"""Bundles of models of other libraries: what is in them, and what they need."""

import numpy as np
import pytest
import xgboost

from model.bundle.trust import Trust
from model.errors import ModelError, UnsupportedEstimator
from model.loading import load
from model.packing.pack import pack
from model.packing.requirements import image_recipe

pytestmark = pytest.mark.models
DRAW = np.random.default_rng(0)
ROWS = DRAW.normal(size=(400, 3))
LABELS = (ROWS[:, 0] > 0).astype(int)
TREES = xgboost.XGBClassifier(n_estimators=10).fit(ROWS, LABELS)
LINEAR = xgboost.XGBClassifier(n_estimators=10, booster="gblinear").fit(ROWS, LABELS)


def test_a_compiled_model_is_packed_without_a_pickle(tmp_path):
    """The only file is the graph, and the bundle needs nothing but the server."""
    loaded = pack(TREES, tmp_path / "bundle", name="trees", data=ROWS)

    manifest = loaded.manifest
    assert [] == image_recipe(manifest)
    assert (["onnx"], [], "onnx") == (manifest.kinds, manifest.requires, loaded.engine.name)
    assert xgboost.__version__ == manifest.made_with["xgboost"]


def test_what_does_not_compile_says_why_and_is_refused_without_leave_to_write_a_pickle(tmp_path):
    """The message has both reasons: what skops cannot hold, and what has no compiled form."""
    with pytest.raises(UnsupportedEstimator, match=r"A pickle may hold it.*gblinear has no compiled form"):
        pack(LINEAR, tmp_path / "bundle", name="linear", data=ROWS)


def test_what_does_not_compile_is_a_pinned_pickle_that_says_what_it_needs(tmp_path):
    """The manifest names the library and its version, and the estimator answers as it did."""
    loaded = pack(LINEAR, tmp_path / "bundle", name="linear", data=ROWS, allow_pickle=True)

    assert f"xgboost=={xgboost.__version__}" in loaded.manifest.requires
    assert [f"RUN pip install --no-deps --target /libraries xgboost-cpu=={xgboost.__version__}"] == [
        line for line in image_recipe(loaded.manifest) if "pip" in line
    ]
    assert "joblib" in loaded.manifest.kinds
    assert LINEAR.predict_proba(ROWS).tolist() == loaded.engine.predict(ROWS).probabilities.tolist()
    with pytest.raises(ModelError, match="ALLOW_PICKLE"):
        load(tmp_path / "bundle")
    assert load(tmp_path / "bundle", Trust(loaded.digest, pickle=True))
