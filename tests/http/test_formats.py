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
    """The type with the largest weight is sent, and JSON where none is accepted (RFC 9110, 12.5.1)."""
    answer = server.predict({"instances": [ROW]}, Accept=accept)

    assert (200, kind) == (answer.status_code, answer.content_type)


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate", "GZIP", "identity"])
def test_a_compressed_body_is_read_like_a_plain_one(server, coding):
    """Gzip and deflate, in the names and forms of RFC 9110, have the answer of the plain body."""
    pack = {"deflate": zlib.compress, "identity": bytes}.get(coding, gzip.compress)
    plain = server.client.post("/predict", data=as_npy(TABLE).body, content_type=NPY)

    answer = server.client.post(
        "/predict", data=pack(as_npy(TABLE).body), content_type=NPY, headers={"Content-Encoding": coding}
    )

    assert 200 == answer.status_code
    assert plain.data == answer.data


def test_the_limit_is_on_the_decompressed_body(serve):
    """A small body that decompresses to more than MAX_BODY_BYTES is refused, and one within it is answered."""
    server = serve(MAX_BODY_BYTES="5000")
    for size, status in ((4000, 200), (6000, 413)):
        body = gzip.compress(json.dumps({"features": ROW}).encode() + b" " * size)
        answer = server.client.post("/predict", data=body, content_type=JSON, headers={"Content-Encoding": "gzip"})
        assert len(body) < 200
        assert status == answer.status_code


def test_a_large_answer_is_compressed_for_callers_that_accept_it(serve):
    """An answer of GZIP_BYTES or more is compressed with gzip, and decompresses to the plain answer."""
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
def test_npy_files_of_any_number_type_and_order_are_read(server, dtype, order):
    """The model gets the numbers of a file as float64, whatever their dtype, byte order and memory order."""
    array = np.asarray(np.array([[5, 3, 1, 0], [6, 3, 5, 2]], dtype=dtype), order=order)
    stream = io.BytesIO()
    np.save(stream, array)

    answer = server.client.post("/predict", data=stream.getvalue(), headers={"Content-Type": NPY, "Accept": NPY})

    expected = server.predict({"instances": array.astype(float).tolist()}).json
    assert (expected["predictions"], expected["probabilities"]) == read_npy(answer.data, answer.headers)
    assert array.astype(float).tolist() == server.logged()[0]["inputs"]


@pytest.mark.parametrize("datatype", ["FP16", "FP32", "FP64", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT64"])
def test_every_numeric_datatype_is_read_from_bytes_and_from_json(server, datatype):
    """A tensor has the same answer in both forms, for every datatype of numbers."""
    kind = {"FP": "f", "IN": "i", "UI": "u"}[datatype[:2]]
    data = np.array([[5, 3, 1, 0]], dtype=f"<{kind}{int(datatype.lstrip('FPINTU')) // 8}")
    tensor = {"name": "x", "datatype": datatype, "shape": [1, 4]}
    head = json.dumps({"inputs": [tensor | {"parameters": {"binary_data_size": data.nbytes}}]}).encode()

    binary = server.client.post("/v2/models/iris/infer", data=head + data.tobytes(), headers={LENGTH: str(len(head))})
    plain = server.client.post("/v2/models/iris/infer", json={"inputs": [tensor | {"data": data.tolist()}]})

    assert 200 == plain.status_code
    assert plain.json == binary.json


def test_only_the_chosen_outputs_are_sent_each_in_its_form(server):
    """An output's binary_data overrides the request's binary_data_output; the answer repeats the request's id."""
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


def test_probabilities_are_sent_if_they_are_asked_for(server):
    """TensorFlow Serving's signature_name, Vertex AI's parameters and MLflow's params ask for predict_proba."""
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
def test_a_header_line_is_recognised_or_declared(server, kind, status):
    """The first line of CSV is a header if it names a feature, unless the content type says otherwise (RFC 7111)."""
    body = ",".join(NAMES).replace("sepal", "SEPAL").encode() + b"\n1,2,3,4\n"
    good = ",".join(NAMES).encode() + b"\r\n1,2,3,4\r\n"

    assert 422 == server.client.post("/predict", data=body, content_type=kind).status_code
    expected = 422 if kind.endswith("absent") else 200
    assert expected == server.client.post("/predict", data=good, content_type=kind).status_code


@pytest.mark.parametrize("head", [[], [",".join(NAMES)], [",".join(f'"{name}"' for name in NAMES)]])
def test_long_csv_is_read_like_short_csv(server, head):
    """Many lines of plain numbers are parsed at once; their answers and refusals are those of single lines."""
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


def test_a_refusal_names_another_separator_in_csv(server):
    """In many countries, spreadsheets separate cells by semicolons."""
    answer = server.client.post("/predict", data="5.1;3.5;1.4;0.2\n", headers={"Content-Type": "text/csv"})

    assert (422, "wrong_feature_count") == (answer.status_code, answer.json["code"])
    assert "4 values between commas, got 1, which holds ';'" in answer.json["detail"]
