"""`models:/…`: bundles in a real MLflow server's registry, registered by MLflow's own client."""

import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from urllib.request import Request, urlopen

import pytest

from tests.badinput import ROW
from tests.conftest import ROOT
from tests.system.conftest import end, eventually

pytestmark = pytest.mark.clients
PROGRAMS = ROOT / ".venv-clients/bin"
REGISTER = ROOT / "tests/clients/mlflow_registry.py"
OPTIONS = ["--host", "127.0.0.1", "--port", "0", "--workers", "1", "--serve-artifacts"]


@contextmanager
def tracking_server(folder):
    """Run MLflow's server with a database and artifacts in a folder; yield the environment of its clients."""
    stores = ["--backend-store-uri", "sqlite:///mlflow.db", "--artifacts-destination", "./artifacts"]
    environ = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    log = folder / "log"
    with log.open("wb") as file:
        command = [PROGRAMS / "mlflow", "server", *stores, *OPTIONS]
        process = subprocess.Popen(command, cwd=folder, env=environ, stdout=file, stderr=file)
    try:
        found = eventually(lambda: re.search(r"running on (http://127\.0\.0\.1:\d+)", log.read_text()), "MLflow", 120)
        yield {**environ, "MLFLOW_TRACKING_URI": found.group(1)}
    finally:
        end(process)


def register(environ, *bundles):
    """Register bundles with MLflow's client, as docs/object-storage.md says."""
    command = [PROGRAMS / "python", REGISTER, *bundles]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def move_alias(url, version):
    """Let the alias name another version, by MLflow's REST API."""
    body = {"name": "churn", "alias": "champion", "version": version}
    headers = {"Content-Type": "application/json"}
    route = f"{url}/api/2.0/mlflow/registered-models/alias"
    with urlopen(Request(route, json.dumps(body).encode(), headers), timeout=60) as answer:
        assert 200 == answer.status


def fetch(environ, uri, folder):
    """Run our command: its exit code, and what it says."""
    command = [sys.executable, "-m", "model", "fetch", uri, folder]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_versions_and_aliases_are_fetched_and_followed(serve, iris_bundle, second, tmp_path):
    """By number, by alias, and by an alias that moves while a server follows it; what is not there is named."""
    with tracking_server(tmp_path) as environ:
        register(environ, iris_bundle, second)
        assert 0 == fetch(environ, "models:/churn/2", tmp_path / "two")[0]
        assert contents(second) == contents(tmp_path / "two")
        for version, words in {"9": "has no models:/churn/9", "3": "the artifacts of models:/churn/3 have no "}.items():
            code, said = fetch(environ, f"models:/churn/{version}", tmp_path / "none")
            assert (1, 1) == (code, said.count("\n"))
            assert re.search(f"^ml-service: bundle_missing: .*{words}", said)

        url = environ["MLFLOW_TRACKING_URI"]
        settings = {"MODEL_URI": "models:/churn@champion", "WATCH_SECONDS": "0.2", "WEB_CONCURRENCY": "1"}
        server = serve(str(tmp_path / "alias"), MLFLOW_TRACKING_URI=url, **settings)
        assert contents(iris_bundle) == contents(tmp_path / "alias")
        move_alias(url, "2")
        assert eventually(lambda: server.model()["version"] == "2", "version 2", 60)
        assert 200 == server.predict({"features": ROW})[0]
