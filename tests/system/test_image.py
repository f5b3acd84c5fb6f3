"""The container image, built from a clean clone and run as strictly as anybody runs it."""

import json
import os
import signal
import subprocess
import tarfile
import threading
import time
from http.client import HTTPException

import pytest

from tests.badinput import ROW
from tests.conftest import ROOT
from tests.system.conftest import Connection, eventually
from tests.system.containers import IMAGE, build, docker, expected_rooms, rooms

pytestmark = pytest.mark.image
PLAIN = "ml-service-plain-fastapi:test"
STRICT = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]


def test_the_image_runs_strictly_confined_as_any_user(run):
    """Read-only, no capabilities, no new privileges, a user nobody made; and it writes nothing."""
    container = run(*STRICT, "--user", "12345:0", "--pids-limit", "128", "--memory", "512m")
    tasks = 'ls /proc/$(cat /proc/1/task/1/children | tr -d " ")/task | wc -l'
    assert "1" == docker("exec", container.name, "sh", "-c", tasks), "threads of the master"

    for _ in range(1000):
        assert 200 == container.predict()[0]

    status, answer = container.predict()
    assert (200, 0) == (status, answer["prediction"])
    assert "" == docker("diff", container.name)


SIGNAL_WORKERS = """
import os, pathlib, sys
master = int(pathlib.Path("/proc/1/task/1/children").read_text())
for child in pathlib.Path(f"/proc/{master}/task/{master}/children").read_text().split():
    os.kill(int(child), int(sys.argv[1]))
"""


def test_the_image_becomes_healthy_and_unhealthy_and_healthy_again(run):
    """HEALTHCHECK asks the server, without curl or a shell, and follows what it says."""
    container = run("--health-interval", "1s", "--health-timeout", "1s", "--health-retries", "2")

    def status(expected):
        eventually(lambda: container.state(".State.Health.Status") == f'"{expected}"', expected)

    status("healthy")
    docker("exec", container.name, "python", "-c", SIGNAL_WORKERS, str(int(signal.SIGSTOP)))
    status("unhealthy")
    docker("exec", container.name, "python", "-c", SIGNAL_WORKERS, str(int(signal.SIGCONT)))
    status("healthy")
    test = json.loads(docker("inspect", "--format", "{{json .Config.Healthcheck.Test}}", IMAGE))
    assert ["CMD", "python", "-S", "-m", "service.server.healthcheck"] == test


def test_stopping_under_load_answers_what_is_in_flight_and_exits_0(run):
    """`docker stop` within its 10 s; every client that was served is served to its last request."""
    container = run()
    lost, answered = [], []
    body = json.dumps({"instances": [ROW] * 2000})

    def client():
        connection, closing = Connection(container.port), None
        while closing != "close":
            try:
                status, headers, _ = connection.ask("POST", "/predict", body, "application/json")
            except (OSError, HTTPException) as error:
                lost.append(repr(error))
                break
            answered.append(status)
            closing = headers.get("Connection")
        connection.raw.close()

    clients = [threading.Thread(target=client) for _ in range(4)]
    for each in clients:
        each.start()
    eventually(lambda: len(answered) > 20, "load")
    start = time.monotonic()
    docker("stop", container.name)
    took = time.monotonic() - start
    for each in clients:
        each.join()

    assert [] == lost
    assert {200} == set(answered)
    assert "0" == container.state(".State.ExitCode")
    assert took < 10


def test_a_mounted_bundle_takes_the_place_of_the_one_inside(run, tmp_path):
    """The same image serves another model, read-only, from a volume."""
    bundle = tmp_path / "bundle"
    script = (
        "import sys; from sklearn.datasets import load_wine; from sklearn.linear_model import LinearRegression;"
        "from model.packing.pack import pack; rows, labels = load_wine(return_X_y=True, as_frame=True);"
        "pack(LinearRegression().fit(rows, labels), sys.argv[1], name='wine', data=rows)"
    )
    subprocess.run([ROOT / ".venv/bin/python", "-c", script, bundle], cwd=ROOT, check=True)
    container = run("--volume", f"{bundle}:/model:ro", *STRICT)

    assert "wine" == json.loads(container.ask("GET", "/model")[2])["name"]
    assert 200 == container.predict({"features": [1] * 13})[0]


def test_workers_follow_the_containers_cpu_quota(run):
    """One CPU, one worker, however many cores the host has."""
    container = run("--cpus", "1")

    assert "WEB_CONCURRENCY=1 " in docker_logs(container)


def docker_logs(container):
    command = [os.environ.get("DOCKER", "docker"), "logs", container.name]
    return subprocess.run(command, capture_output=True, check=True).stderr.decode()


def test_stdout_has_the_prediction_log_and_nothing_else(run):
    """Each line of a container's stdout is one request."""
    container = run()
    for _ in range(10):
        container.predict()

    lines = docker("logs", container.name).splitlines()
    assert ["ok"] * 10 == [json.loads(line)["code"] for line in lines]


def test_the_image_holds_only_what_serving_needs(image, tmp_path):
    """No pip, compiler, test, data, training code, secret or setuid program; metadata as the standards have it."""
    config = json.loads(docker("inspect", "--format", "{{json .Config}}", image))
    assert ("10001:10001", "SIGTERM") == (config["User"], config["StopSignal"])
    assert ["dumb-init", "--single-child", "entrypoint.sh"] == config["Entrypoint"]
    assert {"title", "description", "version", "revision", "created", "ml-service.sbom"} == {
        label.removeprefix("org.opencontainers.image.") for label in config["Labels"]
    }
    assert f"BUILD_REVISION={config['Labels']['org.opencontainers.image.revision']}" in config["Env"]
    archive = tmp_path / "root.tar"
    name = docker("create", image)
    docker("export", "--output", str(archive), name)
    docker("rm", name)
    with tarfile.open(archive) as root:
        members = [member for member in root if member.isfile()]
    packages = {member.name.partition("site-packages/")[2].split("/")[0] for member in members}
    assert not packages & {"pip", "setuptools", "wheel", "pytest", "pandas", "ensurepip"}
    assert [] == [member.name for member in members if member.mode & 0o6000]
    words = (
        "/bin/pip",
        "/bin/gcc",
        "/bin/cc",
        "secret.env",
        "sklearn/datasets/data/",
        ".csv",
    )
    assert [] == [member.name for member in members for word in words if word in f"/{member.name}"]
    app = {member.name for member in members if member.name.startswith("app/")}
    assert not any("/tests/" in file or ".git" in file for file in app)


def test_the_image_holds_the_rooms_that_serving_needs(image):
    """The whole service; of the model neither packing nor the export to ONNX."""
    assert expected_rooms("bundle", "commands", "engines", "sklearn_runtime", "storage") == rooms(image)


def test_the_image_is_smaller_than_the_plain_one(image, clone):
    """docs/operations.md states both sizes; this one is the smaller, on the same base."""
    build(PLAIN, clone / "benchmarks/fastapi")
    ours, plain, base = (
        int(docker("inspect", "--format", "{{.Size}}", name)) for name in (image, PLAIN, "python:3.11-slim")
    )

    assert base < ours < plain
    page = (ROOT / "docs/operations.md").read_text()
    for size in (ours, plain):
        assert any(f"{round(size / 1e6) + off} MB" in page for off in (-2, -1, 0, 1, 2)), round(size / 1e6)
