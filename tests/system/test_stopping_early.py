"""A server that is told to stop before it serves: at any moment of its start, and quietly."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.system.conftest import DEADLINE, eventually, gone, moments
from tests.system.own_code import INTERRUPTED, OWN

ENDED = {-signal.SIGTERM, 128 + signal.SIGTERM, 0}


def stopped(server, number=signal.SIGTERM):
    """Send a signal; return the exit status."""
    server.process.send_signal(number)
    return server.process.wait(DEADLINE)


def left_in_memory(server):
    """Return what a server has left where it keeps its metrics."""
    made = {path: path.read_text().split() for path in Path("/dev/shm").glob("mlservice-*/alive")}
    return [path for path, words in made.items() if words[:1] == [str(server.process.pid)]]


def test_it_stops_at_any_moment_of_its_start(launch):
    """At moments all over the time that it takes to be ready; without a traceback, and nothing of it is left behind."""

    def start():
        return launch(WEB_CONCURRENCY="2", GRACE_SECONDS="120", BOOT_SECONDS="120")

    def stop(server):
        assert stopped(server) in ENDED
        assert "Traceback" not in server.errors
        assert "ml-service: " not in server.errors
        assert [] == left_in_memory(server)

    began, server = time.monotonic(), start()
    eventually(lambda: "ready: 2 workers serve iris 1 on http://127.0.0.1:" in server.errors, "ready")
    seconds = time.monotonic() - began
    stop(server)
    for moment in moments(seconds):
        server = start()
        time.sleep(moment)
        stop(server)


@pytest.mark.parametrize(("where", "how", "number"), INTERRUPTED, ids=lambda value: getattr(value, "name", value))
def test_a_model_that_takes_long_does_not_hold_the_stop_up(start_of_long, where, how, number):
    """Whether the master loads it or workers prove it; there are no drain and no grace for what was never ready."""
    server, processes = start_of_long(where, how)

    assert stopped(server, number) in {-number, 128 + number, 0}
    assert "Traceback" not in server.errors
    assert "ml-service: " not in server.errors
    eventually(lambda: all(map(gone, processes)), "nothing left running")


def test_the_start_says_which_model_it_has_and_once_that_it_is_ready(serve):
    """One line each: the model with its digest, engine and directory, and the workers with their address."""
    server = serve(WEB_CONCURRENCY="2")
    eventually(lambda: "ready: " in server.errors, "a line about it")
    digest = server.model()["digest"]
    workers = eventually(server.workers, "workers")
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: server.without(workers), "a reload")

    assert 1 == server.errors.count(f"model iris 1 (digest {digest}, onnx) loaded from ")
    assert 1 == server.errors.count(f"ready: 2 workers serve iris 1 on http://127.0.0.1:{server.port}\n")


WAIT = """
import pathlib, time
(pathlib.Path(__file__).parent / "waits").touch()
while not (pathlib.Path(__file__).parent / "goes on").exists():
    time.sleep(0.01)
"""


def test_a_reload_that_is_asked_for_while_the_model_is_loaded_is_made_afterwards(launch, own):
    """SIGHUP says that there is another bundle by now; it neither ends the start nor is lost, and several are one."""
    (own / "own_code.py").write_text(OWN + WAIT)
    server = launch(own / "bundle", WEB_CONCURRENCY="1", MODEL_CODE=str(own))
    eventually((own / "waits").exists, "the model being loaded")
    for _ in range(10):
        server.process.send_signal(signal.SIGHUP)
    (own / "goes on").touch()
    server.wait_until_listening()

    eventually(lambda: server.workers() and server.metric("model_reloads_total") == 1, "one reload")


@pytest.mark.parametrize("setting", ["PORT", "ADMIN_BIND"])
def test_a_port_in_use_is_one_line_at_once(serve, launch, setting):
    """It is not tried again, as gunicorn does for five seconds: the address is said once."""
    taken = serve().port
    other = launch(**{setting: str(taken) if setting == "PORT" else f"127.0.0.1:{taken}"})
    eventually(lambda: "loaded from" in other.errors, "the model")

    assert 1 == other.process.wait(DEADLINE)
    last = other.errors.splitlines()[-1]
    assert last.startswith(f"ml-service: bad setting: 127.0.0.1:{taken} cannot be listened on (Address already in use)")
    assert 1 == other.errors.count(str(taken)) - other.errors.splitlines()[0].count(str(taken))


def test_an_address_of_no_machine_is_one_line(launch):
    """Whatever keeps it from listening."""
    server = launch(HOST="203.0.113.1")

    assert 1 == server.process.wait(DEADLINE)
    assert server.errors.splitlines()[-1].startswith(
        "ml-service: bad setting: 203.0.113.1:0 cannot be listened on (Cannot assign requested address)"
    )


def health(server):
    command = [sys.executable, "-S", "-m", "service.server.healthcheck", str(server.process.pid)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1", "::"])
def test_the_health_check_asks_where_the_server_listens(launch, host):
    """Whatever the settings of its own process; unhealthy while it drains, and when it is gone."""
    server = launch(HOST=host, DRAIN_SECONDS="60")
    eventually(lambda: "ready: " in server.errors, "ready")
    assert 0 == health(server)

    server.process.send_signal(signal.SIGTERM)
    eventually(lambda: health(server) == 1, "unhealthy")
    server.process.send_signal(signal.SIGINT)
    server.process.wait(DEADLINE)
    assert 1 == health(server)
