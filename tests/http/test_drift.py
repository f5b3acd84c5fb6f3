"""GET /model/drift, and the metrics that say the same."""

import hashlib
import json
import math

import jsonschema_rs
import pytest
from sklearn.datasets import load_iris

from model.bundle.manifest import read_bundle
from service.config.settings import SettingError, Settings
from service.drift.counting import RowCounter
from service.serving import fetch
from tests.badinput import JSON

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


def test_the_answer_has_the_shape_that_the_document_says(serve):
    """GET /model/drift is valid by its schema in the OpenAPI document, with and without enough rows."""
    server = serve(DRIFT_LEAST_ROWS="150")
    document = json.loads(server.client.get("/openapi.json").data)
    schema = document["paths"]["/model/drift"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    validator = jsonschema_rs.Draft202012Validator({**schema, "components": document["components"]})

    for _ in range(2):
        assert [] == [str(error) for error in validator.iter_errors(server.client.get("/model/drift").json)]
        predict(server, ROWS)


def test_who_may_read_the_model_may_read_drift(serve, tmp_path):
    """With TOKENS_FILE, a token is needed."""
    tokens = tmp_path / "tokens"
    tokens.write_text(hashlib.sha256(b"secret").hexdigest())
    server = serve(TOKENS_FILE=str(tokens))

    codes = [
        server.client.get("/model/drift", headers=headers).status_code
        for headers in ({}, {"Authorization": "Bearer secret"})
    ]
    assert [401, 200] == codes


def test_huge_rows_are_answered_and_not_compared(serve):
    """They would fill the memory until they are counted."""
    server = serve()
    body = json.dumps({"instances": ROWS[:1]}) + " " * 2**17
    answer = server.client.post("/v1/models/iris:predict", data=body, content_type=JSON)

    assert (200, 0) == (answer.status_code, server.client.get("/model/drift").json["window"]["rows"])


@pytest.mark.parametrize(
    "environ",
    [{"DRIFT_FEATURES": ",".join(f"x{each}" for each in range(101))}, {"DRIFT_ROWS": "400"}],
    ids=["features", "least"],
)
def test_settings_that_cannot_work_are_refused(serve, environ):
    """More than 100 features, and a window that never has DRIFT_LEAST_ROWS (500)."""
    with pytest.raises(SettingError, match="expected at most"):
        serve(**environ)


def test_features_that_the_model_does_not_have_are_refused(iris_bundle):
    """A misspelt name in DRIFT_FEATURES would not be compared."""
    settings = Settings.from_env({"DRIFT_FEATURES": "petal length (cm),petal lenght"})

    with pytest.raises(SettingError, match="DRIFT_FEATURES=petal lenght: expected features of the model: sepal"):
        fetch.load(settings, read_bundle(iris_bundle), frozenset())


def test_features_that_are_named_are_compared(serve):
    """DRIFT_FEATURES, in its order, and no others."""
    server = serve(DRIFT_FEATURES="petal width (cm),sepal width (cm)")

    assert ["petal width (cm)", "sepal width (cm)"] == list(figures(server))
    assert server.metric("drift_feature_psi", feature="petal length (cm)") is None


def test_rows_that_cannot_be_compared_fail_no_scrape(serve, monkeypatch, caplog):
    """Whatever is wrong is logged once; answers, metrics and the window go on."""
    server = serve(DRIFT_LEAST_ROWS="1")

    def fail(*_):
        raise ValueError("odd rows")

    with monkeypatch.context() as patched:
        patched.setattr(RowCounter, "count", fail)
        for _ in range(2):
            predict(server, ROWS)
            assert 0 == server.metric("drift_window_rows")
    predict(server, ROWS)

    assert 150 == server.metric("drift_window_rows")
    assert 1 == caplog.text.count("rows could not be compared with the training data")
