"""Further platforms' requests, to the same image; test_contracts.py has those whose contract is more than requests."""

import json

import pytest

from tests.badinput import JSON, ROW
from tests.system.conftest import eventually

pytestmark = pytest.mark.image
CSV, LINES = "text/csv", "application/jsonlines"
ROWS = [ROW, [6.9, 3.1, 5.1, 2.3]]
FRAME = {"columns": [f"x{place}" for place in range(4)], "data": ROWS}


def ask(container, path, body=None, kind=JSON, **headers):
    content = body if isinstance(body, (str, bytes, type(None))) else json.dumps(body)
    status, found, answer = container.ask("POST" if body is not None else "GET", path, content, kind, **headers)
    return status, found["Content-Type"], answer


def test_mlflow(run):
    """Its scoring server's paths and bodies; its Docker images listen where PORT says."""
    container = run("--env", "PORT=5000", inner="5000")

    assert (200, b"\n") == ask(container, "/ping")[::2]
    assert 200 == ask(container, "/health")[0]
    assert 200 == ask(container, "/version")[0]
    names = [feature["name"] for feature in json.loads(ask(container, "/model")[2])["features"]]
    for document in (
        {"dataframe_split": FRAME | {"columns": names}},
        {"dataframe_records": [dict(zip(names, row, strict=True)) for row in ROWS]},
        {"instances": ROWS},
        {"inputs": dict(zip(names, map(list, zip(*ROWS, strict=True)), strict=True))},
    ):
        assert {"predictions": [0, 2]} == json.loads(ask(container, "/invocations", document)[2])
    table = "\n".join([",".join(names), *(",".join(map(str, row)) for row in ROWS)])
    assert {"predictions": [0, 2]} == json.loads(ask(container, "/invocations", table, CSV)[2])
    status, _, answer = ask(container, "/invocations", {"dataframe_split": FRAME})
    assert (400, "BAD_REQUEST") == (status, json.loads(answer)["error_code"])
    assert (415, "text/plain; charset=utf-8") == ask(container, "/invocations", "x", "text/html")[:2]


def test_azure(run, mounted):
    """The model lies in a folder of its own below AZUREML_MODEL_DIR; routes for life, readiness and scoring."""
    root = "/var/azureml-app/azureml-models/iris/1"
    variables = ("--env", f"AZUREML_MODEL_DIR={root}")
    container = run("--volume", f"{mounted}:{root}/iris:ro", *variables, inner="5001")

    found = container.settings()
    assert ("azureml", "5001", f"{root}/iris") == (found["PLATFORM"], found["PORT"], found["MODEL_DIR"])
    assert 200 == ask(container, "/health/live")[0]
    assert b"[0,2]" == ask(container, "/score", {"input_data": ROWS})[2]
    assert b"[0,2]" == ask(container, "/score", {"data": ROWS})[2]
    status, _, answer = ask(container, "/score", {"data": [["x"] * 4]})
    assert (400, ["message"]) == (status, list(json.loads(answer)))


def test_the_health_check_asks_the_port_of_the_platform(run, mounted):
    """HEALTHCHECK follows the environment and the mounts, as the server does."""
    container = run("--volume", f"{mounted}:/mnt/models:ro", "--health-interval", "1s", inner="8080")

    eventually(lambda: container.state(".State.Health.Status") == '"healthy"', "healthy")
