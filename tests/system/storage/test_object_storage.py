"""MODEL_URI: the server and the command fetch a bundle from a real S3 server, whatever happens meanwhile."""

import os
import signal
import subprocess
import threading

import pytest

from tests.badinput import ROW
from tests.bundles import part
from tests.system.conftest import eventually
from tests.system.storage.commands import fetch, start

pytestmark = pytest.mark.storage


def test_the_server_fetches_its_model_before_it_starts(bucket, iris_bundle, serve, tmp_path):
    """With no MODEL_DIR, into a directory that is its user's alone; credentials are in no log."""
    bucket.upload(iris_bundle)
    server = serve(MODEL_DIR="", MODEL_URI=bucket.uri, TMPDIR=str(tmp_path), **bucket.environ)

    status, _ = server.predict({"features": ROW})

    assert (200, "iris") == (status, server.model()["name"])
    assert f"model iris 1 fetched from {bucket.uri}: " in server.errors
    assert "hidden" not in server.errors
    assert 0o700 == (tmp_path / f"ml-service-{os.getuid()}").stat().st_mode & 0o777


@pytest.mark.parametrize(
    ("status", "code", "exit_code", "environ"),
    [
        (403, "storage_denied", 1, {}),
        (404, "bundle_missing", 1, {}),
        (503, "storage_unavailable", 4, {"FETCH_SECONDS": "0.5"}),
        (0, "storage_denied", 1, {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}),
        (0, "storage_denied", 1, {"AWS_ALLOW_HTTP": ""}),
    ],
    ids=["403", "404", "503", "no credentials", "http"],
)
def test_what_fails_is_one_line_with_a_code(bucket, iris_bundle, tmp_path, status, code, exit_code, environ):
    """It says what came and what to do; the exit code says whether trying again may help."""
    bucket.upload(iris_bundle)
    bucket.proxy.status = {"manifest.json": status} if status else {}

    found, said = fetch(bucket, tmp_path / "here", **environ)

    assert (exit_code, 1) == (found, said.count("\n"))
    assert said.startswith(f"ml-service: {code}: ")
    assert not (tmp_path / "here").exists()


def test_a_server_without_its_model_says_why_and_ends(bucket, launch, tmp_path):
    """Nothing is served in its place."""
    server = launch(MODEL_DIR="", MODEL_URI=bucket.uri, TMPDIR=str(tmp_path), **bucket.environ)

    assert 0 != server.process.wait(60)
    assert f"ml-service: bundle_missing: there is no {bucket.uri}/manifest.json" in server.errors


def test_a_fetch_that_is_killed_is_gone_on_with(bucket, iris_bundle, tmp_path):
    """What had come is not sent again: the proxy counts."""
    bucket.upload(iris_bundle)
    file = part(iris_bundle, "skops")
    bucket.proxy.pause = 0.2
    process = start(bucket, tmp_path / "here")
    stage = tmp_path / "here/.fetching"
    eventually(lambda: [p for p in stage.glob("*.part") if 0 < p.stat().st_size < file.stat().st_size], "a part", 60)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (had,) = [path.stat().st_size for path in stage.glob("*.part") if path.stat().st_size < file.stat().st_size]
    bucket.proxy.pause = 0.0
    eventually(lambda: not bucket.proxy.busy, "the end of the answer that nobody takes", 60)
    bucket.proxy.sent.clear()

    code, said = fetch(bucket, tmp_path / "here")

    assert 0 == code, said
    assert file.stat().st_size - had == bucket.proxy.sent[file.name]
    assert file.read_bytes() == (tmp_path / "here" / file.name).read_bytes()


def test_a_full_disk_is_said_and_leaves_what_was_there(bucket, iris_bundle, tmp_path):
    """A file system of 64 KiB has no room for the second bundle beside the first."""
    bucket.upload(iris_bundle)
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", small], check=True)
    try:
        code, said = fetch(bucket, small / "here")
        left = [path for path in small.rglob("*") if path.is_file() and path.suffix != ".part"]
    finally:
        subprocess.run(["umount", small], check=True)

    assert (1, True) == (code, said.startswith("ml-service: no_room: "))
    assert [] == [path.name for path in left if path.parent.name == "here"]


class Load(threading.Thread):
    """Asks for predictions until it is told to stop: the statuses."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.statuses, self.over = server, [], threading.Event()

    def run(self):
        with self.server.connect() as connection:
            while not self.over.is_set():
                self.statuses.append(connection.predict({"features": ROW})[0])


def test_new_versions_are_followed_under_load_and_broken_ones_are_not(bucket, iris_bundle, second, serve, tmp_path):
    """No request fails: while a version comes, while one is broken, while the storage is away."""
    bucket.upload(iris_bundle)
    environ = {**bucket.environ, "WATCH_SECONDS": "0.2", "WEB_CONCURRENCY": "1", "FETCH_SECONDS": "3"}
    server = serve(str(tmp_path / "here"), MODEL_URI=bucket.uri, **environ)
    load = Load(server)
    load.start()

    bucket.put(f"/churn/{part(second, 'skops').name}", b"broken")
    bucket.put("/churn/manifest.json", (second / "manifest.json").read_bytes())
    eventually(lambda: "is not followed for now, the old model stays: bundle_" in server.errors, "a refusal", 60)
    assert "1" == server.model()["version"]
    bucket.upload(second)
    eventually(lambda: server.model()["version"] == "2", "version 2", 60)
    bucket.proxy.status = {"manifest.json": 503}
    eventually(lambda: "the old model stays: storage_unavailable: " in server.errors, "another refusal", 60)
    bucket.proxy.status = {}
    eventually(lambda: f"{bucket.uri} is followed again" in server.errors, "the end of it", 60)
    load.over.set()
    load.join(60)

    assert {200} == set(load.statuses)
    assert server.metric("origin_checks_total") > 2
    assert 0 == server.metric("workers_lost_total")
