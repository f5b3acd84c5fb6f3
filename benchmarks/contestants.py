"""Every server that is measured: how it is started, how it is asked, what it answers. A new one is one more entry."""

from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.dialects import Dialect, inputs, named, plain, probabilities_of, v2

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / "benchmarks/peers"
OURS = "ml-service"
FLASK, WSGI = "empty Flask view", "raw WSGI"
OUR_WORKER = "empty Flask view, our worker"


@dataclass(frozen=True)
class Contestant:
    """A server: the command that starts it, in an environment below .venv-peers (ours: none).

    In `command` and `environ`, {bin}, {port}, {port2}, {port3}, {workers}, {root} and {folder} (of the model) are
    filled in. `prepare` is a script run once in the model's folder. `note` says which settings were chosen. A `lean`
    one answers less than labels and probabilities, or calls the model once for both: a peer at its quickest.
    """

    name: str
    environment: str | None
    command: str
    dialect: Dialect
    note: str
    environ: dict[str, str] = field(default_factory=dict)
    package: str = ""
    prepare: str = ""
    floor: bool = False
    lean: bool = False


_UVICORN = (
    "{bin}/uvicorn APP:app --app-dir {root}/benchmarks/fastapi --host 127.0.0.1 --port {port} --workers {workers}"
)
_GUNICORN = "{root}/.venv/bin/gunicorn"
_GUNICORN_ENV = {"HOST": "127.0.0.1", "PORT": "{port}", "WEB_CONCURRENCY": "{workers}"}
_FLOOR = f"{_GUNICORN} --chdir {{root}} --config {{root}}/benchmarks/peers/floors/gunicorn.conf.py"


def _floor(name: str, app: str, worker: str) -> Contestant:
    note = f"the same gunicorn settings, {worker} for its worker class, no application"
    environ = {**_GUNICORN_ENV, "FLOOR": app, "FLOOR_WORKER": worker}
    return Contestant(name, None, _FLOOR, plain("/predict"), note, environ, floor=True)


_KSERVE = (
    "{bin}/python {root}/benchmarks/peers/kserve/app.py --http_port {port} --enable_grpc false --workers {workers}"
)


def _mlserver(name: str, note: str, *, lean: bool) -> Contestant:
    environ = {
        "MLSERVER_HOST": "127.0.0.1",
        "MLSERVER_HTTP_PORT": "{port}",
        "MLSERVER_GRPC_PORT": "{port2}",
        "MLSERVER_METRICS_PORT": "{port3}",
        "MLSERVER_PARALLEL_WORKERS": "{pool}",
        "MLSERVER_MODEL_NAME": "model",
        "MLSERVER_MODEL_IMPLEMENTATION": "mlserver_sklearn.SKLearnModel",
        "MLSERVER_MODEL_URI": "{folder}/model.joblib",
    }
    dialect = v2("/v2/models/model/infer", labels_only=lean)
    return Contestant(name, "mlserver", "{bin}/mlserver start .", dialect, note, environ, package="mlserver", lean=lean)


CONTESTANTS = (
    Contestant(
        OURS,
        None,
        f"{_GUNICORN} --chdir {{root}} --config {{root}}/gunicorn.conf.py",
        plain("/predict"),
        "defaults; validation, metrics, prediction log and request id on",
        {**_GUNICORN_ENV, "MODEL_DIR": "{folder}/bundle"},
    ),
    _floor(FLASK, "view", "gthread"),
    _floor(WSGI, "raw", "gthread"),
    _floor(OUR_WORKER, "view", "service.server.worker.Worker"),
    Contestant(
        "FastAPI + uvicorn",
        "fastapi",
        _UVICORN.replace("APP", "app"),
        plain("/predict_batch"),
        "the plain app: predict and predict_proba; access log as it comes",
        package="fastapi",
    ),
    Contestant(
        "FastAPI, lean",
        "fastapi",
        _UVICORN.replace("APP", "lean") + " --no-access-log",
        plain("/predict_batch"),
        "the app trimmed to one call, predict_proba, with argmax for the label; --no-access-log",
        package="fastapi",
        lean=True,
    ),
    _mlserver("MLServer", "mlserver-sklearn's own runtime, V2 JSON; parallel_workers 0: one process", lean=False),
    _mlserver("MLServer, lean", "asked for its default output, the labels alone", lean=True),
    Contestant(
        "BentoML",
        "bentoml",
        "{bin}/bentoml serve app:Model --working-dir {root}/benchmarks/peers/bentoml --host 127.0.0.1 --port {port}",
        named("/predict", "rows"),
        "a service of arrays, `bentoml serve`",
        {"WORKERS": "{workers}", "BENTOML_DO_NOT_TRACK": "True", "MODEL": "{folder}/model.joblib"},
        package="bentoml",
    ),
    Contestant(
        "LitServe",
        "litserve",
        "{bin}/python {root}/benchmarks/peers/litserve/app.py",
        named("/predict", "instances"),
        "one API server and one worker process, fast_queue",
        {"PORT": "{port}", "WORKERS": "{workers}"},
        package="litserve",
    ),
    Contestant(
        "MLflow",
        "mlflow",
        "{bin}/mlflow models serve --model-uri mlflow --env-manager local --host 127.0.0.1 --port {port}"
        " --workers {workers}",
        inputs("/invocations"),
        "`mlflow models serve`, its scikit-learn flavour; it can answer labels only",
        package="mlflow",
        prepare="prepare.py",
    ),
    Contestant(
        "KServe",
        "kserve",
        _KSERVE,
        named("/v1/models/model:predict", "instances"),
        "a custom predictor on its ModelServer, V1 JSON, gRPC off",
        package="kserve",
    ),
    Contestant(
        "KServe, lean",
        "kserve",
        _KSERVE,
        probabilities_of("/v1/models/model:predict", "instances", "predictions"),
        "the same, answering the probabilities alone",
        {"LEAN": "1"},
        package="kserve",
        lean=True,
    ),
    Contestant(
        "Ray Serve",
        "rayserve",
        "{bin}/python {root}/benchmarks/peers/rayserve/app.py",
        named("/", "instances"),
        "one node, no dashboard, RAY_SERVE_THROUGHPUT_OPTIMIZED",
        {
            "PORT": "{port}",
            "WORKERS": "{workers}",
            "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
            "RAY_USAGE_STATS_ENABLED": "0",
        },
        package="ray",
    ),
)
