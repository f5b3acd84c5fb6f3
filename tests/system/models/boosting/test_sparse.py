"""Pipelines whose encoders make sparse matrices: to XGBoost, what these leave out is missing, and to others it is 0."""

import catboost
import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from model.packing.pack import pack

pytestmark = pytest.mark.models
DRAW = np.random.default_rng(0)
WORDS = [f"w{place}" for place in range(20)]
ROWS = pd.DataFrame(
    {"word": DRAW.choice(WORDS, 600), "kind": DRAW.choice(WORDS[:5], 600), "size": DRAW.normal(size=600)}
)
LABELS = (ROWS["size"] + ROWS["word"].isin(WORDS[:7]) > 0.5).astype(int)
MODELS = {
    "xgboost": lambda: xgboost.XGBClassifier(n_estimators=20),
    "lightgbm": lambda: lightgbm.LGBMClassifier(n_estimators=20, verbose=-1, min_child_samples=2),
    "catboost": lambda: catboost.CatBoostClassifier(iterations=20, verbose=0, allow_writing_files=False),
}


def by_columns():
    return make_column_transformer((OneHotEncoder(), ["word", "kind"]), (StandardScaler(), ["size"]))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("columns", ["columns", "encoder", "union"])
def test_a_pipeline_with_a_sparse_encoder_compiles(tmp_path, name, columns):
    """The compiled form answers what the library answers on the sparse matrix."""
    before = {"columns": by_columns(), "encoder": OneHotEncoder(), "union": make_union(by_columns())}[columns]
    rows = ROWS[["word", "kind"]] if columns == "encoder" else ROWS
    model = make_pipeline(before, MODELS[name]()).fit(rows, LABELS)

    loaded = pack(model, tmp_path / "bundle", name="sparse", data=rows)

    assert ["onnx"] == loaded.manifest.kinds
