"""What the OpenAPI document has of each protocol: its forms of a request, and only what is on."""

import json
import re

import pytest

VERTEX = {"PREDICT_ROUTE": "/vertex/predict", "HEALTH_ROUTE": "/vertex/health"}
METHOD = "predict_proba"


def paths_of(server):
    return server.client.get("/openapi.json").json["paths"]


@pytest.mark.parametrize(
    ("path", "members"),
    [
        ("/v1/models/{model}:predict", {"instances", "inputs", "signature_name"}),
        ("/v1/models/{model}/versions/{version}:predict", {"instances", "inputs", "signature_name"}),
        ("/v2/models/{model}/infer", {"inputs", "outputs", "id"}),
        ("/invocations", {"dataframe_split", "dataframe_records", "instances", "inputs", "params"}),
        ("/score", {"input_data", "data", "columns", "index", "method"}),
    ],
)
def test_each_form_of_a_request_has_an_example(server, path, members):
    """Every member that a body may have stands in an example."""
    operation = paths_of(server)[path]["post"]
    content = operation["requestBody"]["content"]["application/json"]["examples"]
    bodies = [each["value"] for each in content.values()]

    assert members == {name for body in bodies if isinstance(body, dict) for name in body}


def test_invocations_has_an_example_of_each_text(server):
    """CSV with and without names, and JSON Lines, each with its answer."""
    operation = paths_of(server)["/invocations"]["post"]
    content = operation["requestBody"]["content"]

    assert {"csv", "csv_with_names"} == set(content["text/csv"]["examples"])
    assert {"lines"} == set(content["application/jsonlines"]["examples"])
    assert {"lines"} == set(operation["responses"]["200"]["content"]["application/jsonlines"]["examples"])


def test_the_routes_of_vertex_are_there_where_they_are_set(serve):
    """They have their own request, with the signature's name among the parameters."""
    paths = paths_of(serve(**VERTEX))
    examples = paths["/vertex/predict"]["post"]["requestBody"]["content"]["application/json"]["examples"]

    assert {"signature_name": METHOD} == examples["method"]["value"]["parameters"]
    assert "get" in paths["/vertex/health"]
    assert not {"/vertex/predict", "/vertex/health"} & set(paths_of(serve()))


@pytest.mark.parametrize("environ", [{"TERSE_ERRORS": "1"}, {"TERSE_ERRORS": "1", **VERTEX}], ids=["terse", "vertex"])
def test_nothing_is_told_of_a_model_that_callers_are_not_to_know(serve, environ):
    """With TERSE_ERRORS the document has every route, and neither a feature's name nor a row."""
    document = json.dumps(serve(**environ).client.get("/openapi.json").json)

    assert not [word for word in ("sepal", "petal", "iris") if word in document]
    assert "/score" in document


@pytest.mark.parametrize("path", ["/v2/models/iris/infer", "/v1/models/iris:predict", "/invocations", "/score"])
def test_bad_input_is_400_in_the_shape_of_the_protocol(server, path):
    """The document has for each code the status and the body that the route answers with."""
    document = server.client.get("/openapi.json").json
    operation = document["paths"][path.replace("iris", "{model}")]["post"]
    named = operation["responses"]["400"]["$ref"].rpartition("/")[2]
    examples = document["components"]["responses"][named]["content"]["application/json"]["examples"]
    answer = server.client.post(path, data="[", content_type="application/json")

    assert (400, "422" in operation["responses"]) == (answer.status_code, False)
    assert set(answer.json) == set(examples["invalid_json"]["value"])


def test_components_have_names_that_openapi_allows(serve):
    """Whatever a protocol is called."""
    components = serve(**VERTEX).client.get("/openapi.json").json["components"]

    assert all(re.fullmatch("[A-Za-z0-9._-]+", name) for each in components.values() for name in each)


@pytest.mark.parametrize("outputs", [0, "", False, {}])
def test_outputs_that_are_no_list_are_refused(server, outputs):
    """What the document does not allow is not taken for a request without outputs; null is."""
    inputs = [{"name": "features", "shape": [1, 4], "datatype": "FP64", "data": [5.1, 3.5, 1.4, 0.2]}]
    bodies = [{"inputs": inputs, "outputs": each} for each in (outputs, None, [])]
    found = [server.client.post("/v2/models/iris/infer", json=body).status_code for body in bodies]

    assert [400, 200, 200] == found
