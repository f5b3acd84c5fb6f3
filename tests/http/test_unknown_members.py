"""A member that a protocol does not know is refused: to drop it might be to answer something else than was asked."""

import json

import pytest

from tests.badinput import NAMES, ROW
from tests.dialects import LENGTH
from tests.dialecttable import INVOCATIONS, VERTEX
from tests.http.conftest import Server

V1, V2, SCORE = "/v1/models/iris:predict", "/v2/models/iris/infer", "/score"
REVERSED = {"columns": NAMES[::-1], "data": [ROW[::-1]]}
TENSOR = {"name": "x", "datatype": "FP64", "shape": [1, 4], "data": ROW}
UNKNOWN = [
    ("/predict", {"instances": [ROW], "columns": NAMES}, "/columns"),
    ("/predict", {"features": ROW, "method": "predict_proba"}, "/method"),
    (V1, {"instances": [ROW], "columns": NAMES[::-1]}, "/columns"),
    (V1, {"inputs": [ROW], "params": {}}, "/params"),
    (V1, {"instances": [ROW], "parameters": {"predict_method": "predict_proba"}}, "/parameters/predict_method"),
    (V1, {"instances": [ROW], "parameters": [1]}, "/parameters"),
    (VERTEX, {"instances": [ROW], "parameters": {"confidenceThreshold": 0.5}}, "/parameters/confidenceThreshold"),
    (SCORE, {"input_data": [ROW[::-1]], "columns": NAMES[::-1]}, "/columns"),
    (SCORE, {"data": [ROW], "columns": NAMES, "dtype": "float"}, "/dtype"),
    (SCORE, {"data": [ROW], "params": {"method": "predict_proba"}}, "/params/method"),
    (SCORE, {"data": [ROW], "method": "other"}, "/method"),
    (SCORE, {"input_data": {**REVERSED, "names": NAMES}}, "/input_data/names"),
    (INVOCATIONS, {"instances": [ROW], "columns": NAMES[::-1]}, "/columns"),
    (INVOCATIONS, {"inputs": [ROW], "params": {"predict_methode": "predict_proba"}}, "/params/predict_methode"),
    (INVOCATIONS, {"dataframe_split": {**REVERSED, "index_names": []}}, "/dataframe_split/index_names"),
    (INVOCATIONS, {"dataframe_split": {**REVERSED, "index": [0, 1]}}, "/dataframe_split/index"),
    (INVOCATIONS, {"instances": [{"features": ROW, "label": 1}]}, "/instances/0/features"),
    (V2, {"inputs": [TENSOR], "columns": NAMES[::-1]}, "/columns"),
    (V2, {"inputs": [TENSOR], "parameters": {"predict_method": "predict_proba"}}, "/parameters/predict_method"),
    (V2, {"inputs": [TENSOR], "parameters": {"content_type": "hg_json"}}, "/parameters/content_type"),
    (V2, {"inputs": [TENSOR], "model_version": 1}, "/model_version"),
    (V2, {"inputs": [TENSOR | {"columns": NAMES}]}, "/inputs/0/columns"),
    (V2, {"inputs": [TENSOR | {"parameters": {"scale": 2}}]}, "/inputs/0/parameters/scale"),
    (V2, {"inputs": [TENSOR], "outputs": [{"name": "predict", "index": 0}]}, "/outputs/0/index"),
    (V2, {"inputs": [TENSOR], "outputs": [{"name": "predict", "parameters": {"x": 1}}]}, "/outputs/0/parameters/x"),
]


@pytest.fixture(scope="module")
def server(iris_bundle):
    return Server(iris_bundle, PREDICT_ROUTE=VERTEX)


@pytest.mark.parametrize(("path", "document", "pointer"), UNKNOWN)
def test_an_unknown_member_is_refused_and_named(server, path, document, pointer):
    """At any depth of any protocol; the answer points at it."""
    answer = server.client.post(path, json=document)

    assert (422 if path == "/predict" else 400) == answer.status_code
    assert f"{pointer}: expected " in answer.text


def test_a_split_data_frame_may_be_the_document_that_azure_sends(server):
    """`columns` beside `data` name the columns of the rows, in whatever order."""
    expected = server.client.post(SCORE, json={"data": [ROW], "method": "predict_proba"}).json

    for document in (
        {**REVERSED, "method": "predict_proba"},
        {**REVERSED, "index": [7], "params": {"predict_method": "predict_proba"}},
        {"input_data": REVERSED, "params": {"predict_method": "predict_proba"}},
    ):
        assert expected == server.client.post(SCORE, json=document).json
    assert server.predict({"instances": [ROW]}).json["probabilities"] == expected


def test_azure_is_asked_for_one_method_in_one_place(server):
    """`method` and `params` say the same thing; of both, one might be meant."""
    document = {"data": [ROW], "method": "predict", "params": {"predict_method": "predict_proba"}}

    assert 400 == server.client.post(SCORE, json=document).status_code


def test_a_signature_that_is_named_twice_is_named_alike(server):
    """TensorFlow Serving's member and Vertex AI's parameter must not contradict each other."""
    document = {"instances": [ROW], "signature_name": "predict_proba"}
    expected = server.client.post(V1, json=document)

    alike = server.client.post(V1, json=document | {"parameters": {"signature_name": "predict_proba"}})
    other = server.client.post(V1, json=document | {"parameters": {"signature_name": "serving_default"}})

    assert (200, expected.data) == (alike.status_code, alike.data)
    assert 400 == other.status_code


@pytest.mark.parametrize(
    "more",
    [
        {"id": None, "model_name": "iris", "model_version": "1", "outputs": None},
        {"parameters": {"content_type": "np", "headers": {"a": "b"}, "priority": 1, "timeout": 5, "sequence_id": 7}},
        {"parameters": {"content_type": None, "predict_method": None}},
        {"outputs": [{"name": name, "parameters": {"binary_data": False}} for name in ("predict", "predict_proba")]},
    ],
)
def test_members_that_cannot_change_the_answer_are_taken(server, more):
    """What KServe's, Triton's and MLServer's clients send beside the tensors, null included."""
    expected = server.client.post(V2, json={"inputs": [TENSOR]})

    answer = server.client.post(V2, json={"inputs": [TENSOR], **more})

    assert (200, expected.data) == (answer.status_code, answer.data)


def test_open_inference_requests_for_another_model_are_not_answered(server):
    """The model's name in the document, which KServe's clients send, is checked like the one in the path."""
    for more in ({"model_name": "other"}, {"model_version": "2"}):
        assert 404 == server.client.post(V2, json={"inputs": [TENSOR], **more}).status_code


def test_base64_is_decoded_in_binary_data_too(victim_bundles, serve):
    """MLServer's content type says how strings are encoded, wherever they stand."""
    server, text = serve(victim_bundles["text"]), b"Y2F0cyBhbmQgZG9ncw=="  # cats and dogs
    tensor = {"name": "text", "datatype": "BYTES", "shape": [1]}
    expected = server.client.post("/v2/models/text/infer", json={"inputs": [tensor | {"data": ["cats and dogs"]}]})
    content = len(text).to_bytes(4, "little") + text
    parameters = {"content_type": "base64", "binary_data_size": len(content)}
    head = json.dumps({"inputs": [tensor | {"parameters": parameters}]}).encode()

    answer = server.client.post("/v2/models/text/infer", data=head + content, headers={LENGTH: str(len(head))})

    assert (200, expected.data) == (answer.status_code, answer.data)
    assert [["cats and dogs"]] == server.logged()[-1]["inputs"]


@pytest.mark.parametrize(
    "rows", [[{"features": ROW}], [{"features": ROW}, ROW], [{"features": dict(zip(NAMES, ROW, strict=True))}]]
)
def test_rows_may_be_wrapped_as_sagemakers_algorithms_have_them(server, rows):
    """`{"features": row}` is a row, in `instances` and in a bare list as in JSON Lines."""
    answer = server.client.post(INVOCATIONS, json={"instances": rows})

    assert {"predictions": [0] * len(rows)} == answer.json
    assert [0] * len(rows) == server.client.post(INVOCATIONS, json=rows).json
