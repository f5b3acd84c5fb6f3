"""`serve`: the command that becomes the server."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.system.conftest import command_of, eventually
from tests.terminal import Terminal
from tests.webfolder import WebFolder, serving

SERVE = [sys.executable, "-m", "model", "serve"]
ROW = {"features": [5.1, 3.5, 1.4, 0.2]}


def refused(*arguments, **environ):
    """Run a `serve` that cannot start; return its exit code and stderr."""
    done = subprocess.run(
        [*SERVE, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.fixture
def browser(tmp_path):
    """Write a browser that records what it is asked to open; return its command and its record."""
    record, script = tmp_path / "opened", tmp_path / "browser"
    script.write_text(f'#!/bin/sh\necho "$1" > {record}.new && mv {record}.new {record}\n')
    script.chmod(0o755)
    return f"{script} %s", record


def test_the_command_becomes_the_server_and_opens_its_page(serve, iris_bundle, browser):
    """The same process serves, opens the browser once the server is ready, and ends at SIGTERM with 0.

    The bundle that it is given is served, whatever MODEL_URI says.
    """
    command, record = browser
    arguments = [str(iris_bundle), "--workers", "1", "--open"]
    server = serve(command=[*SERVE, *arguments], BROWSER=command, MODEL_URI="file:///nowhere")

    assert b"gunicorn" in command_of(server.process.pid)
    assert (200, 0) == (server.predict(ROW)[0], server.predict(ROW)[1]["prediction"])
    assert f"http://127.0.0.1:{server.port}/\n" == eventually(lambda: record.exists() and record.read_text(), "opened")
    assert 0 == server.stop()
    replay = [sys.executable, "-m", "model", "replay", str(server.out), "--model", str(iris_bundle), "--json"]
    replayed = subprocess.run(replay, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert (2, 2) == tuple(json.loads(replayed)[name] for name in ("rows", "identical"))


def test_reload_serves_the_new_model_when_the_bundle_has_changed(serve, iris_bundle, second, tmp_path):
    """With --reload, what is packed into the same directory is served without a word to the server."""
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    for path in iris_bundle.iterdir():
        (bundle / path.name).write_bytes(path.read_bytes())
    server = serve(command=[*SERVE, str(bundle), "--workers", "1", "--reload"])
    assert "1" == server.model()["version"]

    manifest = second / "manifest.json"
    for path in {*second.iterdir()} - {manifest}:
        (bundle / path.name).write_bytes(path.read_bytes())
    (bundle / "new").write_bytes(manifest.read_bytes())
    (bundle / "new").rename(bundle / "manifest.json")

    assert eventually(lambda: server.model()["version"] == "2", "version 2")


def test_a_bundle_is_fetched_from_a_uri_and_followed(serve, iris_bundle, second, tmp_path):
    """It is fetched with a note of what came; with WATCH_SECONDS, the server follows what is put there later."""
    published = shutil.copytree(iris_bundle, tmp_path / "published")
    with serving(WebFolder(published)) as web:
        command = [*SERVE, f"{web.url}/churn", "--workers", "1"]
        server = serve(command=command, MODEL_DIR="", TMPDIR=str(tmp_path), WATCH_SECONDS="0.2")
        assert (200, 0) == (server.predict(ROW)[0], server.predict(ROW)[1]["prediction"])
        assert re.match(rf"model iris 1 fetched from {web.url}/churn: \d+ bytes in \d", server.errors)

        for path in sorted(second.iterdir(), reverse=True):  # the manifest after its files
            shutil.copy(path, published / path.name)
        assert eventually(lambda: server.model()["version"] == "2", "version 2")


# Writes a model file, in a process of its own: every process that collects tests would import what this one does.
TREE = """
import sys
from pathlib import Path
import joblib
from sklearn.datasets import load_iris
from sklearn.tree import DecisionTreeClassifier
folder = Path(sys.argv[1])
folder.mkdir()
joblib.dump(DecisionTreeClassifier(max_depth=2).fit(*load_iris(return_X_y=True)), folder / "tree.joblib")
"""


def test_a_model_file_is_packed_and_served_and_a_terminal_shows_where(make_once, tmp_path):
    """The card has the page, the documentation and a request that works; Ctrl-C ends all, and removes the bundle."""
    command = [*SERVE, str(make_once("-c", TREE) / "tree.joblib"), "--port", "0", "--workers", "1"]
    with Terminal(command, TMPDIR=str(tmp_path), DRAIN_SECONDS="0", HOST="") as terminal:
        terminal.read("}'\r\n")
        url = re.search(r"^page +(http://127\.0\.0\.1:\d+/) *$", terminal.plain, re.MULTILINE).group(1)
        request = re.search(r"^curl .*$", terminal.plain, re.MULTILINE).group()
        answer = subprocess.run(["sh", "-c", f"{request} -s"], capture_output=True, text=True, check=True).stdout
        (temporary,) = tmp_path.glob("ml-service-*")
        terminal.process.send_signal(signal.SIGINT)

        assert "tree 1, computed by onnx" in terminal.plain
        assert f"{url}docs" in terminal.plain
        assert '"prediction"' in answer
        assert 0 == terminal.wait()
    eventually(lambda: not temporary.exists(), "the temporary bundle is gone")


@pytest.mark.parametrize(
    ("arguments", "environ", "code", "words"),
    [
        (["{free}/nothing"], {}, 1, "bundle_missing: .*nothing is neither a bundle nor a model file; make .* pack"),
        (
            ["{bundle}", "--port", "{busy}"],
            {},
            1,
            r"cannot listen on 127\.0\.0\.1, port \d+ \(Address already",
        ),
        (["file://{free}/nothing"], {}, 1, "bundle_missing: there is no .*/nothing/manifest.json"),
        (["https://localhost:{busy}/x"], {"FETCH_SECONDS": "0.1"}, 4, "storage_unavailable: https://localhost"),
        (["s3://"], {}, 2, "usage: Invalid value for .*: expected s3://BUCKET/PATH, "),
        ([], {"MODEL_URI": "file://{free}/nothing"}, 1, "bundle_missing: there is no .*/nothing/manifest.json"),
        (["{bundle}"], {"LOG_LEVEL": "loud"}, 2, "usage: LOG_LEVEL='loud': expected debug, info"),
        (["{bundle}", "--open"], {"PAGES": "0"}, 2, "usage: PAGES=0 turns off the page"),
        ([__file__, "--reload"], {}, 2, "usage: --reload watches a bundle, and .* is a model file"),
        ([__file__], {"PORT": "0"}, 1, "bundle_corrupt|unsupported_estimator"),
    ],
    ids=[
        "no bundle",
        "busy port",
        "empty uri",
        "no storage",
        "no uri",
        "MODEL_URI",
        "setting",
        "page",
        "reload",
        "file",
    ],
)
def test_what_cannot_be_served_is_one_line_and_an_exit_code(tmp_path, iris_bundle, arguments, environ, code, words):
    """1 is what cannot be served or listened on, 2 what cannot be meant."""
    with socket.create_server(("127.0.0.1", 0)) as busy:
        names = {"free": tmp_path, "bundle": iris_bundle, "busy": busy.getsockname()[1]}
        given = {name: value.format(**names) for name, value in environ.items()}
        found, said = refused(*(word.format(**names) for word in arguments), TMPDIR=str(tmp_path), **given)

    assert code == found, said
    assert 1 == len(said.splitlines())
    assert re.search(f"^ml-service: (error: )?({words})", said)
    fetched = tmp_path / f"ml-service-{os.getuid()}"  # stays, for the next start
    assert set() == {*tmp_path.glob("ml-service-*")} - {fetched}
