"""Labels that are chosen by thresholds given at packing."""

from dataclasses import replace

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.svm import LinearSVC

from model.bundle.manifest_checks import check_manifest
from model.commands.cli import main
from model.engines.thresholds import choose_classes
from model.errors import BundleCorrupt, UnsupportedEstimator
from model.loading import load
from model.packing.pack import pack
from service.serving.served_model import ServedModel
from tests.http.conftest import Server

DRAW = np.random.default_rng(0)
ROWS = DRAW.normal(size=(200, 3))
THREE = np.array(["ham", "news", "spam"])[np.digitize(ROWS[:, 0] + DRAW.normal(size=200), [-0.5, 0.5])]
FLAGS = ROWS[:, 0] + DRAW.normal(size=200) > 0


@pytest.mark.parametrize(
    ("thresholds", "probabilities", "expected"),
    [
        ([None, 0.3], [[0.7, 0.3], [0.71, 0.29], [0.1, 0.9]], [1, 0, 1]),
        ([None, 0.9], [[0.1, 0.9], [0.11, 0.89]], [1, 0]),
        ([None, None, 0.2], [[0.45, 0.35, 0.2], [0.35, 0.46, 0.19]], [2, 1]),
        ([0.4, None, 0.2], [[0.5, 0.1, 0.4], [0.6, 0.2, 0.2], [0.3, 0.6, 0.1]], [2, 0, 1]),
        ([0.5, 0.6, 0.7], [[0.4, 0.3, 0.3], [0.3, 0.35, 0.35]], [0, 0]),
        ([1.0, None], [[1.0, 0.0], [0.999, 0.001]], [0, 1]),
    ],
)
def test_a_class_that_reaches_its_threshold_is_chosen(thresholds, probabilities, expected):
    """At the threshold or above; of several the one with the largest ratio; of none, the most probable other class."""
    assert expected == choose_classes(np.array(probabilities), thresholds).tolist()


@pytest.mark.parametrize("compiled", [True, False])
def test_a_served_model_answers_by_its_thresholds(tmp_path, compiled):
    """The labels of every answer are chosen by the thresholds, and probabilities stay what they are."""
    estimator = LogisticRegression().fit(ROWS, THREE)
    pack(estimator, tmp_path / "bundle", name="test", data=ROWS, thresholds={"spam": 0.1})
    probabilities = estimator.predict_proba(ROWS)
    expected = np.where(probabilities[:, 2] >= 0.1, "spam", np.array(["ham", "news"])[probabilities[:, :2].argmax(1)])
    assert (expected != estimator.predict(ROWS)).any()
    server = Server(tmp_path / "bundle")
    server.model.current = ServedModel.of(load(tmp_path / "bundle", compiled=compiled), 0.0, 1000)

    answer = server.predict({"instances": ROWS.tolist()}).json
    row = int(np.flatnonzero(expected != estimator.predict(ROWS))[0])
    single = server.predict({"features": ROWS[row].tolist()}).json

    assert expected.tolist() == answer["predictions"]
    np.testing.assert_allclose(answer["probabilities"], probabilities, atol=1e-9)
    assert ("spam", answer["probabilities"][row][2]) == (single["prediction"], single["probability"])
    assert [None, None, 0.1] == server.client.get("/model").json["thresholds"]


def test_the_command_takes_thresholds_of_labels_that_are_no_strings(tmp_path, capsys):
    """A class is named as it is printed; what is given is shown by `inspect`."""
    joblib.dump(LogisticRegression().fit(ROWS, FLAGS), tmp_path / "flags.joblib")
    bundle = str(tmp_path / "bundle")

    assert 0 == main(["pack", f"{tmp_path}/flags.joblib", "--output", bundle, "--threshold", "True=0.9"], {})
    assert 0 == main(["inspect", bundle], {})

    assert "True from 0.9" in capsys.readouterr().out
    engine = load(tmp_path / "bundle").engine
    found = engine.predict(ROWS)
    assert (found.probabilities[:, 1] >= 0.9).tolist() == found.labels.tolist()


@pytest.mark.parametrize(
    ("estimator", "labels", "thresholds", "reason"),
    [
        (LogisticRegression(), THREE, {"spa": 0.5}, "'spa' is not one of the classes ham, news, spam"),
        (LogisticRegression(), THREE, {"spam": 0}, "expected 0 < t ≤ 1"),
        (LogisticRegression(), THREE, {"spam": float("nan")}, "expected 0 < t ≤ 1"),
        (LinearSVC(), THREE, {"spam": 0.5}, "need a classifier"),
        (MultiOutputClassifier(LogisticRegression()), np.stack([FLAGS, FLAGS], 1), {"True": 0.5}, "need a classifier"),
    ],
)
def test_thresholds_that_mean_nothing_are_refused(tmp_path, estimator, labels, thresholds, reason):
    """Packing says which classes there are, or what the model lacks."""
    with pytest.raises(UnsupportedEstimator, match=reason):
        pack(estimator.fit(ROWS, labels), tmp_path / "bundle", name="test", data=ROWS, thresholds=thresholds)


def test_a_manifest_with_thresholds_of_other_classes_is_refused(iris_bundle):
    """There is one for each class, or there are none."""
    manifest = load(iris_bundle).manifest

    for wrong in ((0.5,), (None, None, None), (0.5, 0.5, 0.5, 0.5)):
        with pytest.raises(BundleCorrupt, match="thresholds"):
            check_manifest(replace(manifest, thresholds=wrong))
