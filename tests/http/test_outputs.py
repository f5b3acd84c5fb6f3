"""What a model declares as its outputs is what every protocol answers: a new one needs no change of a protocol."""

import io
import json
from dataclasses import replace

import joblib
import numpy as np
import pyarrow as pa
import pytest
from sklearn.cluster import KMeans
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor, IsolationForest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import BayesianRidge, LogisticRegression, QuantileRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from model.bundle.manifest_checks import check_manifest
from model.commands.cli import main
from model.errors import BundleCorrupt, GoldenMismatch, UnsupportedEstimator
from model.loading import load, verify
from model.onnx_export import compiler, verification
from model.outputs import OutputSpec
from model.packing.pack import pack
from model.packing.signature_reader import read_signature
from model.sklearn_runtime import further_outputs
from service.serving.served_model import ServedModel
from tests.badinput import ROW
from tests.dialects import ARROW, CSV, LENGTH, NPY
from tests.http.conftest import Server

ROWS = [ROW, [6.7, 3.0, 5.2, 2.3]]
SCORES = [[2.5, -1.5, 0.25], [-4.0, 1.5, 3.0]]
KINDS = ["ordinary", "façade"]
PROBABILITIES = [f"probability_{place}" for place in range(3)]
SCORE_COLUMNS = ["score_a", "score_b", "score_c"]


class Scoring:
    """An engine that answers two things more than labels and probabilities, and notes what it is asked for."""

    name = "scoring"
    further = (
        OutputSpec.of_method("decision_function", "float64", SCORE_COLUMNS),
        OutputSpec.of_method("kind", "string"),
    )

    def __init__(self, engine):
        self.engine = engine
        self.asked = []

    def predict(self, rows, further=()):
        self.asked.append(tuple(further))
        known = {"decision_function": np.array(SCORES[: len(rows)]), "kind": np.array(KINDS[: len(rows)])}
        return replace(self.engine.predict(rows), further={method: known[method] for method in further})


@pytest.fixture(scope="module")
def scoring(iris_bundle):
    server, loaded = Server(iris_bundle), load(iris_bundle)
    server.model.current = ServedModel.of(replace(loaded, engine=Scoring(loaded.engine)), 0.0, 100)
    return server


def infer(server, **more):
    tensor = {"name": "x", "datatype": "FP64", "shape": [2, 4], "data": ROWS}
    return server.client.post("/v2/models/iris/infer", json={"inputs": [tensor], **more})


def test_open_inference_describes_and_sends_a_further_output(scoring):
    """The metadata has its type and shape; an answer has its values, also where it alone is asked for."""
    described = scoring.client.get("/v2/models/iris").json["outputs"]
    names = [each["name"] for each in described]
    everything = {
        each["name"]: each for each in infer(scoring, outputs=[{"name": name} for name in names]).json["outputs"]
    }
    (chosen,) = infer(scoring, outputs=[{"name": "decision_function"}]).json["outputs"]

    assert [
        {"name": "predict", "datatype": "INT64", "shape": [-1]},
        {"name": "predict_proba", "datatype": "FP64", "shape": [-1, 3]},
        {"name": "decision_function", "datatype": "FP64", "shape": [-1, 3]},
        {"name": "kind", "datatype": "BYTES", "shape": [-1]},
    ] == described
    assert names == list(everything)
    assert (KINDS, [2]) == (everything["kind"]["data"], everything["kind"]["shape"])
    assert everything["decision_function"] == chosen
    assert ([2, 3], [*SCORES[0], *SCORES[1]]) == (chosen["shape"], chosen["data"])


def test_open_inference_sends_a_further_output_as_binary_data(scoring):
    """Its numbers and strings stand behind the JSON like those of any other output."""
    names = ["kind", "decision_function"]
    answer = infer(scoring, outputs=[{"name": each} for each in names], parameters={"binary_data_output": True})

    size = int(answer.headers[LENGTH])
    sizes = [output["parameters"]["binary_data_size"] for output in json.loads(answer.data[:size])["outputs"]]
    strings, numbers = answer.data[size : size + sizes[0]], answer.data[size + sizes[0] :]
    assert b"".join(len(each).to_bytes(4, "little") + each for each in map(str.encode, KINDS)) == strings
    assert np.array(SCORES).tobytes() == numbers


def ask(server, accept):
    names = ["predictions", "probabilities", "decision_function", "kind"]
    answer = server.predict({"instances": ROWS, "outputs": names}, Accept=accept)
    assert (200, accept) == (answer.status_code, answer.content_type), answer.data
    return answer.data


def test_a_structured_array_has_a_member_for_a_further_output(scoring):
    """It has the output's name and shape."""
    found = np.load(io.BytesIO(ask(scoring, NPY)))

    assert ("predictions", "probabilities", "decision_function", "kind") == found.dtype.names
    assert SCORES == found["decision_function"].tolist()
    assert KINDS == found["kind"].tolist()


def test_a_flat_table_has_the_columns_of_a_further_output(scoring):
    """Arrow and CSV have one column for each value of a row, behind those of labels and probabilities."""
    table = pa.ipc.open_stream(ask(scoring, ARROW)).read_all()
    head, *lines = ask(scoring, CSV).decode().splitlines()

    columns = ["prediction", *PROBABILITIES, *SCORE_COLUMNS, "kind"]
    assert columns == table.column_names
    assert SCORES == [list(row) for row in zip(*(table[name].to_pylist() for name in SCORE_COLUMNS), strict=True)]
    assert KINDS == table["kind"].to_pylist()
    assert ",".join(columns) == head
    assert [[*map(str, scores), kind] for scores, kind in zip(SCORES, KINDS, strict=True)] == [
        line.split(",")[4:] for line in lines
    ]


def test_json_protocols_answer_a_further_output(scoring):
    """The native request names it among its outputs; where a protocol names methods, it is asked for by its own."""
    names = ["decision_function", "kind"]
    many = scoring.predict({"instances": ROWS, "outputs": names}).json
    single = scoring.predict({"outputs": names, "features": ROW}).json
    asked = {"instances": ROWS, "signature_name": "decision_function"}

    assert {"decision_function": SCORES, "kind": KINDS} == many
    assert {"decision_function": SCORES[0], "kind": KINDS[0]} == single
    assert {"predictions": SCORES} == scoring.client.post("/v1/models/iris:predict", json=asked).json
    asked = {"instances": ROWS, "params": {"predict_method": "kind"}}
    assert {"predictions": KINDS} == scoring.client.post("/invocations", json=asked).json


def test_a_further_output_that_is_not_finite_is_an_error(scoring, iris_bundle):
    """No number leaves that JSON has no word for, whichever output it is of."""
    server, loaded = Server(iris_bundle), load(iris_bundle)

    class Infinite(Scoring):
        def predict(self, rows, further=()):
            found = super().predict(rows, further)
            return replace(found, further={**found.further, "decision_function": np.full((len(rows), 3), np.inf)})

    server.model.current = ServedModel.of(replace(loaded, engine=Infinite(loaded.engine)), 0.0, 100)

    answer = server.predict({"instances": ROWS, "outputs": ["decision_function"]})

    assert (422, "no_finite_answer") == (answer.status_code, answer.json["code"])


def test_an_output_that_nobody_asks_for_is_not_computed(scoring):
    """The engine is asked for the named outputs only, in every protocol; an answer to others is as it was."""
    asked = scoring.model.current.loaded.engine.asked
    requests = [
        ({"instances": ROWS}, {}),
        ({"instances": ROWS}, {"Accept": NPY}),
        ({"features": ROW, "outputs": ["probabilities", "predictions"]}, {}),
    ]
    before = len(asked)
    answers = [scoring.predict(document, **headers) for document, headers in requests]
    plain = infer(scoring).json["outputs"]
    infer(scoring, outputs=[{"name": "kind"}, {"name": "predict"}])

    assert [(), (), (), (), ("kind",)] == asked[before:]
    assert ["predictions", "probabilities"] == list(answers[0].json)
    assert ["probabilities", "prediction"] == list(answers[2].json)
    assert 3 == len(answers[2].json["probabilities"])
    assert ["predict", "predict_proba"] == [output["name"] for output in plain]


@pytest.mark.parametrize(
    ("outputs", "pointer"),
    [
        ("decision_function", "/outputs"),
        ([], "/outputs"),
        (["predict_log_proba"], "/outputs/0"),
        (["kind", "kind"], "/outputs/1"),
        ([["kind"]], "/outputs/0"),
        ([None], "/outputs/0"),
        (["kind"] * 1000, "/outputs"),
        (None, "/outputs"),
    ],
    ids=str,
)
def test_an_unknown_output_is_refused_with_what_there_is(scoring, outputs, pointer):
    """The error names the outputs of the model, and points to the one that is wrong."""
    answer = scoring.predict({"instances": ROWS, "outputs": outputs})

    (error,) = answer.json["errors"]
    assert (422, pointer) == (answer.status_code, error["pointer"])
    assert "predictions, probabilities, decision_function, kind" in error["expected"]


def test_the_models_page_lists_what_can_be_asked_for(scoring):
    """Each output with its name, type and columns."""
    answers = scoring.client.get("/model").json["answers"]

    assert ["predictions", "probabilities", "decision_function", "kind"] == [each["name"] for each in answers]
    assert {"name": "decision_function", "dtype": "float64", "columns": SCORE_COLUMNS} == answers[2]
    assert {"name": "kind", "dtype": "string", "columns": None} == answers[3]


DRAW = np.random.default_rng(0)
POINTS = DRAW.normal(size=(120, 3))
TWO = (POINTS[:, 0] > 0).astype(int)
THREE = np.digitize(POINTS[:, 1], [-0.5, 0.5])
NUMBERS = POINTS @ [1.0, -2.0, 0.5]
MODELS = {
    "two classes": (make_pipeline(StandardScaler(), LogisticRegression()).fit(POINTS, TWO), "decision_function"),
    "three classes": (LogisticRegression().fit(POINTS, THREE), "decision_function"),
    "boosting": (GradientBoostingClassifier(n_estimators=5).fit(POINTS, THREE), "decision_function"),
    "outliers": (IsolationForest(n_estimators=5, random_state=0).fit(POINTS), "decision_function"),
    "one to one": (SVC(decision_function_shape="ovo").fit(POINTS, DRAW.integers(0, 4, 120)), "decision_function"),
    "distances": (KMeans(3, n_init=1, random_state=0).fit(POINTS), "transform"),
    "projection": (LinearDiscriminantAnalysis().fit(POINTS, THREE), "transform"),
    "deviation": (BayesianRidge().fit(POINTS, NUMBERS), "predict_std"),
    "process": (make_pipeline(StandardScaler(), GaussianProcessRegressor()).fit(POINTS, NUMBERS), "predict_std"),
}
IN_THE_GRAPH = {"two classes", "three classes", "boosting", "outliers"}


@pytest.mark.parametrize("name", MODELS)
def test_estimators_answer_what_their_methods_do(tmp_path, name):
    """What an estimator computes beyond labels and probabilities is served, by each engine that declares it."""
    estimator, method = MODELS[name]
    pack(estimator, tmp_path / "bundle", name="test", data=POINTS)
    deviation = method == "predict_std"
    expected = estimator.predict(POINTS, return_std=True)[1] if deviation else getattr(estimator, method)(POINTS)

    engines = [load(tmp_path / "bundle", compiled=compiled) for compiled in (True, False)]
    declaring = [loaded for loaded in engines if method in {spec.name for spec in loaded.outputs}]
    names = {loaded.engine.name for loaded in declaring}
    assert ({"onnx", "scikit-learn"} if name in IN_THE_GRAPH else {"scikit-learn"}) == names
    for loaded in declaring:
        server = Server(tmp_path / "bundle")
        server.model.current = ServedModel.of(loaded, 0.0, 200)
        found = server.predict({"instances": POINTS.tolist(), "outputs": [method]})
        assert 200 == found.status_code, found.text
        np.testing.assert_allclose(found.json[method], expected, rtol=1e-9, atol=1e-9)


def test_a_compiled_further_output_that_differs_is_left_out(monkeypatch):
    """The compiled form is kept without it: labels and probabilities are right."""
    estimator, _ = MODELS["three classes"]
    signature = read_signature(estimator, None)
    made, _ = verification.compile_verified(estimator, signature, None, None, slow=True)
    assert ("decision_function",) == made.further
    logistic = compiler.PREDICTORS[LogisticRegression]

    def wrong(graph, *arguments):
        found = logistic(graph, *arguments)
        return replace(found, scores=graph.add("Mul", found.scores, graph.constant(1 + 1e-5)))

    monkeypatch.setitem(compiler.PREDICTORS, LogisticRegression, wrong)

    made, form = verification.compile_verified(estimator, signature, None, None, slow=True)

    assert () == made.further
    assert form.rows > verification.RANDOM_ROWS


def test_a_bundle_whose_further_answers_are_not_its_models_is_refused(iris_bundle):
    """Further outputs are proven by golden rows like all others."""
    loaded = load(iris_bundle)
    golden = loaded.manifest.golden
    scores = [[each + 1 for each in row] for row in golden.further["decision_function"]]
    changed = replace(golden, further={"decision_function": scores})
    verify(loaded)

    with pytest.raises(GoldenMismatch):
        verify(replace(loaded, manifest=replace(loaded.manifest, golden=changed)))
    short = replace(golden, further={"decision_function": scores[:-1]})
    with pytest.raises(BundleCorrupt, match="further outputs"):
        check_manifest(replace(loaded.manifest, golden=short))


QUANTILES = (0.1, 0.5, 0.9)
SETS = {
    "linear": {level: QuantileRegressor(quantile=level, alpha=0).fit(POINTS, NUMBERS) for level in QUANTILES},
    "boosting": {
        str(level): GradientBoostingRegressor(loss="quantile", alpha=level, n_estimators=5).fit(POINTS, NUMBERS)
        for level in QUANTILES[::-1]
    },
}


@pytest.mark.parametrize("name", SETS)
def test_a_set_of_quantiles_is_one_model(tmp_path, name):
    """It predicts the median, and answers all quantiles in their order to who asks for them, compiled or not."""
    joblib.dump(SETS[name], tmp_path / "set.joblib")
    assert 0 == main(["pack", f"{tmp_path}/set.joblib", "--output", f"{tmp_path}/bundle", "--name", "set"], {})
    members = {float(level): estimator for level, estimator in SETS[name].items()}
    expected = np.stack([members[level].predict(POINTS) for level in QUANTILES], axis=1)

    for compiled in (True, False):
        server, loaded = Server(tmp_path / "bundle"), load(tmp_path / "bundle", compiled=compiled)
        server.model.current = ServedModel.of(loaded, 0.0, 200)
        asked = {"instances": POINTS.tolist(), "outputs": ["predictions", "predict_quantiles"]}
        found = server.predict(asked).json
        table = server.predict(asked, Accept=CSV).text

        assert ("onnx" if compiled else "scikit-learn") == loaded.engine.name
        np.testing.assert_allclose(found["predict_quantiles"], expected, rtol=1e-12)
        np.testing.assert_allclose(found["predictions"], expected[:, 1], rtol=1e-12)
        columns = ["prediction", *(f"predict_quantiles_{level}" for level in QUANTILES)]
        assert ",".join(columns) == table.splitlines()[0]


def test_a_set_of_regressors_of_other_columns_is_refused(tmp_path):
    """Its members must take the same rows."""
    found = {0.1: BayesianRidge().fit(POINTS, NUMBERS), 0.9: BayesianRidge().fit(POINTS[:, :2], NUMBERS)}

    with pytest.raises(UnsupportedEstimator, match="different columns"):
        pack(found, tmp_path / "bundle", name="set", data=POINTS)


class Forest:
    """Quantiles as libraries of quantile forests give them: by a parameter of `predict`."""

    def predict(self, rows, quantiles=None):
        return np.array([[level * 10 for level in quantiles] for _ in rows])


def test_quantiles_by_a_parameter_of_predict_are_an_output():
    """Five quantiles are asked for, also where the model is the last step of a pipeline."""
    model = Forest()
    piped = Pipeline([("same", "passthrough"), ("forest", model)])

    assert ("predict_quantiles",) == further_outputs.methods_of(model) == further_outputs.methods_of(piped)
    values = further_outputs.compute("predict_quantiles", model, POINTS[:2])
    spec = further_outputs.spec_of("predict_quantiles", model, values)
    assert [[0.5, 2.5, 5.0, 7.5, 9.5]] * 2 == values.tolist()
    assert ("predict_quantiles_0.05", (5,)) == (spec.columns[0], spec.shape)
    assert further_outputs.spec_of("predict_quantiles", model, values * np.nan) is None
