"""Boosters, as the libraries' own `train` returns them, are packed as the files that they would write."""

import catboost
import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost

from model.errors import UnsupportedEstimator
from model.packing.pack import pack

pytestmark = pytest.mark.models
ROWS = pd.DataFrame(np.random.default_rng(0).normal(size=(400, 2)), columns=["net price", "area"])
LABELS = (ROWS["net price"] + ROWS["area"] ** 2 > 1).astype(int)
QUIET = {"iterations": 10, "verbose": 0, "allow_writing_files": False, "loss_function": "Logloss"}
# Each with the probability of the second class that it answers for the rows.
BOOSTERS = {
    "lightgbm": (
        lambda: lightgbm.train({"objective": "binary", "verbose": -1}, lightgbm.Dataset(ROWS, LABELS), 10),
        lambda booster: booster.predict(ROWS),
    ),
    "xgboost": (
        lambda: xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(ROWS, LABELS), 10),
        lambda booster: booster.predict(xgboost.DMatrix(ROWS)),
    ),
    "catboost": (
        lambda: catboost.CatBoost(QUIET).fit(ROWS, LABELS),
        lambda booster: booster.predict(ROWS, prediction_type="Probability")[:, 1],
    ),
}


@pytest.mark.parametrize("library", BOOSTERS)
@pytest.mark.parametrize("data", [ROWS, None], ids=["data", "no data"])
def test_a_booster_answers_labels_and_its_probabilities(tmp_path, library, data):
    """It needs neither an estimator around it nor a pickle."""
    train, asked = BOOSTERS[library]
    booster = train()

    loaded = pack(booster, tmp_path / "bundle", name="booster", data=data)

    found = loaded.engine.predict(ROWS.to_numpy())
    np.testing.assert_allclose(found.probabilities[:, 1], asked(booster), rtol=0, atol=1.2e-7)
    assert (asked(booster) > 0.5).astype(int).tolist() == found.labels.tolist()
    assert loaded.manifest.requires == []


def test_a_booster_of_xgboost_that_stopped_early_must_be_cut(tmp_path):
    """By itself it predicts with trees that its estimator would leave out."""
    data = xgboost.DMatrix(ROWS, np.random.default_rng(1).integers(0, 2, 400))
    options = {"evals": [(data, "same")], "early_stopping_rounds": 2, "verbose_eval": False}
    booster = xgboost.train({"objective": "binary:logistic"}, data, 10, **options)

    with pytest.raises(UnsupportedEstimator, match="stopped early"):
        pack(booster, tmp_path / "bundle", name="booster", data=ROWS)
