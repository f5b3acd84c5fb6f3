"""Every server that is measured: how it is started, how it is asked, what it answers. A new one is one more entry."""

from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.dialects import Dialect, inputs, plain, probabilities_of, v2

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / "benchmarks/peers"
OURS = "ml-service"
FLASK, WSGI = "empty Flask view", "raw WSGI"
OUR_WORKER = "empty Flask view, our worker"


@dataclass(frozen=True)
class Contestant:
    """A server: the command that starts it, in an environment below .venv-peers (ours: none).

    In `command` and `environ`, {bin}, {port}, {port2}, {port3}, {workers}, {root} and {folder} (of the model) are
    filled in. `prepare` is a script run once in the model's folder. `note` says which settings were chosen.
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


_UVICORN = (
    "{bin}/uvicorn app:app --app-dir {root}/benchmarks/fastapi --host 127.0.0.1 --port {port} --workers {workers}"
)
_GUNICORN = "{root}/.venv/bin/gunicorn"
_GUNICORN_ENV = {"HOST": "127.0.0.1", "PORT": "{port}", "WEB_CONCURRENCY": "{workers}"}
_FLOOR = f"{_GUNICORN} --chdir {{root}} --config {{root}}/benchmarks/peers/floors/gunicorn.conf.py"


def _floor(name: str, app: str, worker: str) -> Contestant:
    note = f"the same gunicorn settings, {worker} for its worker class, no application"
    environ = {**_GUNICORN_ENV, "FLOOR": app, "FLOOR_WORKER": worker}
    return Contestant(name, None, _FLOOR, plain("/predict"), note, environ, floor=True)


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
    _floor(OUR_WORKER, "view", "service.worker.Worker"),
    Contestant(
        "FastAPI + uvicorn",
        "fastapi",
        _UVICORN,
        plain("/predict_batch"),
        "the plain app; access log as it comes",
        package="fastapi",
    ),
    Contestant(
        "FastAPI, no access log",
        "fastapi",
        f"{_UVICORN} --no-access-log",
        plain("/predict_batch"),
        "the same with --no-access-log",
        package="fastapi",
    ),
    Contestant(
        "MLServer",
        "mlserver",
        "{bin}/mlserver start .",
        v2("/v2/models/model/infer"),
        "mlserver-sklearn's own runtime, V2 JSON; parallel_workers 0: one process; it answers labels only",
        {
            "MLSERVER_HOST": "127.0.0.1",
            "MLSERVER_HTTP_PORT": "{port}",
            "MLSERVER_GRPC_PORT": "{port2}",
            "MLSERVER_METRICS_PORT": "{port3}",
            "MLSERVER_PARALLEL_WORKERS": "{pool}",
            "MLSERVER_MODEL_NAME": "model",
            "MLSERVER_MODEL_IMPLEMENTATION": "mlserver_sklearn.SKLearnModel",
            "MLSERVER_MODEL_URI": "{folder}/model.joblib",
        },
        package="mlserver",
    ),
    Contestant(
        "BentoML",
        "bentoml",
        "{bin}/bentoml serve app:Model --working-dir {root}/benchmarks/peers/bentoml --host 127.0.0.1 --port {port}",
        probabilities_of("/predict", "rows", None),
        "a service of arrays, `bentoml serve`",
        {"WORKERS": "{workers}", "BENTOML_DO_NOT_TRACK": "True", "MODEL": "{folder}/model.joblib"},
        package="bentoml",
    ),
    Contestant(
        "LitServe",
        "litserve",
        "{bin}/python {root}/benchmarks/peers/litserve/app.py",
        probabilities_of("/predict", "instances", "predictions"),
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
        "`mlflow models serve`, its scikit-learn flavour; it answers labels only",
        package="mlflow",
        prepare="prepare.py",
    ),
    Contestant(
        "KServe",
        "kserve",
        "{bin}/python {root}/benchmarks/peers/kserve/app.py --http_port {port} --enable_grpc false --workers {workers}",
        probabilities_of("/v1/models/model:predict", "instances", "predictions"),
        "a custom predictor on its ModelServer, V1 JSON, gRPC off",
        package="kserve",
    ),
    Contestant(
        "Ray Serve",
        "rayserve",
        "{bin}/python {root}/benchmarks/peers/rayserve/app.py",
        probabilities_of("/", "instances", "predictions"),
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
