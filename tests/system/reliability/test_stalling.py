"""A file system that hangs, as a network's may, under a reload: it stops the process that reads it, and no other."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.badinput import JSON, ROW
from tests.system.conftest import DEADLINE, eventually
from tests.system.sleeping import reading
from tests.system.test_orphans import warm
from tests.system.test_reload import reload

PROGRAM = Path(__file__).with_name("stalling.py")
STOPPED_WITHIN = 0 + 2 + 1  # DRAIN_SECONDS + GRACE_SECONDS + 1


class Stalling:
    """A directory, and the same one on a file system that answers only as long as it is told to."""

    def __init__(self, folder):
        self.shown, self.place, self._file = folder / "shown", folder / "place", folder / "stalled"
        for path in (self.shown, self.place):
            path.mkdir()

    @contextmanager
    def mounted(self):
        command = [sys.executable, PROGRAM, self.shown, self.place, self._file]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as program:
            try:
                assert b"mounted\n" == program.stdout.readline()
                yield self
            finally:
                program.kill()  # which ends all waiting for it
                subprocess.run(["umount", "--lazy", self.place], check=True)

    def stall(self):
        self._file.touch()

    def go_on(self):
        self._file.unlink()


@pytest.fixture
def stalling(tmp_path):
    with Stalling(tmp_path).mounted() as directory:
        yield directory


def waits_in_the_kernel(server):
    """Return the processes of a server that wait for the file system."""
    return server.waiting_in("request_wait_answer")


def workers(server):
    return set(server.children()) - waits_in_the_kernel(server)


def check_alive(server):
    """Have a worker replaced, and a request answered."""
    (worker,) = eventually(lambda: workers(server), "a worker")
    os.kill(worker, signal.SIGKILL)
    eventually(lambda: workers(server) - {worker}, "a new worker")
    assert 200 == server.predict({"features": ROW})[0]


def check_stops(server):
    start = time.monotonic()
    assert 0 == server.stop()
    assert time.monotonic() - start < STOPPED_WITHIN
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE)
    assert "Traceback" not in server.errors


CASES = {
    "the bundle, watched": ({"WATCH_SECONDS": "0.2"}, "bundle", False),
    "the bundle, at SIGHUP": ({}, "bundle", True),
    "the code, at SIGHUP": ({}, "code", True),
}


@pytest.mark.parametrize("case", CASES)
def test_a_file_system_that_hangs_stops_neither_the_server_nor_its_end(serve, stalling, iris_bundle, case):
    """One process waits for the file system in the kernel; nothing waits for that process, and it holds no port."""
    options, what, asked = CASES[case]
    (stalling.shown / "code").mkdir()
    bundle = shutil.copytree(iris_bundle, stalling.shown / "bundle")
    options |= {"MODEL_CODE": str(stalling.place / "code")} if what == "code" else {}
    server = serve(
        stalling.place / "bundle" if what == "bundle" else bundle, WEB_CONCURRENCY="1", GRACE_SECONDS="2", **options
    )

    stalling.stall()
    if asked:
        server.process.send_signal(signal.SIGHUP)
    eventually(lambda: waits_in_the_kernel(server), "waiting for the file system")
    for _ in range(2):
        check_alive(server)
    check_stops(server)


def test_a_model_is_served_when_its_file_system_answers_again(serve, stalling, iris_bundle, second):
    """A reload that was given up is refused with a line; then watching and reloads at SIGHUP go on."""
    bundle = shutil.copytree(iris_bundle, stalling.shown / "bundle")
    server = serve(stalling.place / "bundle", WEB_CONCURRENCY="1", WATCH_SECONDS="0.2", BOOT_SECONDS="5")

    stalling.stall()
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: "the old one stays: boot_failed: it hangs" in server.errors, "a line about it")
    assert "1" == server.model()["version"]
    stalling.go_on()
    shutil.copytree(second, bundle, dirs_exist_ok=True)

    eventually(lambda: server.model()["version"] == "2", "the second version")
    reload(server)
    assert "2" == server.model()["version"]


@pytest.fixture
def stuck(serve, stalling, sleeper):
    """Start a server whose one worker waits for the file system, in a thread or in its main loop."""

    def start(*, in_loop):
        shutil.copytree(sleeper["MODEL_CODE"], stalling.shown / "code")
        code = str(stalling.place / "code")
        server = serve(sleeper["bundle"], WEB_CONCURRENCY="1", GRACE_SECONDS="2", PREDICT_SECONDS="3", MODEL_CODE=code)
        if in_loop:
            warm(server)
        stalling.stall()
        connection = server.connect()
        asking.enter_context(connection).raw.request("POST", "/predict", json.dumps(reading()), {"Content-Type": JSON})
        eventually(lambda: waits_in_the_kernel(server), "waiting for the file system")
        return server

    with ExitStack() as asking:
        yield start


@pytest.mark.parametrize("in_loop", [False, True], ids=["a thread", "the main loop"])
def test_a_worker_that_no_signal_reaches_is_replaced(stuck, in_loop):
    """A worker that no signal reaches counts as gone once it was told to end; nothing waits for it."""
    server = stuck(in_loop=in_loop)
    (worker,) = server.children()
    (other,) = eventually(lambda: set(server.children()) - {worker}, "another worker")
    assert 200 == server.predict({"features": ROW})[0]
    os.kill(other, signal.SIGKILL)
    eventually(lambda: set(server.children()) - {worker, other}, "one more")
    assert 200 == server.predict({"features": ROW})[0]
    check_stops(server)
