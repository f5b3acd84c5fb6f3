"""POST /predict: labels, probabilities, errors of the model, request ids and timing."""

import json
import logging

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer

from model.packing.pack import pack
from model.prediction import Prediction
from tests.badinput import NAMES, ROW

IRIS = load_iris()


@pytest.fixture
def packed(tmp_path):
    """Pack an estimator fitted on iris (with the given labels) and return its bundle."""

    def make(estimator, labels=IRIS.target):
        pack(estimator.fit(IRIS.data, labels), tmp_path / "bundle", name="test", data=IRIS.data)
        return tmp_path / "bundle"

    return make


def test_one_row_gives_the_label_and_the_probability_of_its_class(server):
    """The README's first example."""
    answer = server.predict({"features": ROW})

    assert answer.status_code == 200
    assert {"prediction": 0, "probability": pytest.approx(0.978, abs=0.001)} == answer.json
    assert answer.content_type == "application/json"


def test_many_rows_give_labels_and_probabilities_in_the_order_of_the_classes(server):
    """Many rows are answered together, equal to the estimator's own answers to the last bit."""
    rows = IRIS.data.tolist()
    expected = server.model.current.loaded.engine.predict(IRIS.data)

    answer = server.predict({"instances": rows}).json

    assert expected.labels.tolist() == answer["predictions"]
    assert expected.probabilities.tolist() == answer["probabilities"]


def test_rows_by_name_in_any_order_equal_rows_by_position(server):
    """Names decide, not their order; rows by name and by position may stand in one request."""
    named = dict(reversed(list(zip(NAMES, ROW, strict=True))))

    assert server.predict({"features": ROW}).data == server.predict({"features": named}).data
    both = server.predict({"instances": [named, ROW]}).json["predictions"]
    assert both == [0, 0]


def test_labels_keep_their_type(serve, packed):
    """String labels come back as strings."""
    server = serve(packed(LogisticRegression(max_iter=1000), IRIS.target_names[IRIS.target]))

    assert server.predict({"features": ROW}).json["prediction"] == "setosa"
    assert server.predict({"instances": [ROW]}).json["predictions"] == ["setosa"]


def test_a_regressor_gives_numbers_and_no_probability(serve, packed):
    """A regressor's answer is its float64, exact through JSON."""
    server = serve(packed(LinearRegression(), IRIS.data[:, 0] * 2))
    expected = server.model.current.loaded.engine.predict(np.array([ROW])).labels[0]

    assert {"prediction": expected} == server.predict({"features": ROW}).json


def test_a_classifier_without_predict_proba_gives_no_probability(serve, packed):
    """What the estimator does not say is not made up."""
    server = serve(packed(RidgeClassifier()))

    assert server.predict({"features": ROW}).json == {"prediction": 0}
    assert server.predict({"instances": [ROW]}).json == {"predictions": [0]}


def test_null_is_taken_where_the_model_takes_missing_values(serve, packed):
    """A model that handles missing values itself gets null as one; what it answers is what it answers on NaN."""
    server = serve(packed(HistGradientBoostingClassifier(max_iter=5)))
    row = [5.1, None, 1.4, 0.2]
    expected = server.model.current.loaded.engine.predict(np.array([row], dtype=float)).probabilities

    answer = server.predict({"instances": [row]}).json

    assert expected.tolist() == answer["probabilities"]


@pytest.mark.parametrize("classes", [[0, 1, 2], [-1, 5, 70_000], ["a", "b", "c"]], ids=["places", "numbers", "texts"])
@pytest.mark.parametrize("count", [7, 700])
def test_predicted_rows_are_counted_by_class(serve, packed, classes, count):
    """Exactly, however many there are and whatever the labels."""
    server = serve(packed(LogisticRegression(max_iter=1000), np.array(classes)[IRIS.target]))
    rows = np.resize(IRIS.data[::10], (count, 4)).tolist()

    found = server.predict({"instances": rows}).json["predictions"]

    for label in classes:
        assert found.count(label) == (server.metric("predictions_total", **{"class": str(label)}) or 0)
    assert count == len(found)


@pytest.mark.parametrize("estimator", [LinearRegression(), RandomForestRegressor(3)], ids=["linear", "float32 trees"])
def test_a_prediction_that_is_not_finite_never_leaves(serve, packed, estimator):
    """NaN has no JSON; rows that the model cannot compute with are a 422 that says so, not a null or a 500."""
    server = serve(packed(estimator, -(IRIS.data[:, 0] ** 3)))

    answer = server.predict({"features": [-1.7e308, 1.7e308, 1.7e308, 1.7e308]})

    assert (answer.status_code, answer.json["code"]) == (422, "no_finite_answer")


def test_a_value_that_a_step_refuses_is_the_callers(serve, packed, caplog):
    """It is of the right kind, but outside of what a step was made for: 422, and the step's own words in the log."""
    model = make_pipeline(PowerTransformer("box-cox"), LogisticRegression())
    server = serve(packed(model, IRIS.target))

    with caplog.at_level(logging.INFO):
        answer = server.predict({"features": [-1.0, 1.0, 1.0, 1.0]})

    assert (answer.status_code, answer.json["code"]) == (422, "value_refused")
    assert "Box-Cox" in caplog.text
    assert "Box-Cox" not in answer.text


def test_a_failure_of_ours_says_its_code_and_nothing_internal(server, caplog):
    """An unexpected exception is logged with its traceback under the request id, and answered without either."""

    class Broken:
        name = "broken"

        def predict(self, rows, further=()):
            raise RuntimeError("secret path /etc/model")

    server.compute_with(Broken())

    answer = server.predict({"features": ROW}, **{"X-Request-ID": "abc-1"})

    assert (answer.status_code, answer.json["code"], answer.json["request_id"]) == (500, "internal_error", "abc-1")
    assert b"secret" not in answer.data
    assert "abc-1" in caplog.text
    assert "secret path" in caplog.text


def test_a_request_beyond_the_slots_is_503_with_retry_after(serve):
    """Beyond its slots the server says at once, or after the wait it was set to, that it is busy."""
    server = serve(PREDICTION_SLOTS="1", QUEUE_SECONDS="0.05")
    inner = []

    class Reentrant:
        name = "reentrant"

        def predict(self, rows, further=()):
            inner.append(server.app.test_client().post("/predict", json={"features": ROW}))
            return Prediction(np.array([0]), np.array([[1.0, 0.0, 0.0]]))

    server.compute_with(Reentrant())

    assert server.predict({"features": ROW}).status_code == 200
    assert (inner[0].status_code, inner[0].json["code"], inner[0].headers["Retry-After"]) == (503, "overloaded", "1")


@pytest.mark.parametrize("given", ["abc", "A-1_2.3", "x" * 128])
def test_a_well_formed_request_id_comes_back(server, given):
    """The caller's id is in the answer and in the log."""
    answer = server.predict({"features": ROW}, **{"X-Request-ID": given})

    assert given == answer.headers["X-Request-ID"]
    assert given == server.logged()[0]["request_id"]


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "a\x00b", "<script>", "ä"])
def test_a_malformed_request_id_is_replaced(server, given):
    """An id that could break a log line or a header is never echoed."""
    answer = server.predict({"features": ROW}, **{"X-Request-ID": given})

    assert given != answer.headers["X-Request-ID"]
    assert len(answer.headers["X-Request-ID"]) == 32


def test_each_answer_says_its_timing_and_model_version(server):
    """Server-Timing has the steps of the request in milliseconds."""
    answer = server.predict({"features": ROW})

    steps = [step.split(";dur=") for step in answer.headers["Server-Timing"].split(", ")]
    assert [name for name, _ in steps] == ["queue", "parse", "predict"]
    assert all(float(duration) >= 0 for _, duration in steps)
    assert answer.headers["X-Model-Version"] == "1"


def test_numbers_survive_the_trip_through_json(server):
    """An int, a huge, a tiny and a 17-digit number reach the model as the float64 they denote."""
    row = [5, 1e300, 5e-324, 0.1 + 0.2]

    server.predict({"features": row})

    assert row == server.logged()[0]["inputs"][0]
    assert json.dumps(row[3]) in server.lines[0].decode()
