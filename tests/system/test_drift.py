"""Drift of a real server: the window is that of all workers, whichever is asked, and survives them."""

import json
import os
import shutil
import signal

from tests.badinput import JSON
from tests.system.conftest import eventually

ROW = [5.1, 3.5, 1.4, 0.2]
ENVIRON = {"WEB_CONCURRENCY": "2", "DRIFT_LEAST_ROWS": "10"}


def window(server):
    """Return how many rows are in the window, as a new connection is told, and of which model."""
    with server.connect() as connection:
        report = json.loads(connection.ask("GET", "/model/drift")[2])
    return report["window"]["rows"], report["model"]["digest"]


def send(server, rows, requests=1):
    """Send rows on several connections, so that several workers get some."""
    body = json.dumps({"instances": [ROW] * rows}).encode()
    for _ in range(requests):
        with server.connect() as connection:
            assert 200 == connection.ask("POST", "/v1/models/iris:predict", body, JSON)[0]


def reach(server, rows):
    """Wait until every answer of several is that so many rows are in the window."""
    eventually(lambda: {rows} == {window(server)[0] for _ in range(6)}, f"{rows} rows")


def test_a_window_outlives_its_workers_and_ends_with_its_model(serve, iris_bundle, second, tmp_path):
    """What workers have counted stays when they are killed, and new ones go on; another model begins another window."""
    bundle = shutil.copytree(iris_bundle, tmp_path / "bundle")
    server = serve(bundle, **ENVIRON)
    send(server, 10, requests=20)
    reach(server, 200)

    for worker in server.workers():
        os.kill(worker, signal.SIGKILL)
        eventually(lambda gone=worker: server.without([gone]), "another worker")
    reach(server, 200)
    send(server, 10, requests=5)
    reach(server, 250)
    assert 250 == server.metric("drift_window_rows")

    digest, before = window(server)[1], server.workers()
    shutil.copytree(second, bundle, dirs_exist_ok=True)
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: server.without(before), "workers of the other model")
    reach(server, 0)
    assert digest != window(server)[1]
