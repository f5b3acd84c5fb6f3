"""An MLflow model that says `predict_fn: predict_proba` answers probabilities where MLflow's deployments would."""

import io
import json

import joblib
import numpy as np
import pytest
import yaml
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from model.commands.cli import main
from model.errors import BundleCorrupt, UnsupportedEstimator
from model.loading import load
from model.packing.pack import pack
from tests.badinput import NAMES, ROW
from tests.dialects import CSV, NPY
from tests.http.conftest import Server

ROWS = [ROW, [6.7, 3.0, 5.2, 2.3]]
LINES = "\n".join(map(json.dumps, ROWS))
FLAVOURS = {"sklearn": {"pickled_model": "model.pkl"}, "python_function": {"loader_module": "mlflow.sklearn"}}


def saved(folder, estimator, **more):
    """Write an MLflow model as mlflow.sklearn.save_model does, with more in its python_function flavour."""
    folder.mkdir()
    joblib.dump(estimator, folder / "model.pkl")
    flavours = {**FLAVOURS, "python_function": {**FLAVOURS["python_function"], **more}}
    (folder / "MLmodel").write_text(yaml.safe_dump({"flavors": flavours}))
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mlflow")
    iris = load_iris(as_frame=True)
    model = saved(folder / "model", LogisticRegression(max_iter=1000).fit(*iris_of(iris)), predict_fn="predict_proba")
    assert 0 == main(["pack", str(model), "--output", str(folder / "bundle"), "--name", "case"], {})
    return Server(folder / "bundle")


def iris_of(iris):
    return iris.data, iris.target


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("/invocations", {"instances": ROWS}),
        ("/invocations", {"inputs": ROWS}),
        ("/invocations", {"dataframe_split": {"columns": NAMES[::-1], "data": [row[::-1] for row in ROWS]}}),
        ("/invocations", {"dataframe_split": {"data": ROWS}, "params": {}}),
        ("/invocations", ROWS),
        ("/score", {"data": ROWS}),
        ("/score", {"input_data": {"columns": NAMES, "data": ROWS}, "params": None}),
    ],
)
def test_json_is_answered_with_probabilities(server, path, document):
    """On MLflow's routes, in the envelope that the body asks for; others answer what they always do."""
    expected = server.predict({"instances": ROWS}).json["probabilities"]

    answer = server.client.post(path, json=document).json

    assert expected == (answer["predictions"] if isinstance(document, dict) and path == "/invocations" else answer)
    assert [0, 2] == server.client.post("/v1/models/case:predict", json={"instances": ROWS}).json["predictions"]


def test_other_formats_are_answered_with_probabilities(server):
    """CSV, JSON Lines and npy as Accept says: one line, or one row of a matrix, for each row."""
    expected = server.predict({"instances": ROWS}).json["probabilities"]
    body = "\n".join(",".join(map(str, row)) for row in ROWS)

    def ask(accept, body=body, kind=CSV):
        return server.client.post("/invocations", data=body, headers={"Content-Type": kind, "Accept": accept})

    lines = ask("application/jsonlines", LINES, "application/jsonlines").text.splitlines()
    assert expected == [list(map(float, line.split(","))) for line in ask(CSV).text.splitlines()]
    assert expected == [json.loads(line) for line in lines]
    assert expected == np.load(io.BytesIO(ask(NPY).data)).tolist()
    assert {"predictions": expected} == ask("", ",".join(NAMES) + "\n" + body).json


def test_a_caller_may_ask_for_another_method(server):
    """`params` and `method` say what this request wants."""
    asked = {"params": {"predict_method": "predict"}}

    assert {"predictions": [0, 2]} == server.client.post("/invocations", json={"instances": ROWS, **asked}).json
    assert [0, 2] == server.client.post("/score", json={"data": ROWS, **asked}).json
    assert [0, 2] == server.client.post("/score", json={"data": ROWS, "method": "predict"}).json


@pytest.mark.parametrize("more", [{}, {"predict_fn": "predict"}])
def test_without_it_labels_are_answered(tmp_path, more):
    """An MLflow model answers labels by default."""
    rows, labels = load_iris(return_X_y=True)
    model = saved(tmp_path / "model", DecisionTreeClassifier(max_depth=2).fit(rows, labels), **more)
    main(["pack", str(model), "--output", str(tmp_path / "bundle"), "--name", "case"], {})

    assert [0, 2] == Server(tmp_path / "bundle").client.post("/invocations", json=ROWS).json


def test_several_labels_have_an_array_of_probabilities_each(tmp_path):
    """As JSON by row, in npy as a structured array, in CSV side by side."""
    rows, labels = load_iris(return_X_y=True)
    both = DecisionTreeClassifier(max_depth=2, random_state=0).fit(rows, np.c_[labels, labels % 2])
    pack(both, tmp_path / "bundle", name="case", data=rows, predict_fn="predict_proba")
    server = Server(tmp_path / "bundle")
    expected = server.predict({"instances": ROWS}).json["probabilities"]

    def ask(accept):
        return server.client.post("/invocations", json=ROWS, headers={"Accept": accept})

    assert expected == ask("application/json").json
    found = np.load(io.BytesIO(ask(NPY).data))
    assert expected == [[first.tolist(), second.tolist()] for first, second in found]
    assert [[*first, *second] for first, second in expected] == [
        list(map(float, line.split(","))) for line in ask(CSV).text.splitlines()
    ]


@pytest.mark.parametrize("method", ["predict_log_proba", "score", "other"])
def test_a_method_that_is_not_served_is_refused_at_packing(tmp_path, method):
    """Labels instead of what the model says would be a wrong answer."""
    rows, labels = load_iris(return_X_y=True)

    with pytest.raises(UnsupportedEstimator, match=f"predict, predict_proba.*{method}"):
        pack(DecisionTreeClassifier().fit(rows, labels), tmp_path / "bundle", name="x", data=rows, predict_fn=method)
    assert not (tmp_path / "bundle" / "manifest.json").exists()


def test_a_manifest_with_a_method_that_the_model_lacks_is_corrupt(server, tmp_path):
    """It is checked when the bundle is loaded, as all that a request depends on."""
    manifest = json.loads((server.bundle / "manifest.json").read_text())
    for file in manifest["files"]:
        (tmp_path / file).write_bytes((server.bundle / file).read_bytes())
    (tmp_path / "manifest.json").write_text(json.dumps(manifest | {"predict_fn": "predict_log_proba"}))

    with pytest.raises(BundleCorrupt, match="predict_fn"):
        load(tmp_path)
