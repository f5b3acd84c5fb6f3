"""What hosting platforms do with an image, as they document it: how they start it, probe it, ask it and stop it."""

import json
from dataclasses import dataclass, field
from typing import Any

from tests.badinput import JSON, NAMES, ROW
from tests.dialects import LENGTH

ROWS = [ROW, [6.9, 3.1, 5.1, 2.3]]
CSV, LINES = "text/csv", "application/jsonlines"
TABLE = "\n".join(",".join(map(str, row)) for row in ROWS)
TENSOR = {"name": "input-0", "shape": [2, 4], "datatype": "FP32", "data": ROWS}
VERTEX = "/v1/endpoints/7/deployedModels/8"
READ_ONLY = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")


@dataclass(frozen=True)
class Step:
    """One request and its answer: all of it as bytes, members among others, or the names of all members.

    `about` says what is special about the request, and `within` how many seconds the answer may take.
    """

    request: str
    status: int = 200
    answer: Any = None
    body: Any = None
    kind: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    about: str = ""
    within: float | None = None

    @property
    def method(self) -> str:
        """The method of the request."""
        return self.request.split()[0]

    @property
    def path(self) -> str:
        """The path of the request."""
        return self.request.split()[1]

    @property
    def content(self) -> Any:
        """The body as it is sent."""
        return self.body if isinstance(self.body, str | bytes | None) else json.dumps(self.body)


@dataclass(frozen=True)
class Contract:
    """One platform: how it runs the image, which port it asks, and what.

    `drains` is the path that is to answer 503 after SIGTERM, while the last step is still answered.
    """

    name: str
    source: str
    run: str
    port: str
    steps: tuple[Step, ...]
    options: tuple[str, ...] = ()
    mount: str = ""
    arguments: tuple[str, ...] = ()
    drains: str = ""


CONTRACTS = (
    Contract(
        "Knative",
        "[Runtime contract](https://github.com/knative/specs/blob/main/specs/serving/runtime-contract.md)",
        "`PORT`, any user, nothing to write to",
        "8012",
        (
            Step("GET /health/ready", headers={"User-Agent": "kube-probe/1.34"}),
            Step("GET /health/live", headers={"User-Agent": "kube-probe/1.34"}),
            Step(
                "POST /predict",
                answer={"predictions": [0, 2]},
                body={"instances": ROWS},
                headers={"Forwarded": "for=10.0.0.1;proto=http"},
            ),
        ),
        options=(
            *(*READ_ONLY, "--user", "12345:0", "--env", "PORT=8012"),
            *("--env", "K_SERVICE=iris", "--env", "K_REVISION=iris-1"),
        ),
    ),
    Contract(
        "KServe",
        "[V1](https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol), "
        "[V2](https://github.com/open-inference/open-inference-protocol)",
        "a folder below `/mnt/models`, `--model_name`, `--model_dir`, `--http_port`, any user, nothing to write to",
        "8080",
        (
            Step("GET /v2/health/live"),
            Step("GET /v2/health/ready"),
            Step("GET /v1/models", answer={"models": ["flowers"]}),
            Step("GET /v1/models/flowers", answer={"name": "flowers", "ready": True}),
            Step("POST /v1/models/flowers:predict", answer=b'{"predictions":[0,2]}', body={"instances": ROWS}),
            Step("POST /v1/models/iris:predict", 404, ("error",), {"instances": ROWS}, about="another model"),
            Step("GET /v2"),
            Step("GET /v2/models/flowers", answer={"name": "flowers"}),
            Step("GET /v2/models/flowers/ready"),
            Step(
                "POST /v2/models/flowers/infer",
                400,
                ("error",),
                {"inputs": [TENSOR | {"datatype": "FP9"}]},
                about="an unknown datatype",
            ),
            Step(
                "POST /v2/models/flowers/infer",
                body=b"\0" * 64,
                kind="application/octet-stream",
                headers={LENGTH: "0"},
                about="binary",
            ),
            Step(
                "POST /v2/models/flowers/infer",
                answer={"model_name": "flowers", "id": "1"},
                body={"id": "1", "inputs": [TENSOR]},
            ),
        ),
        options=(*READ_ONLY, "--user", "12345:0"),
        mount="/mnt/models/iris",
        arguments=("--model_name=flowers", "--model_dir=/mnt/models", "--http_port=8080"),
        drains="/v2/health/ready",
    ),
    Contract(
        "SageMaker",
        "[Inference code](https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html)",
        "`docker run IMAGE serve`, the bundle in `/opt/ml/model`, as root",
        "8080",
        (
            Step("GET /ping", within=2),
            Step("GET /execution-parameters", answer={"BatchStrategy": "MULTI_RECORD"}),
            Step("POST /invocations", answer=b"0\r\n2\r\n", body=TABLE, kind=CSV, headers={"Accept": CSV}, about="CSV"),
            Step(
                "POST /invocations",
                answer=b"[0,2]",
                body=TABLE,
                kind=CSV,
                headers={"Accept": JSON},
                about="CSV to JSON",
            ),
            Step(
                "POST /invocations",
                answer=b"0\n2\n",
                body="\n".join(json.dumps({"features": row}) for row in ROWS),
                kind=LINES,
                headers={"Accept": LINES},
                about="JSON Lines",
            ),
            Step("POST /invocations", 415, body="x", kind="application/x-recordio", about="RecordIO"),
            Step(
                "POST /invocations",
                answer=b"[0,2]",
                body=ROWS,
                headers={"X-Amzn-SageMaker-Custom-Attributes": "a"},
                about="a header of SageMaker's",
            ),
        ),
        options=("--user", "0:0"),
        mount="/opt/ml/model",
        arguments=("serve",),
        drains="/ping",
    ),
    Contract(
        "Vertex AI",
        "[Custom containers](https://cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements)",
        "`AIP_HTTP_PORT`, `AIP_HEALTH_ROUTE`, `AIP_PREDICT_ROUTE`",
        "8081",
        (
            Step(f"GET {VERTEX}"),
            Step(f"POST {VERTEX}:predict", 400, ("error",), {"instances": [["x"] * 4]}, about="a row of strings"),
            Step(
                f"POST {VERTEX}:predict",
                answer=b'{"predictions":[0,2]}',
                body={"instances": ROWS, "parameters": {}},
            ),
        ),
        options=tuple(
            part
            for pair in (
                "AIP_HTTP_PORT=8081",
                "AIP_MODE=PREDICTION",
                "AIP_STORAGE_URI=",
                f"AIP_HEALTH_ROUTE={VERTEX}",
                f"AIP_PREDICT_ROUTE={VERTEX}:predict",
            )
            for part in ("--env", pair)
        ),
        drains=VERTEX,
    ),
    Contract(
        "Dockerflow",
        "[Specification](https://github.com/mozilla-services/Dockerflow)",
        "`PORT`, the user of the image, `app` with id 10001",
        "8013",
        (
            Step("GET /__lbheartbeat__", answer=b'{"status":"ok"}'),
            Step("GET /__heartbeat__", answer=b'{"status":"ok"}'),
            Step("GET /__version__", answer={"source": "", "build": ""}),
            Step("POST /predict", answer={"prediction": 0}, body={"features": dict(zip(NAMES, ROW, strict=True))}),
        ),
        options=("--env", "PORT=8013"),
        drains="/__heartbeat__",
    ),
)
