"""GET /openapi.json: the contract of this server and this model, made once and revalidated."""

import json
import re
from dataclasses import replace

import pytest

from tests.badinput import NAMES


def document_of(server, **headers):
    answer = server.client.get("/openapi.json", headers=headers)
    assert 200 == answer.status_code
    return answer.json


def routes_of(server):
    """Return every route of the application as OpenAPI writes it; files of pages are no part of the contract."""
    return {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in server.app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if not rule.rule.startswith("/static/")
    }


def rounded(value):
    """Return a JSON value with its numbers rounded: golden answers are those of the packing machine."""
    return json.loads(json.dumps(value), parse_float=lambda text: float(f"{float(text):.6g}"))


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


def test_each_example_gets_its_answer(server):
    """The document's examples are requests that work, and its answers are those that this server gives."""
    operation = document_of(server)["paths"]["/predict"]["post"]
    answers = operation["responses"]["200"]["content"]

    for name, example in operation["requestBody"]["content"]["application/json"]["examples"].items():
        answer = server.client.post("/predict", data=json.dumps(example["value"]), content_type="application/json")
        assert rounded(answers["application/json"]["examples"][name]["value"]) == rounded(answer.json)


@pytest.mark.parametrize(("believed", "expected"), [("0", "."), ("1", "/models/churn")])
def test_the_document_names_the_path_of_a_proxy_that_is_believed(serve, believed, expected):
    """FORWARDED_PREFIX=1 lets the proxy say it; whoever else sends the header is not heard."""
    server = serve(FORWARDED_PREFIX=believed)
    plain, below = document_of(server), document_of(server, **{"X-Forwarded-Prefix": "/models/churn"})

    assert (["."], [expected]) == tuple([each["url"] for each in found["servers"]] for found in (plain, below))
    assert plain["paths"] == below["paths"]
