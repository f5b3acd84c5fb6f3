"""The start and the stop of a server: one line for what is wrong, and nothing left behind."""

import json
import os
import shutil
import signal
import threading
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.badinput import ROW
from tests.bundles import part
from tests.system.conftest import DEADLINE, eventually, gone


def truncate(bundle):
    path = part(bundle, "skops")
    path.write_bytes(path.read_bytes()[:-100])


def flip_a_bit(bundle):
    path = part(bundle, "skops")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


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
        change_manifest(lambda manifest: manifest.update(requires=["scikit-learn==0.1"])),
        {"ENGINE": "scikit-learn"},
        "version_mismatch",
    ),
    "golden rows": (
        change_manifest(lambda manifest: manifest["golden"]["labels"].reverse()),
        {"WEB_CONCURRENCY": "1"},
        "golden_mismatch",
    ),
    "redacted name": (lambda _: None, {"LOG_REDACT": "sepal length"}, "LOG_REDACT=sepal length: expected features"),
    "log file": (lambda _: None, {"LOG_FILE": "/nowhere/log"}, "LOG_FILE='/nowhere/log': expected a file that can be"),
    "pattern": (lambda _: None, {"LOG_REDACT_PATTERN": "("}, "LOG_REDACT_PATTERN='(': expected a regular expression"),
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


SLOW = """
import sys
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from model.packing.pack import pack
model = make_pipeline(*(StandardScaler() for _ in range(300)), LogisticRegression())
pack(model.fit(*load_iris(return_X_y=True)), sys.argv[1], name="slow", compiled=False)
"""


def test_a_model_that_is_not_proven_in_time_ends_the_start(launch, make_once):
    """A worker that hangs at boot is not replaced for ever: the start ends with one line."""
    server = launch(make_once("-c", SLOW), BOOT_SECONDS="0.01")

    assert 0 != server.process.wait(DEADLINE)
    assert 1 == server.errors.count("ml-service: boot_failed: ")


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


def shared_folder(server):
    maps = Path(f"/proc/{server.process.pid}/maps").read_text().splitlines()
    (path,) = {Path(line.split()[-1]).parent for line in maps if line.endswith("counter_master.db")}
    return path


def test_the_metrics_files_have_no_holes_and_no_more_are_made(serve):
    """Their room is taken at the start: memory that is full later kills nobody, and neither does a reload in it.

    Those of drift belong to a model, so a reload makes others; where there is no room for them, workers serve without.
    """
    server = serve(WEB_CONCURRENCY="2")

    def files():
        found = {path.name: path.stat() for path in shared_folder(server).iterdir()}
        assert [] == [name for name, stat in found.items() if stat.st_blocks * 512 < stat.st_size and stat.st_size > 64]
        return {name: stat.st_size for name, stat in found.items() if not name.startswith("drift-")}

    before, workers = files(), eventually(server.workers, "workers")
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: server.without(workers), "a reload")
    assert before == files()
    for worker in eventually(server.workers, "workers"):
        os.kill(worker, signal.SIGKILL)
        eventually(lambda gone=worker: server.without([gone]), "a new worker")
    assert before == files()


def test_a_full_disk_under_the_log_costs_log_lines_and_no_request(serve):
    """Each line that could not be written is counted, and the first is told of."""
    server = serve(full_stdout=True, WEB_CONCURRENCY="1")

    assert [200] * 20 == [server.predict({"features": ROW})[0] for _ in range(20)]
    assert 20 == server.metric("log_dropped_total")
    assert 1 == server.errors.count("lines of the prediction log are being dropped: [Errno 28]")


def test_nothing_is_left_behind(serve):
    """The metrics' files go with the server; those of one that was killed go when the next one starts."""
    stopped, killed = serve(), serve()
    folders = [shared_folder(stopped), shared_folder(killed)]
    assert all(folder.exists() for folder in folders)

    assert 0 == stopped.stop()
    assert not folders[0].exists()

    workers = killed.workers()
    killed.process.kill()
    killed.process.wait(DEADLINE)
    eventually(lambda: all(map(gone, workers)), "orphans gone")
    serve()
    assert not folders[1].exists()


def test_a_stdout_that_nobody_reads_costs_log_lines_and_no_request(serve):
    """Every request is answered, health too; what the pipe did not take is counted, and said once by each worker."""
    server = serve(unread_stdout=True, WEB_CONCURRENCY="2")

    with server.connect() as connection:
        statuses = [connection.predict({"features": ROW})[0] for _ in range(600)]
        assert 200 == connection.ask("GET", "/health")[0]

    assert [200] * 600 == statuses
    content = os.read(server.unread, 1 << 20)
    os.close(server.unread)
    assert 600 == content.count(b"\n") + server.metric("log_dropped_total")
    assert 1 <= server.errors.count("lines of the prediction log are being dropped") <= 2
    assert 0 == server.stop()


def test_a_closed_stdout_costs_nothing_but_the_log(iris_bundle, serve):
    """Without a stdout there is no prediction log; no other file gets its lines."""
    server = serve(closed_stdout=True)

    assert 200 == server.predict({"features": ROW})[0]
    assert 0 == server.metric("log_dropped_total")
    assert not any(b"request_id" in path.read_bytes() for path in shared_folder(server).iterdir())


def test_the_master_has_one_thread(serve):
    """A thread in the master would be a lock that no worker can open.

    Where pyarrow is installed (to read Parquet when packing), scikit-learn imports it through pandas, and with it comes
    its allocator's own thread, which knows about forks.
    """
    server = serve()

    names = [path.read_text().strip() for path in Path(f"/proc/{server.process.pid}/task").glob("*/comm")]
    assert 1 == len([name for name in names if name != "jemalloc_bg_thd"])


def test_a_reload_replaces_the_workers_and_drops_nothing(serve):
    """SIGHUP: all workers are new, every request before, while and after is answered."""
    server = serve(WEB_CONCURRENCY="2")
    before, statuses, done = eventually(server.workers, "workers"), [], threading.Event()

    def ask():
        while not done.is_set():
            statuses.append(server.predict({"features": ROW})[0])

    thread = threading.Thread(target=ask)
    thread.start()
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: server.without(before), "new workers")
    done.set()
    thread.join(DEADLINE)

    assert {200} == set(statuses)
