"""The way that docs/models.md has to serve another model, done by its own lines on a real container."""

import json
import os
import re
import subprocess
import uuid

import pytest

from tests.badinput import JSON
from tests.conftest import ROOT
from tests.system.conftest import eventually
from tests.system.containers import IMAGE, Container, docker

pytestmark = pytest.mark.image
ROW = {"instances": [[5.1, 3.5, 1.4, 0.2]]}
FIT = """
import sys
import joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
rows, labels = load_iris(return_X_y=True, as_frame=True)
model = LogisticRegression(max_iter=1000).fit(rows, labels.map(lambda label: f"{sys.argv[1]}-{label}"))
joblib.dump(model, "churn.joblib")
rows.assign(target=labels).to_csv("train.csv", index=False)
"""


def line(*words):
    """Return the page's one command that has all the words."""
    blocks = re.findall(r"```console\n(.*?)```", (ROOT / "docs/models.md").read_text(), re.DOTALL)
    lines = [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    (found,) = [line for line in lines if all(word in line for word in words)]
    return found


@pytest.fixture
def run_line(image, clone):
    """Run the page's lines in a checkout, under names and a port of the test's own, and remove what they made."""
    name, volume = f"churn-{uuid.uuid4().hex[:8]}", f"models-{uuid.uuid4().hex[:8]}"
    if not (clone / ".venv").exists():
        (clone / ".venv").symlink_to(ROOT / ".venv")
    own = {
        "docker run --name churn -p 8000:8000": f"docker run --detach --name {name} -p 127.0.0.1::8000",
        "HUP churn": f"HUP {name}",
        "-v models:": f"-v {volume}:",
        "docker build": "docker build --network host",
        "docker ": f"{os.environ.get('DOCKER', 'docker')} ",
    }

    def run(command):
        for theirs, ours in own.items():
            command = command.replace(theirs, ours)
        command = re.sub(r"^ml-service ", ".venv/bin/python -m model ", command)  # of a checkout
        command = re.sub(r" ml-service(:train)?\b", lambda found: f" {IMAGE}{'-train' if found[1] else ''}", command)
        environ = {**os.environ, "DOCKER_BUILDKIT": "1"}
        done = subprocess.run(["bash", "-ec", command], cwd=clone, env=environ, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return name

    yield run
    docker("rm", "--force", "--volumes", name)
    docker("volume", "rm", "--force", volume)
    subprocess.run(["rm", "-rf", str(clone / "churn")], check=True)


@pytest.fixture
def fit(clone):
    """Leave a fitted estimator of another version, whose labels say which, and its data in the checkout."""

    def fit(version):
        subprocess.run([ROOT / ".venv/bin/python", "-c", FIT, version], cwd=clone, check=True)

    return fit


def serving(name):
    container = Container(name, int(docker("port", name, "8000").rpartition(":")[2]))
    eventually(container.ready, "ready")
    return container


def answers(container):
    """Return the version that answers, and what."""
    status, headers, body = container.ask("POST", "/predict", json.dumps(ROW), JSON)
    assert status == 200
    return headers["X-Model-Version"], json.loads(body)["predictions"]


@pytest.mark.parametrize("by", ["a signal", "watching"])
def test_a_model_packed_into_the_mounted_directory_is_served(run_line, fit, by):
    """Run, pack in its place, signal: each answer is that of its version, and the new version comes."""
    fit("7")
    run_line(line("ml-service pack", "--output churn", "--version 7"))
    command = line("docker run", "churn:/model:ro")
    container = serving(run_line(command if by == "a signal" else command.replace(" -v", " -e WATCH_SECONDS=0.2 -v")))
    assert ("7", ["7-0"]) == answers(container)

    for version in ("8", "7"):
        fit(version)
        run_line(
            line("ml-service pack", "--output churn", "--version 8").replace("--version 8", f"--version {version}")
        )
        if by == "a signal":
            run_line(line("docker kill --signal HUP"))
        eventually(lambda version=version: answers(container) == (version, [f"{version}-0"]), version)
    assert "is not served" not in docker("logs", container.name, err=True)


def test_a_model_packed_into_a_named_volume_is_served(run_line, fit):
    """A new volume has the image's model; the image of the stage that trains packs another into it."""
    fit("8")
    container = serving(run_line(line("docker run", "models:/model:ro")))
    assert "iris" == json.loads(container.ask("GET", "/model")[2])["name"]
    run_line(line("docker build --target train"))
    run_line(line("docker run --rm", "models:/model", "-m model pack"))

    eventually(lambda: answers(container) == ("8", ["8-0"]), "8")
    assert "churn" == json.loads(container.ask("GET", "/model")[2])["name"]
