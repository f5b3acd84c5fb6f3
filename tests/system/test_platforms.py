"""Each platform's documented requests, to the same image: only environment, arguments and mounts differ."""

import json

import pytest

from tests.badinput import JSON, ROW
from tests.dialects import LENGTH
from tests.system.conftest import eventually
from tests.system.containers import docker

pytestmark = pytest.mark.image
CSV, LINES = "text/csv", "application/jsonlines"
ROWS = [ROW, [6.9, 3.1, 5.1, 2.3]]
FRAME = {"columns": [f"x{place}" for place in range(4)], "data": ROWS}


@pytest.fixture
def mounted(iris_bundle, tmp_path):
    """Give a folder as a platform mounts it: readable by whoever the container runs as."""
    folder = tmp_path / "mounted"
    folder.mkdir(mode=0o755)
    for file in iris_bundle.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    tmp_path.chmod(0o755)
    return folder


def settings(container):
    """Return the line in which the server says how it was set up."""
    line = next(line for line in docker("logs", container.name, err=True).splitlines() if "settings: " in line)
    return dict(pair.partition("=")[::2] for pair in line.partition("settings: ")[2].split())


def ask(container, path, body=None, kind=JSON, **headers):
    content = body if isinstance(body, (str, bytes, type(None))) else json.dumps(body)
    status, found, answer = container.ask("POST" if body is not None else "GET", path, content, kind, **headers)
    return status, found["Content-Type"], answer


def test_sagemaker(run, mounted):
    """The argument `serve`, a model in /opt/ml/model, port 8080: each format, and the parameters of a batch."""
    container = run("--volume", f"{mounted}:/opt/ml/model:ro", inner="8080", arguments=["serve"])

    found = settings(container)
    assert ("sagemaker", "8080", "/opt/ml/model") == (found["PLATFORM"], found["PORT"], found["MODEL_DIR"])
    assert 200 == ask(container, "/ping")[0]
    assert (200, JSON, b"[0,2]") == ask(container, "/invocations", ROWS)
    text = "\n".join(",".join(map(str, row)) for row in ROWS)
    assert b"0\r\n2\r\n" == ask(container, "/invocations", text, CSV, Accept=CSV)[2]
    assert b"[0,2]" == ask(container, "/invocations", text, CSV, Accept=JSON)[2]
    lines = "\n".join(json.dumps({"features": row}) for row in ROWS)
    assert b"0\n2\n" == ask(container, "/invocations", lines, LINES, Accept=LINES)[2]
    parameters = json.loads(ask(container, "/execution-parameters")[2])
    assert {"MaxConcurrentTransforms", "BatchStrategy", "MaxPayloadInMB"} == set(parameters)
    assert 415 == ask(container, "/invocations", "x", "application/x-recordio")[0]
    # Headers of the platform that the server does not know are ignored.
    assert 200 == ask(container, "/invocations", ROWS, **{"X-Amzn-SageMaker-Custom-Attributes": "a"})[0]
    docker("stop", "--time", "30", container.name)
    assert "0" == container.state(".State.ExitCode")


def test_vertex_ai(run):
    """The AIP variables set port, routes and mode; the default predict route has a colon in it."""
    routes = {"HEALTH": "/v1/endpoints/1/deployedModels/2", "PREDICT": "/v1/endpoints/1/deployedModels/2:predict"}
    variables = {
        "AIP_HTTP_PORT": "8081",
        "AIP_MODE": "PREDICTION",
        "AIP_STORAGE_URI": "",
        **{f"AIP_{name}_ROUTE": route for name, route in routes.items()},
    }
    options = [part for name, value in variables.items() for part in ("--env", f"{name}={value}")]
    container = run(*options, inner="8081")

    assert ("vertex", routes["PREDICT"]) == tuple(settings(container)[name] for name in ("PLATFORM", "PREDICT_ROUTE"))
    assert 200 == ask(container, routes["HEALTH"])[0]
    document = {"instances": ROWS, "parameters": {}}
    assert {"predictions": [0, 2]} == json.loads(ask(container, routes["PREDICT"], document)[2])
    status, _, answer = ask(container, routes["PREDICT"], {"instances": [["x"] * 4]})
    assert (400, ["error"]) == (status, list(json.loads(answer)))


def test_kserve(run, mounted):
    """Knative's PORT, the storage initialiser's mount, the service's name; V1 and V2, JSON and binary."""
    container = run(
        *("--volume", f"{mounted}:/mnt/models:ro", "--env", "PORT=8082", "--env", "MODEL_NAME=flowers"), inner="8082"
    )

    found = settings(container)
    assert ("kserve", "8082", "/mnt/models") == (found["PLATFORM"], found["PORT"], found["MODEL_DIR"])
    assert {"name": "flowers", "ready": True}.items() <= json.loads(ask(container, "/v1/models/flowers")[2]).items()
    predicted = ask(container, "/v1/models/flowers:predict", {"instances": ROWS})
    assert (200, JSON, b'{"predictions":[0,2]}') == predicted
    for path in ("/v2/health/live", "/v2/health/ready", "/v2/models/flowers/ready"):
        assert 200 == ask(container, path)[0]
    tensor = {"name": "input-0", "shape": [2, 4], "datatype": "FP32", "data": ROWS}
    answer = json.loads(ask(container, "/v2/models/flowers/infer", {"id": "1", "inputs": [tensor]})[2])
    assert ("flowers", "1", [0, 2]) == (answer["model_name"], answer["id"], answer["outputs"][0]["data"])
    assert 200 == ask(container, "/v2/models/flowers/infer", b"\0" * 64, "application/octet-stream", **{LENGTH: "0"})[0]
    assert 404 == ask(container, "/v1/models/iris:predict", {"instances": ROWS})[0]


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

    found = settings(container)
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
