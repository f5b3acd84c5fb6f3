import json
import shutil
import signal
import threading
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.badinput import ROW
from tests.system.conftest import DEADLINE, eventually


def truncate(bundle):
    path = bundle / "model.skops"
    path.write_bytes(path.read_bytes()[:-100])


def flip_a_bit(bundle):
    content = bytearray((bundle / "model.skops").read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / "model.skops").write_bytes(content)


def change_manifest(change):
    def damage(bundle):
        manifest = json.loads((bundle / "manifest.json").read_text())
        change(manifest)
        (bundle / "manifest.json").write_text(json.dumps(manifest))

    return damage


WRONG = {
    "missing": (shutil.rmtree, {}, "bundle_missing"),
    "truncated": (truncate, {}, "bundle_corrupt"),
    "flipped bit": (flip_a_bit, {}, "bundle_corrupt"),
    "no manifest": (lambda bundle: (bundle / "manifest.json").write_text("{"), {}, "bundle_corrupt"),
    "wrong digest": (lambda _: None, {"MODEL_SHA256": "0" * 64}, "digest_mismatch"),
    "other scikit-learn": (
        change_manifest(lambda manifest: manifest["made_with"].update({"scikit-learn": "0.1"})),
        {},
        "version_mismatch",
    ),
    "golden rows": (
        change_manifest(lambda manifest: manifest["golden"]["labels"].reverse()),
        {"WEB_CONCURRENCY": "1"},
        "golden_mismatch",
    ),
    "setting": (lambda _: None, {"PORT": "eighty"}, "bad setting: PORT='eighty': expected a whole number"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_start_is_one_clear_line_and_a_non_zero_exit(launch, iris_bundle, tmp_path, name):
    """Whatever is wrong is said once, with its code and no traceback, and the server does not start."""
    damage, environ, expected = WRONG[name]
    bundle = shutil.copytree(iris_bundle, tmp_path / "bundle")
    damage(bundle)

    server = launch(bundle, **environ)

    assert 0 != server.process.wait(DEADLINE)
    ours = [line for line in server.errors.splitlines() if line.startswith("ml-service: ")]
    assert 1 == len(ours)
    assert expected in ours[0]
    assert "Traceback" not in server.errors


def test_a_request_in_flight_is_answered_when_the_server_stops(serve):
    """SIGTERM under load: clients that read what they asked for get it, and the server exits 0."""
    server = serve(WEB_CONCURRENCY="2")
    lost, answered = [], []

    def ask():
        body, closing = json.dumps({"instances": [ROW] * 2000}), None
        with server.connect() as connection:
            while closing != "close":
                try:
                    status, headers, _ = connection.ask("POST", "/predict", body, "application/json")
                except (OSError, HTTPException) as error:
                    lost.append(error)
                    return
                answered.append(status)
                closing = headers.get("Connection")

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(answered) > 20, "load")

    assert 0 == server.stop()
    for thread in threads:
        thread.join(DEADLINE)
    assert [] == lost
    assert {200} == set(answered)
    assert len(answered) == len(server.log())


def test_nothing_is_left_behind(serve):
    """The metrics' files go with the server."""
    server = serve()
    (folder,) = (
        path for path in map(Path, server_files(server.process.pid)) if path.parent.name.startswith("mlservice-")
    )
    assert folder.exists()

    assert 0 == server.stop()

    assert not folder.parent.exists()


def server_files(pid):
    maps = Path(f"/proc/{pid}/maps").read_text().split("\n")
    return {line.split()[-1] for line in maps if line.endswith("counter_master.db")}


def test_the_master_has_one_thread(serve):
    """A thread in the master would be a lock that no worker can open."""
    server = serve()

    assert 1 == len(list(Path(f"/proc/{server.process.pid}/task").iterdir()))


def test_a_reload_replaces_the_workers_and_drops_nothing(serve):
    """SIGHUP: all workers are new, every request before, while and after is answered."""
    server = serve(WEB_CONCURRENCY="2")
    before, statuses, done = set(server.workers()), [], threading.Event()

    def ask():
        while not done.is_set():
            statuses.append(server.predict({"features": ROW})[0])

    thread = threading.Thread(target=ask)
    thread.start()
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: len(server.workers()) == 2 and not before & set(server.workers()), "new workers")
    done.set()
    thread.join(DEADLINE)

    assert {200} == set(statuses)
