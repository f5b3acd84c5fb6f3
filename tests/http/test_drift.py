"""GET /model/drift, and the metrics that say the same."""

import math

import pytest
from sklearn.datasets import load_iris

IRIS = load_iris()
ROWS = IRIS.data.tolist()


def predict(server, rows):
    return server.client.post("/v1/models/iris:predict", json={"instances": rows})


def figures(server):
    """Return what is said of each feature, by name."""
    return {each["name"]: each for each in server.client.get("/model/drift").json["features"]}


def test_nothing_is_said_of_a_few_rows(serve):
    """With fewer rows than DRIFT_LEAST_ROWS figures are null as JSON, and NaN as metrics, which are over no limit."""
    server = serve(DRIFT_LEAST_ROWS="151")
    predict(server, ROWS)

    report = server.client.get("/model/drift").json

    assert (150, False) == (report["window"]["rows"], report["window"]["enough"])
    assert {None} == {each["psi"] for each in report["features"]}
    assert math.isnan(server.metric("drift_feature_psi", feature="petal length (cm)"))
    assert math.isnan(server.metric("drift_prediction_psi"))


@pytest.mark.parametrize("column", range(4))
def test_a_feature_in_another_unit_is_named(serve, column):
    """Rows with one feature a thousand times as large: its index and its range are over their limits, no other's."""
    server = serve(DRIFT_LEAST_ROWS="150")
    predict(server, [[1000 * cell if place == column else cell for place, cell in enumerate(row)] for row in ROWS])

    report = server.client.get("/model/drift").json

    name = IRIS.feature_names[column]
    assert {(name, "psi"), (name, "out_of_range_ratio")} <= {
        (each["feature"], each["figure"]) for each in report["over"]
    }
    assert {name, None} >= {each["feature"] for each in report["over"]}
    assert server.metric("drift_feature_psi", feature=name) == figures(server)[name]["psi"]


def test_training_rows_are_not_drift(serve):
    """What the model was trained on is over no limit."""
    server = serve(DRIFT_LEAST_ROWS="150")
    predict(server, ROWS)

    assert [] == server.client.get("/model/drift").json["over"]


def test_values_of_hidden_features_are_not_told(serve):
    """LOG_REDACT: shares of a feature's values are left out, its figures are not."""
    server = serve(DRIFT_LEAST_ROWS="150", LOG_REDACT="petal length (cm)")
    predict(server, ROWS)

    hidden = figures(server)["petal length (cm)"]

    assert ([], None) == (hidden["bins"], hidden["training_range"])
    assert hidden["psi"] < 0.2
