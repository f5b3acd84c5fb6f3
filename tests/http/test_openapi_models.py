"""The OpenAPI document of models of many kinds: what it says is what the server takes and answers."""

import json
import re
from dataclasses import replace

import pytest

from model.signature import Feature
from service.openapi.document import document
from service.protocols.registry import registry_of
from service.serving.served_model import ServedModel
from tests.http.conftest import Server

PACK = """
import sys
from pathlib import Path
import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.tree import DecisionTreeClassifier
from model.packing.pack import pack
folder, places = Path(sys.argv[1]), np.arange(60)
numbers = pd.DataFrame({"size": places / 7.0, "weight": places % 5})
binary = np.column_stack([places % 2, places % 3 == 0]).astype(int)
labels = np.column_stack([np.array(["low", "high"])[places % 2], np.array(["a", "b", "c"])[places % 3]])
tree = DecisionTreeClassifier(max_depth=2, random_state=0)
boosted = HistGradientBoostingRegressor(max_iter=2)
one = numbers[["size"]].mask(places[:, None] % 10 == 0)
pack(tree.fit(numbers, labels), folder / "several", name="several", data=numbers)
pack(tree.fit(numbers, binary), folder / "yes-or-no", name="yes-or-no", data=numbers)
pack(tree.fit(numbers, np.array(["low", "high"])[places % 2]), folder / "spam", name="spam", data=numbers,
     thresholds={"high": 0.3})
pack(boosted.fit(one, places), folder / "one", name="one", data=one)
"""
KINDS = ["iris", "wide", "mixed", "text", "several", "yes-or-no", "spam", "one"]


@pytest.fixture(scope="session")
def bundles(make_once, victim_bundles):
    """Pack models whose rows, labels and probabilities differ in kind."""
    folder = make_once("-c", PACK)
    return {**victim_bundles, **{path.name: path for path in folder.iterdir()}}


def rounded(value):
    """Return JSON or CSV as text with its numbers rounded: golden answers are those of the packing machine."""
    return re.sub(r"[0-9]+[.][0-9]+(e-?[0-9]+)?", lambda number: f"{float(number[0]):.6g}", json.dumps(value))


def examples_of(paths):
    """Yield each example of a request with its path, media type, name and the media type and value of its answer."""
    for path, methods in paths.items():
        for operation in methods.values():
            answers = operation["responses"]["200"]["content"]
            for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
                for name, example in content.get("examples", {}).items():
                    ((kind, answer),) = [
                        (kind, each["examples"][name])
                        for kind, each in answers.items()
                        if name in each.get("examples", {})
                    ]
                    yield path, media_type, name, example["value"], kind, answer["value"]


@pytest.mark.parametrize("kind", KINDS)
def test_each_example_of_each_route_gets_its_answer(bundles, kind):
    """Every route that predicts and describes its body has an example; sent as it is, it is answered as it says."""
    server = Server(bundles[kind])
    paths = server.client.get("/openapi.json").json["paths"]
    expected, found = {}, {}

    for path, media_type, name, body, accept, answer in examples_of(paths):
        content = json.dumps(body) if media_type == "application/json" else body
        where = path.replace("{model}", kind).replace("{version}", "1")
        got = server.client.post(where, data=content, content_type=media_type, headers={"Accept": accept})
        expected[path, name] = 200, accept, rounded(answer)
        value = got.json if got.is_json else got.text
        found[path, name] = got.status_code, got.content_type.partition(";")[0], rounded(value)

    assert expected == found
    assert {"/predict"} <= {path for path, _ in expected}


# What changes from one request to the next.
MOVING = ("/metrics", "/openapi.json", "/model/drift", "/v2/models/stats", "/v2/models/{model}/stats")
MOVING += ("/v2/models/{model}/versions/{version}/stats",)


@pytest.mark.parametrize("kind", ["iris", "mixed"])
def test_each_page_answers_what_its_example_says(bundles, kind):
    """Every page of a small model has one, in the media type that it answers."""
    server = Server(bundles[kind])
    paths = server.client.get("/openapi.json").json["paths"]
    expected, found = {}, {}

    for path, methods in paths.items():
        if "get" in methods and path not in MOVING:
            content = methods["get"]["responses"]["200"]["content"]
            expected[path] = [each.get("example") for each in content.values()]
            answer = server.client.get(path.replace("{model}", kind).replace("{version}", "1"))
            found[path] = [answer.json if answer.is_json else answer.text]
    found["/model"][0]["loaded_at"] = found["/model"][0]["created_at"]  # so that all servers have the same document

    assert expected == found


def schemas_of(bundle, **environ):
    return Server(bundle, **environ).client.get("/openapi.json").json["components"]["schemas"]


def test_columns_of_several_types_are_described_one_by_one(bundles):
    """Numbers, strings, truth values and dates, each with its type; null only where the model takes it."""
    schemas = schemas_of(bundles["mixed"])
    properties = schemas["RowByName"]["properties"]

    types = [properties[name]["type"] for name in "asbd"]
    assert ["number", ["string", "null"], "boolean", ["string", "null"]] == types
    assert "pattern" in properties["d"]
    assert all("enum" not in each for each in properties.values()), "this encoder takes unknown categories"
    assert "'x' 33%" in properties["s"]["description"]
    assert ["number", "null"] == schemas_of(bundles["one"])["RowByName"]["properties"]["size"]["type"]


def test_a_row_of_a_model_of_text_may_be_a_bare_string(bundles):
    """It is a third form beside list and object, with an example."""
    assert {"type": "string"} in schemas_of(bundles["text"])["Row"]["anyOf"]


@pytest.mark.parametrize(
    ("kind", "label"),
    [
        ("iris", {"type": "integer", "enum": [0, 1, 2]}),
        ("one", {"type": "number"}),
        ("yes-or-no", {"type": "array", "items": {"type": "integer", "enum": [0, 1]}, "minItems": 2, "maxItems": 2}),
        (
            "several",
            {
                "type": "array",
                "minItems": 2,
                "maxItems": 2,
                "prefixItems": [
                    {"type": "string", "enum": ["high", "low"]},
                    {"type": "string", "enum": ["a", "b", "c"]},
                ],
            },
        ),
        (
            "spam",
            {
                "type": "string",
                "enum": ["high", "low"],
                "description": "A class is answered from this probability on: 'high' 0.3.",
            },
        ),
    ],
)
def test_labels_are_described_by_their_classes(bundles, kind, label):
    """One label or a list of them, the classes by name, thresholds in words; a regressor answers any number."""
    assert label == schemas_of(bundles[kind])["Label"]


def test_a_model_without_probabilities_has_none_in_its_answers(bundles):
    """A regressor answers its number, and nothing else."""
    schemas = schemas_of(bundles["one"])

    assert ["prediction"] == list(schemas["PredictedOne"]["properties"])
    assert "Probabilities" not in schemas


@pytest.mark.parametrize(
    ("features", "described"),
    [
        ([Feature(f"f{place}", nullable=True) for place in range(10_000)], 10_000),
        ([Feature(f"f{place}", nullable=True) for place in range(50_000)], 0),
        ([Feature(f"{'n' * 1000}{place}", nullable=True) for place in range(1000)], 0),
        ([Feature("s", "string", nullable=True, categories=tuple(map(str, range(300_000))))], 1),
        ([Feature("s", "string", nullable=True, categories=("x" * 10**6, "y"))], 1),
        (
            [
                Feature(f"f{place}", "string", nullable=True, categories=tuple(f"category {one}" for one in range(150)))
                for place in range(500)
            ],
            500,
        ),
    ],
    ids=["many features", "more features", "long names", "many categories", "long categories", "many of both"],
)
def test_the_document_of_a_large_model_stays_small(iris_bundle, features, described):
    """At most 1.5 MB: beyond a limit, features are not named one by one, and categories are not listed."""
    server = Server(iris_bundle)
    served = server.model.current
    signature = replace(served.contract.signature, features=tuple(features))
    golden = replace(served.loaded.manifest.golden, rows=[[None] * len(features)] * 32)
    manifest = replace(served.loaded.manifest, signature=signature, golden=golden, baseline=None)
    large = ServedModel.of(replace(served.loaded, manifest=manifest), 0.0, 10_000)

    content = document(server.settings, registry_of(server.settings), large)

    by_name = json.loads(content)["components"]["schemas"]["RowByName"]
    assert described == len(by_name.get("properties", ()))
    assert len(content) < 1_500_000
