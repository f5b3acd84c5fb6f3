"""What a model declares as its outputs is what every protocol answers: a new one needs no change of a protocol."""

import io
import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from model.loading import load
from model.outputs import OutputSpec
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
    """An engine that answers two things more than labels and probabilities."""

    name = "scoring"
    further = (
        OutputSpec.of_method("decision_function", "float64", SCORE_COLUMNS),
        OutputSpec.of_method("kind", "string"),
    )

    def __init__(self, engine):
        self.engine = engine

    def predict(self, rows):
        further = {"decision_function": np.array(SCORES[: len(rows)]), "kind": np.array(KINDS[: len(rows)])}
        return replace(self.engine.predict(rows), further=further)


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
    everything = {output["name"]: output for output in infer(scoring).json["outputs"]}
    (chosen,) = infer(scoring, outputs=[{"name": "decision_function"}]).json["outputs"]

    assert [
        {"name": "predict", "datatype": "INT64", "shape": [-1]},
        {"name": "predict_proba", "datatype": "FP64", "shape": [-1, 3]},
        {"name": "decision_function", "datatype": "FP64", "shape": [-1, 3]},
        {"name": "kind", "datatype": "BYTES", "shape": [-1]},
    ] == described
    assert [each["name"] for each in described] == list(everything)
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
    answer = server.predict({"instances": ROWS}, Accept=accept)
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
    """The native answer has it beside the others; where a protocol names methods, it can be asked for."""
    many, single = scoring.predict({"instances": ROWS}).json, scoring.predict({"features": ROW}).json
    asked = {"instances": ROWS, "signature_name": "decision_function"}

    assert (SCORES, KINDS) == (many["decision_function"], many["kind"])
    assert (SCORES[0], KINDS[0]) == (single["decision_function"], single["kind"])
    assert {"predictions": SCORES} == scoring.client.post("/v1/models/iris:predict", json=asked).json
    asked = {"instances": ROWS, "params": {"predict_method": "kind"}}
    assert {"predictions": KINDS} == scoring.client.post("/invocations", json=asked).json


def test_a_further_output_that_is_not_finite_is_an_error(scoring, iris_bundle):
    """No number leaves that JSON has no word for, whichever output it is of."""
    server, loaded = Server(iris_bundle), load(iris_bundle)

    class Infinite(Scoring):
        def predict(self, rows):
            found = super().predict(rows)
            return replace(found, further={**found.further, "decision_function": np.full((len(rows), 3), np.inf)})

    server.model.current = ServedModel.of(replace(loaded, engine=Infinite(loaded.engine)), 0.0, 100)

    answer = server.predict({"instances": ROWS})

    assert (422, "no_finite_answer") == (answer.status_code, answer.json["code"])
