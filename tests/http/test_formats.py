"""What is chosen by Content-Type, Accept, Content-Encoding and Accept-Encoding."""

import gzip
import io
import json
import zlib

import numpy as np
import pytest

from tests.badinput import JSON, NAMES, ROW
from tests.dialects import ARROW, CSV, LENGTH, NPY, Table, as_npy, read_npy

MANY = [ROW] * 500
TABLE = Table(NAMES, ["float64"] * 4, MANY)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        *(("", JSON), ("*/*", JSON), (NPY, NPY), (CSV, CSV), (ARROW, ARROW), (f"{CSV};q=0.5, {NPY}", NPY)),
        *((f"{JSON}, {NPY}", JSON), (f"{JSON};q=0, {CSV}", CSV), ("text/*", CSV), ("image/png", JSON), ("a;q=x", JSON)),
        ("text/html, application/json;q=0.9, */*;q=0.1", JSON),
    ],
)
def test_the_answer_is_of_the_type_that_is_preferred(server, accept, kind):
    """Of what is offered, the heaviest; JSON where nothing else is wanted (RFC 9110, 12.5.1)."""
    answer = server.predict({"instances": [ROW]}, Accept=accept)

    assert (200, kind) == (answer.status_code, answer.content_type)


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate", "GZIP", "identity"])
def test_a_packed_body_is_what_it_unpacks_to(server, coding):
    """gzip, and deflate as RFC 9110 has it, for JSON and for binary bodies."""
    pack = {"deflate": zlib.compress, "identity": bytes}.get(coding, gzip.compress)
    plain = server.client.post("/predict", data=as_npy(TABLE).body, content_type=NPY)

    answer = server.client.post(
        "/predict", data=pack(as_npy(TABLE).body), content_type=NPY, headers={"Content-Encoding": coding}
    )

    assert 200 == answer.status_code
    assert plain.data == answer.data


def test_the_limit_is_on_what_a_body_unpacks_to(serve):
    """A small body that unpacks to more than the limit is too large; one that stays within is taken."""
    server = serve(MAX_BODY_BYTES="5000")
    for size, status in ((4000, 200), (6000, 413)):
        body = gzip.compress(json.dumps({"features": ROW}).encode() + b" " * size)
        answer = server.client.post("/predict", data=body, content_type=JSON, headers={"Content-Encoding": "gzip"})
        assert len(body) < 200
        assert status == answer.status_code


def test_a_large_answer_is_packed_for_who_accepts_it(serve):
    """From GZIP_BYTES on, and only then; the same answer comes out of it."""
    server = serve(GZIP_BYTES="2000")
    plain = server.predict({"instances": MANY})
    packed = server.predict({"instances": MANY}, **{"Accept-Encoding": "br, gzip"})

    assert "Content-Encoding" not in plain.headers
    assert ("gzip", "Accept-Encoding") == (packed.headers["Content-Encoding"], packed.headers["Vary"])
    assert plain.data == gzip.decompress(packed.data)
    for refusing in ({"Accept-Encoding": "gzip;q=0"}, {}):
        assert "Content-Encoding" not in server.predict({"instances": MANY}, **refusing).headers
    assert "Content-Encoding" not in server.predict({"features": ROW}, **{"Accept-Encoding": "gzip"}).headers


@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4", "<i8", "<i2", "<u1", "<f2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_any_numbers_in_any_order_of_bytes_are_read(server, dtype, order):
    """Numpy's own file is the reference: what it holds as float64 is what the model gets."""
    array = np.asarray(np.array([[5, 3, 1, 0], [6, 3, 5, 2]], dtype=dtype), order=order)
    stream = io.BytesIO()
    np.save(stream, array)

    answer = server.client.post("/predict", data=stream.getvalue(), headers={"Content-Type": NPY, "Accept": NPY})

    expected = server.predict({"instances": array.astype(float).tolist()}).json
    assert (expected["predictions"], expected["probabilities"]) == read_npy(answer.data, answer.headers)
    assert array.astype(float).tolist() == server.logged()[0]["inputs"]


@pytest.mark.parametrize("datatype", ["FP16", "FP32", "FP64", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT64"])
def test_every_numeric_datatype_is_read_from_bytes_and_from_json(server, datatype):
    """Both forms of a tensor are the same numbers."""
    kind = {"FP": "f", "IN": "i", "UI": "u"}[datatype[:2]]
    data = np.array([[5, 3, 1, 0]], dtype=f"<{kind}{int(datatype.lstrip('FPINTU')) // 8}")
    tensor = {"name": "x", "datatype": datatype, "shape": [1, 4]}
    head = json.dumps({"inputs": [tensor | {"parameters": {"binary_data_size": data.nbytes}}]}).encode()

    binary = server.client.post("/v2/models/iris/infer", data=head + data.tobytes(), headers={LENGTH: str(len(head))})
    plain = server.client.post("/v2/models/iris/infer", json={"inputs": [tensor | {"data": data.tolist()}]})

    assert 200 == plain.status_code
    assert plain.json == binary.json


def test_only_the_chosen_outputs_come_each_as_it_was_asked_for(server):
    """An output's own binary_data comes before the request's binary_data_output; the id comes back."""
    tensor = {"name": "x", "datatype": "FP64", "shape": [1, 4], "data": ROW}
    outputs = [{"name": "predict_proba", "parameters": {"binary_data": True}}, {"name": "predict"}]
    document = {"id": "a-7", "inputs": [tensor], "outputs": outputs}

    mixed = server.client.post("/v2/models/iris/infer", json=document)
    one = server.client.post("/v2/models/iris/infer", json=document | {"outputs": outputs[1:]})

    head = json.loads(mixed.data[: int(mixed.headers[LENGTH])])
    assert ("a-7", ["predict_proba", "predict"]) == (head["id"], [output["name"] for output in head["outputs"]])
    assert (24, [0]) == (head["outputs"][0]["parameters"]["binary_data_size"], head["outputs"][1]["data"])
    assert ["predict"] == [output["name"] for output in one.json["outputs"]]
    assert JSON == one.content_type


def test_probabilities_are_answered_where_a_protocol_has_a_word_for_them(server):
    """TensorFlow Serving's signature name, Vertex AI's parameters, MLflow's params."""
    expected = server.predict({"instances": [ROW]}).json["probabilities"]

    for path, more in (
        ("/v1/models/iris:predict", {"signature_name": "predict_proba"}),
        ("/v1/models/iris:predict", {"parameters": {"signature_name": "predict_proba"}}),
        ("/invocations", {"params": {"predict_method": "predict_proba"}}),
    ):
        assert {"predictions": expected} == server.client.post(path, json={"instances": [ROW], **more}).json
        wrong = json.loads(json.dumps(more).replace("predict_proba", "other"))
        assert 400 == server.client.post(path, json={"instances": [ROW], **wrong}).status_code


@pytest.mark.parametrize(
    ("kind", "status"), [("text/csv", 422), ("text/csv; header=absent", 422), ("text/csv; header=present", 200)]
)
def test_csv_says_whether_its_first_line_has_names(server, kind, status):
    """A line of names is known by a name of the model, or by what the content type says (RFC 7111)."""
    body = ",".join(NAMES).replace("sepal", "SEPAL").encode() + b"\n1,2,3,4\n"
    good = ",".join(NAMES).encode() + b"\r\n1,2,3,4\r\n"

    assert 422 == server.client.post("/predict", data=body, content_type=kind).status_code
    expected = 422 if kind.endswith("absent") else 200
    assert expected == server.client.post("/predict", data=good, content_type=kind).status_code


@pytest.mark.parametrize("head", [[], [",".join(NAMES)], [",".join(f'"{name}"' for name in NAMES)]])
def test_long_csv_is_read_as_short_is(server, head):
    """Lines of plain numbers are parsed all at once; that changes nothing of an answer or a refusal."""
    line = ",".join(map(str, ROW))

    def ask(*lines):
        return server.client.post("/predict", data="\r\n".join([*head, *lines]), content_type="text/csv").json

    one = ask(line)
    for last in (line, ",".join(f'"{cell}"' for cell in ROW)):
        assert [one["predictions"][0]] * 301 == ask(*[line] * 300, last)["predictions"]
    assert one["probabilities"] * 301 == ask(*[line] * 301)["probabilities"]
    for wrong in ("1,2,3", "1,2,3,x", "1,2,,4", "1,2,3,nan", "1,2,3,1e999"):
        alone, last = ask(line, wrong), ask(*[line] * 300, wrong)
        assert alone["code"] == last["code"]
        assert [each["pointer"].replace("/1", "/300") for each in alone["errors"]] == [
            each["pointer"] for each in last["errors"]
        ]


def test_csv_with_another_separator_is_told_so(server):
    """A spreadsheet of another country writes semicolons."""
    answer = server.client.post("/predict", data="5.1;3.5;1.4;0.2\n", headers={"Content-Type": "text/csv"})

    assert (422, "wrong_feature_count") == (answer.status_code, answer.json["code"])
    assert "4 values between commas, got 1, which holds ';'" in answer.json["detail"]
