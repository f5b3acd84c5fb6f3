"""SIGHUP for what hangs when it is read: meanwhile the server stops when it is told to, and replaces workers."""

import os
import shutil
import signal
import time
from contextlib import contextmanager, suppress

import pytest

from tests.badinput import ROW
from tests.system.conftest import eventually, gone
from tests.system.own_code import OWN
from tests.system.test_reload import reload


@pytest.fixture
def bundle(iris_bundle, tmp_path):
    return shutil.copytree(iris_bundle, tmp_path / "bundle")


GATE = """
import pathlib
pathlib.Path(__file__).with_name("gate").read_text()
"""


@pytest.fixture
def gate(tmp_path):
    """Make a file that the code of that type reads when it is imported."""
    code = tmp_path / "code"
    code.mkdir()
    (code / "own_code.py").write_text(OWN + GATE)
    (code / "gate").touch()
    return code / "gate"


@pytest.fixture
def start(serve, bundle, own, gate):
    """Start a server of the reference model; then put the operator's own in its place."""

    def start(**environ):
        server = serve(bundle, WEB_CONCURRENCY="1", MODEL_CODE=str(gate.parent), **environ)
        shutil.copytree(own / "bundle", bundle, dirs_exist_ok=True)
        return server

    return start


@contextmanager
def hanging(server, path):
    """Have a reload hang in reading a file, for the length of the block; then the file is there, unless another is."""
    content = path.read_bytes()
    path.unlink()
    os.mkfifo(path)

    def opened():
        with suppress(OSError):  # nobody reads it yet
            return os.open(path, os.O_WRONLY | os.O_NONBLOCK)

    server.process.send_signal(signal.SIGHUP)
    writer = eventually(opened, f"{path.name} being read")
    try:
        yield writer
    finally:
        os.close(writer)
        if path.is_fifo():
            path.unlink()
            path.write_bytes(content)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_server_that_is_told_to_stop_does_not_wait_for_what_it_tries(start, gate, number):
    """It is gone after DRAIN_SECONDS + GRACE_SECONDS + 1 at most, with exit code 0."""
    server = start(GRACE_SECONDS="2")

    with hanging(server, gate):
        server.process.send_signal(number)
        assert 0 == server.process.wait(0 + 2 + 1)

    assert "Traceback" not in server.errors


def test_requests_are_answered_during_the_drain_though_a_reload_hangs(start, gate):
    """SIGTERM gives the trial up, not the drain."""
    server = start(DRAIN_SECONDS="2", GRACE_SECONDS="2")

    with hanging(server, gate):
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        eventually(lambda: server.ready() == "draining", "not ready")
        eventually(lambda: "the old one stays: the server is stopping" in server.errors, "a line about it")
        assert 200 == server.predict({"features": ROW})[0]
        assert 0 == server.process.wait(2 + 2 + 1)
        assert time.monotonic() - began >= 2


def test_workers_that_die_while_a_reload_hangs_are_replaced_at_once(start, gate):
    """Their successors answer with the old model, and are replaced in their turn."""
    server = start(BOOT_SECONDS="300")
    (worker,) = server.workers()

    with hanging(server, gate):
        trial = set(server.children()) - {worker}
        for deaths in (1, 2):
            os.kill(worker, signal.SIGKILL)
            eventually(lambda worker=worker: gone(worker), "the worker gone")
            status, answer = server.predict({"features": ROW})
            assert (200, 0) == (status, answer["prediction"])
            assert deaths == server.metric("workers_lost_total")
            (worker,) = set(server.children()) - trial
        assert 0 == server.stop()

    assert "Traceback" not in server.errors


def test_what_hangs_for_boot_seconds_is_refused_and_the_next_reload_works(start, bundle, gate, second):
    """The old model stays meanwhile, also for a worker that has died and its successor."""
    server = start(BOOT_SECONDS="10", ENGINE="scikit-learn")  # which is imported before the reload, and not in its time
    (worker,) = server.workers()

    with hanging(server, gate):
        os.kill(worker, signal.SIGKILL)
        eventually(lambda: server.metric("model_reloads_total") == 1, "the end of the reload")
        assert "the old one stays: boot_failed: it hangs, or crashes the process that tries it" in server.errors
        eventually(lambda: server.without([worker]), "new workers")
        assert "iris" == server.model()["name"]

    shutil.copytree(second, bundle, dirs_exist_ok=True)
    reload(server)
    assert "2" == server.model()["version"]


SLOW_THE_SECOND_TIME = """
import pathlib, time
seen = pathlib.Path(__file__).with_name("seen")
if seen.exists():
    seen.with_name("again").touch()
    time.sleep(300)
seen.touch()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_told_to_stop_does_not_wait_for_what_the_master_loads(serve, bundle, own, number):
    """What was loaded on trial may take longer in the master; it is gone in time all the same, with exit code 0."""
    server = serve(bundle, WEB_CONCURRENCY="1", GRACE_SECONDS="2", MODEL_CODE=str(own))
    shutil.copytree(own / "bundle", bundle, dirs_exist_ok=True)
    (own / "own_code.py").write_text(OWN + SLOW_THE_SECOND_TIME)

    server.process.send_signal(signal.SIGHUP)
    eventually((own / "again").exists, "the master loading the model")
    server.process.send_signal(number)

    assert 0 == server.process.wait(0 + 2 + 1)
    assert "the old one stays: the server is stopping" in server.errors
    assert "Traceback" not in server.errors


def test_the_master_loads_what_was_tried_and_nothing_else(start, bundle, gate, second):
    """A bundle, and code, that take the place of what is tried may hang or crash: they get a trial of their own."""
    server = start()

    with hanging(server, gate):
        for path in second.iterdir():
            path.replace(bundle / path.name)
        (gate.parent / "own_code.py").write_text("import os\nos._exit(1)\n")
    eventually(lambda: server.model()["name"] == "own", "what was tried")
    assert 200 == server.predict({"features": ROW})[0]

    reload(server)
    assert "2" == server.model()["version"]
