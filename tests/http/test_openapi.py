"""GET /openapi.json: the contract of this server and this model, made once and revalidated."""

import json
import re
from dataclasses import replace

import pytest

from service.errors import TABLE
from service.openapi.errors import ELSEWHERE
from service.server import error_responses
from service.tracing.context import Trace
from tests.badinput import NAMES


def document_of(server, **headers):
    answer = server.client.get("/openapi.json", headers=headers)
    assert 200 == answer.status_code
    return answer.json


def routes_of(server):
    """Return every route of the application as OpenAPI writes it; pages and their files are no part of the contract."""
    return {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in server.app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if not rule.rule.startswith(("/static/", "/docs"))
    }


@pytest.mark.parametrize("environ", [{}, {"PREDICT_ROUTE": "/vertex/predict", "HEALTH_ROUTE": "/vertex/health"}])
def test_the_document_has_every_route_and_no_other(serve, environ):
    """Each path and method of the application is described, under an id of its own."""
    server = serve(**environ)
    paths = document_of(server)["paths"]

    described = {(path, method) for path, methods in paths.items() for method in methods}
    assert routes_of(server) == described
    ids = [operation["operationId"] for methods in paths.values() for operation in methods.values()]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", each) for each in ids)


def test_it_is_revalidated_by_its_etag(server):
    """A strong ETag; a caller who has this very document gets 304 and no body, and nobody keeps it unasked."""
    answer = server.client.get("/openapi.json")
    etag = answer.headers["ETag"]
    again = server.client.get("/openapi.json", headers={"If-None-Match": f'"other", {etag}'})

    assert ("application/json", "no-cache") == (answer.content_type, answer.headers["Cache-Control"])
    assert re.fullmatch(r'"[0-9a-f]{32}"', etag)
    assert (304, b"", etag) == (again.status_code, again.data, again.headers["ETag"])
    assert 200 == server.client.get("/openapi.json", headers={"If-None-Match": '"other"'}).status_code


def test_another_model_is_another_document(server):
    """What is kept belongs to the model that was served then."""
    before = server.client.get("/openapi.json")
    served = server.model.current
    identity = replace(served.contract.identity, version="2")
    server.model.current = replace(served, contract=replace(served.contract, identity=identity))
    after = server.client.get("/openapi.json", headers={"If-None-Match": before.headers["ETag"]})

    assert (200, "2") == (after.status_code, after.json["info"]["version"])


def test_rows_are_described_by_the_models_features(server):
    """Names, types and training ranges of iris; the server refuses no number, so there are no bounds."""
    schemas = document_of(server)["components"]["schemas"]

    by_name = schemas["RowByName"]
    assert NAMES == list(by_name["properties"]) == by_name["required"]
    assert {"number"} == {each["type"] for each in by_name["properties"].values()}
    assert all("In training" in each["description"] for each in by_name["properties"].values())
    assert [0, 1, 2] == schemas["Label"]["enum"]


def codes_of(document):
    """Return every error code that the responses of a document have an example of."""
    contents = [each["content"] for each in document["components"]["responses"].values()]
    return {code for content in contents for media in content.values() for code in media.get("examples", ())}


@pytest.mark.parametrize(("believed", "expected"), [("0", "."), ("1", "/models/churn")])
def test_the_document_names_the_path_of_a_proxy_that_is_believed(serve, believed, expected):
    """FORWARDED_PREFIX=1 lets the proxy say it; whoever else sends the header is not heard."""
    server = serve(FORWARDED_PREFIX=believed)
    plain, below = document_of(server), document_of(server, **{"X-Forwarded-Prefix": "/models/churn"})

    assert (["."], [expected]) == tuple([each["url"] for each in found["servers"]] for found in (plain, below))
    assert plain["paths"] == below["paths"]


def test_every_error_code_has_an_example(serve, tmp_path):
    """All codes of the table, but for those of other paths and methods, and those that nobody reads."""
    tokens = tmp_path / "tokens"
    tokens.write_text("0" * 64)
    server = serve(TOKENS_FILE=str(tokens), ADMIN_BIND="127.0.0.1:1")
    server.model.hashes = None  # the settings describe; whoever asks here has no token

    assert set(TABLE) - ELSEWHERE == codes_of(document_of(server))


def test_a_code_has_the_status_and_the_shape_of_its_protocol(server):
    """An example of an error is what a caller gets: of a real request, but for its ids."""
    responses = document_of(server)["components"]["responses"]
    answer = server.predict({"features": ["abc", 3.5, 1.4, 0.2]}).json
    example = responses["native_422"]["content"]["application/problem+json"]["examples"]["invalid_value"]["value"]

    ids = dict.fromkeys(("request_id", "trace_id", "span_id"), "")
    assert {**answer, **ids} == {**example, **ids}


@pytest.mark.parametrize("code", ["bad_request", "request_timeout", "headers_too_large", "prediction_timeout"])
def test_what_the_http_parser_answers_is_described(server, code):
    """It answers all paths in one shape, without a request id."""
    responses = document_of(server)["components"]["responses"].values()
    contents = [each["content"].get("application/problem+json", {}).get("examples", {}) for each in responses]
    bodies = [each[code]["value"] for each in contents if code in each]
    trace = Trace(bodies[0]["trace_id"], bodies[0]["span_id"])

    assert json.loads(error_responses.answer(code, trace, heads=False).partition(b"\r\n\r\n")[2]) in bodies


def test_tokens_are_a_security_scheme(serve, tmp_path):
    """All operations need a bearer token but health checks, which say less without; without TOKENS_FILE none does."""
    tokens = tmp_path / "tokens"
    tokens.write_text("0" * 64)
    server = serve(TOKENS_FILE=str(tokens))
    unauthorized = server.client.get("/openapi.json")
    server.model.hashes = None
    document = document_of(server)
    operations = {path: each for path, methods in document["paths"].items() for each in methods.values()}

    assert 401 == unauthorized.status_code
    assert "http" == document["components"]["securitySchemes"]["token"]["type"]
    assert [{"token": []}] == document["security"]
    assert [{}, {"token": []}] == operations["/health"]["security"] == operations["/v2/health/ready"]["security"]
    assert "401" in operations["/predict"]["responses"]
    assert "401" not in operations["/health"]["responses"]
    assert "security" not in document_of(serve())


def test_terse_errors_tell_nothing_of_the_model_here_either(serve):
    """The routes, limits and codes are described; names, types, classes, training values and examples are not."""
    server = serve(TERSE_ERRORS="1", ROW_ID="order")
    text = server.client.get("/openapi.json").text
    identity = server.model.current.contract.identity

    words = [*NAMES, "sepal", "petal", "iris", "In training", "decision_function", identity.digest]
    assert [] == [word for word in words if word in text]
    assert {"/predict", "/model"} < set(json.loads(text)["paths"])
    assert "order" in json.loads(text)["components"]["schemas"]["PredictMany"]["properties"], "it is the operator's"
    assert all("examples" not in media for media in bodies_of(json.loads(text)))


def bodies_of(document):
    operations = [each for methods in document["paths"].values() for each in methods.values()]
    return [media for each in operations for media in each.get("requestBody", {}).get("content", {}).values()]


def test_values_that_are_never_logged_are_not_shown(serve):
    """With LOG_REDACT there are no examples, for they are rows of the training data, and no range of that feature."""
    document = document_of(serve(LOG_REDACT=NAMES[2]))
    properties = document["components"]["schemas"]["RowByName"]["properties"]

    assert [True, True, False, True] == ["description" in properties[name] for name in NAMES]
    assert all("examples" not in media for media in bodies_of(document))


def test_columns_beside_the_models_are_described(serve):
    """Columns that may be missing are not required, others may be there, and the row id comes back."""
    environ = {"IGNORE_EXTRA_COLUMNS": "1", "MISSING_COLUMNS": json.dumps({NAMES[3]: 0.2}), "ROW_ID": "order"}
    schemas = document_of(serve(**environ))["components"]["schemas"]
    row = schemas["RowByName"]

    assert NAMES[:3] == row["required"]
    assert (0.2, True) == (row["properties"][NAMES[3]]["default"], row["additionalProperties"])
    assert "order" in row["properties"]
    assert all("order" in schemas[name]["properties"] for name in ("PredictMany", "PredictedOne", "PredictedMany"))


def test_limits_are_described(serve):
    """The most rows bound the lists, and the largest body is said; examples keep to both."""
    document = document_of(serve(MAX_ROWS="1", MAX_BODY_BYTES="60"))
    schemas, operation = document["components"]["schemas"], document["paths"]["/predict"]["post"]

    assert 1 == schemas["PredictMany"]["properties"]["instances"]["maxItems"]
    assert "60 bytes" in operation["requestBody"]["description"]
    assert all(
        len(json.dumps(example["value"])) <= 60
        for example in operation["requestBody"]["content"]["application/json"]["examples"].values()
    )


def test_the_models_description_has_the_members_that_it_says(server):
    """GET /model, its features, answers and score have exactly the members of their schemas."""
    schema, model = (
        document_of(server)["components"]["schemas"]["Model"]["properties"],
        server.client.get("/model").json,
    )

    assert schema.keys() == model.keys()
    assert schema["features"]["items"]["properties"].keys() == model["features"][0].keys()
    assert schema["answers"]["items"]["properties"].keys() == model["answers"][0].keys()
    assert schema["score"]["anyOf"][0]["properties"].keys() == model["score"].keys()
