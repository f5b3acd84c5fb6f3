"""The container image, built once from a clean clone, and containers of it."""

import json
import os
import subprocess
from contextlib import suppress
from http.client import HTTPException

import pytest

from tests.badinput import ROW
from tests.conftest import ROOT
from tests.system.conftest import Connection, eventually

IMAGE = "ml-service:test"


def docker(*arguments, err=False):
    """Run a docker command and return what it prints, on stdout or, if asked, on stderr."""
    command = [os.environ.get("DOCKER", "docker"), *arguments]
    done = subprocess.run(command, capture_output=True, check=False, env={**os.environ, "DOCKER_BUILDKIT": "1"})
    assert done.returncode == 0, done.stderr.decode()
    return (done.stderr if err else done.stdout).decode().strip()


def build(tag, folder):
    # The builder must reach the package index; on some machines only the host's network does.
    docker("build", "--network", "host", "--tag", tag, str(folder))
    return tag


def rooms(image):
    """Return the folders of an image that hold the product's Python modules, relative to its working directory."""
    program = "from pathlib import Path; print(*{path.parent for path in Path().rglob('*.py')})"
    return set(docker("run", "--rm", "--entrypoint", "python", image, "-c", program).split())


def expected_rooms(*model_rooms):
    """Return the folders that an image should hold: the whole service, and of the model those that it needs."""
    service = {str(path.parent.relative_to(ROOT)) for path in (ROOT / "service").rglob("*.py")}
    return {".", "model", *(f"model/{name}" for name in model_rooms), *service}


@pytest.fixture(scope="session")
def clone(tmp_path_factory):
    """Clone what is committed: no environment, no caches, no bundle."""
    folder = tmp_path_factory.mktemp("clone") / "project"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
    return folder


@pytest.fixture(scope="session")
def image(clone):
    (clone / "secret.env").write_text("TOKEN=planted-secret")
    return build(IMAGE, clone)


class Container:
    """A running container and its published port."""

    def __init__(self, name, port):
        self.name, self.port = name, port

    def state(self, path):
        return docker("inspect", "--format", "{{json " + path + "}}", self.name)

    def ask(self, *arguments, **headers):
        connection = Connection(self.port)
        try:
            return connection.ask(*arguments, **headers)
        finally:
            connection.raw.close()

    def predict(self, document=None):
        body = json.dumps(document or {"features": ROW})
        status, _, content = self.ask("POST", "/predict", body, "application/json")
        return status, json.loads(content)

    def settings(self):
        """Return the line in which the server says how it was set up."""
        line = next(line for line in docker("logs", self.name, err=True).splitlines() if "settings: " in line)
        return dict(pair.partition("=")[::2] for pair in line.partition("settings: ")[2].split())

    def ready(self, path="/health/ready"):
        with suppress(OSError, HTTPException):
            return self.ask("GET", path)[0] == 200
        return False


@pytest.fixture
def mounted(iris_bundle, tmp_path):
    """Give a folder as a platform mounts it: readable by whoever the container runs as."""
    folder = tmp_path / "mounted"
    folder.mkdir(mode=0o755)
    for file in iris_bundle.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    tmp_path.chmod(0o755)
    return folder


@pytest.fixture
def run(image):
    """Run containers of the image, or of one made from it; all are gone at the end."""
    names = []

    def start(*options, inner="8000", arguments=(), tag=image, wait=True):
        names.append(docker("run", "--detach", "--publish", f"127.0.0.1::{inner}", *options, tag, *arguments))
        port = int(docker("port", names[-1], inner).rpartition(":")[2])
        container = Container(names[-1], port)
        if wait:
            eventually(container.ready, "ready")
        return container

    yield start
    for name in names:
        docker("rm", "--force", name)
