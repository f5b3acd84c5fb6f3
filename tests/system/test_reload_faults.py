"""SIGHUP when something is wrong: the server goes on as it was, and says so."""

import os
import shutil
import signal
import threading
from contextlib import ExitStack
from http.client import HTTPException

import pytest

from tests.badinput import ROW
from tests.conftest import ROOT
from tests.system.conftest import DEADLINE, eventually
from tests.system.own_code import OWN
from tests.system.sleeping import sleeping

CONFIG = (ROOT / "gunicorn.conf.py").read_text()


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "gunicorn.conf.py"
    path.write_text(CONFIG)
    return path


def failures(server):
    with server.connect() as connection:
        return b'reloads_total{outcome="failed"} 1.0' in connection.ask("GET", "/metrics")[2]


def test_the_configuration_stays_that_of_the_start(serve, config):
    """Whatever becomes of its file: settings are in the environment, which a process keeps. gunicorn would exit."""
    server = serve(WEB_CONCURRENCY="1", GUNICORN_CMD_ARGS=f"--config {config}")
    before = eventually(server.workers, "workers")
    config.write_text("this is no Python\n")
    server.process.send_signal(signal.SIGHUP)

    eventually(lambda: server.without(before), "new workers")
    assert "is served from now on" in server.errors
    assert 200 == server.predict({"features": ROW})[0]


# Appended to the configuration: a hook that fails from the moment when there is a file beside it.
FAILING = """
import pathlib
works = {hook}

def {hook}(server, worker):
    if pathlib.Path({flag!r}).exists():
        {failure}
    works(server, worker)
"""


@pytest.mark.parametrize(
    ("hook", "failure"),
    [("post_fork", "raise RuntimeError"), ("post_fork", "os._exit(3)"), ("pre_fork", "raise RuntimeError")],
    ids=["an exception", "exit code 3", "a hook of the master"],
)
def test_workers_that_do_not_boot_leave_the_old_ones_serving(serve, config, hook, failure):
    """The old workers stop only when the new ones are ready; a boot error of a new one would end gunicorn."""
    flag = config.with_name("failing")
    config.write_text(CONFIG + FAILING.format(hook=hook, flag=str(flag), failure=failure))
    server = serve(WEB_CONCURRENCY="2", GUNICORN_CMD_ARGS=f"--config {config}")
    before = eventually(server.workers, "workers")
    flag.touch()
    server.process.send_signal(signal.SIGHUP)

    eventually(lambda: failures(server), "the metric says so")
    assert set(before) == set(eventually(server.workers, "workers"))
    assert 200 == server.predict({"features": ROW})[0]
    assert 1 == server.errors.count("is not served, the old one stays: ")
    flag.unlink()
    os.kill(before[0], signal.SIGKILL)
    eventually(lambda: server.without(before[:1]), "the next worker")


# Of the two new workers one serves already when the other ends.
HALF = """
works = post_fork

def post_fork(server, worker):
    works(server, worker)
    if worker.slot == "w3":
        __import__("time").sleep(2)
        os._exit(3)
"""


def test_a_reload_that_fails_late_costs_no_request(serve, sleeper, config):
    """New workers that serve already when another of them fails finish what they have, as old ones would."""
    config.write_text(CONFIG + HALF)
    server = serve(**sleeper, WEB_CONCURRENCY="2", GUNICORN_CMD_ARGS=f"--config {config}")
    before = set(eventually(server.workers, "workers"))
    server.process.send_signal(signal.SIGHUP)
    with ExitStack() as stack:
        loads = [stack.enter_context(Asking(server)) for _ in range(6)]
        eventually(lambda: "the old one stays: " in server.errors, "a reload that fails")

    assert [] == [lost for load in loads for lost in load.lost]
    assert before == set(eventually(server.workers, "the old workers"))
    assert sum(load.answered for load in loads) > 20


class Asking(threading.Thread):
    """Asks for slow predictions, each on a connection of its own, while its block runs."""

    def __init__(self, server):
        super().__init__()
        self.server, self.lost, self.answered, self.done = server, [], 0, threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.join(DEADLINE)

    def run(self):
        while not self.done.is_set():
            try:
                assert 200 == self.server.predict(sleeping(0.3))[0]
                self.answered += 1
            except (OSError, HTTPException) as error:
                self.lost.append(repr(error))


def test_a_bundle_whose_load_crashes_the_interpreter_leaves_the_old_model_serving(serve, own, iris_bundle, tmp_path):
    """It is tried in a process of its own, which dies."""
    bundle = shutil.copytree(iris_bundle, tmp_path / "bundle")
    server = serve(bundle, WEB_CONCURRENCY="1", MODEL_CODE=str(own))
    shutil.copytree(own / "bundle", bundle, dirs_exist_ok=True)
    (own / "own_code.py").write_text(OWN + "import ctypes\nctypes.string_at(0)\n")
    server.process.send_signal(signal.SIGHUP)

    eventually(lambda: failures(server), "the metric says so")
    assert "the old one stays: boot_failed: it hangs, or crashes the process that tries it" in server.errors
    assert "iris" == server.model()["name"]
    assert 200 == server.predict({"features": ROW})[0]
