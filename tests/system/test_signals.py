"""What the master does at the signals that gunicorn knows, and what it counts."""

import os
import signal
import time

from tests.badinput import ROW
from tests.conftest import ROOT
from tests.system.conftest import eventually, gone


def lost(server):
    return server.metric("workers_lost_total")


# Appended to the configuration: no worker is started while there is this file.
HELD = """
import pathlib, time
works = pre_fork

def pre_fork(server, worker):
    while pathlib.Path({held!r}).exists():
        time.sleep(0.01)
    works(server, worker)
"""


def test_a_hundred_reloads_are_two(serve, tmp_path):
    """Each is for what is there when it begins: one that is going on, and one more for all that came meanwhile."""
    config, held = tmp_path / "gunicorn.conf.py", tmp_path / "held"
    config.write_text((ROOT / "gunicorn.conf.py").read_text() + HELD.format(held=str(held)))
    server = serve(WEB_CONCURRENCY="1", GUNICORN_CMD_ARGS=f"--config {config}")
    held.touch()
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: "Handling signal: hup" in server.errors, "a reload that begins")
    for _ in range(99):
        server.process.send_signal(signal.SIGHUP)
        time.sleep(0.001)  # signals that come at once are one to the kernel already
    held.unlink()
    server.process.send_signal(signal.SIGTTIN)  # after all of them
    eventually(lambda: "Handling signal: ttin" in server.errors, "the last signal")

    assert 2 == server.metric("model_reloads_total")
    assert 2 == server.errors.count("is served from now on")


def test_workers_that_are_replaced_after_so_many_requests_are_not_lost(serve):
    """They left when it was time to; one that is killed at any time is lost."""
    server = serve(WEB_CONCURRENCY="1", GUNICORN_CMD_ARGS="--max-requests 50")

    def replaced():
        with server.connect() as connection:
            connection.predict({"features": ROW})
        return server.errors.count("this worker is replaced after max_requests=50") >= 3

    eventually(replaced, "workers replaced")
    assert 0 == lost(server)
    (worker,) = eventually(server.children, "a worker")
    os.kill(worker, signal.SIGKILL)
    eventually(lambda: lost(server) == 1, "one that is lost")


def test_workers_are_added_and_taken_away(serve):
    """SIGTTIN and SIGTTOU; none of them is lost, and the last one stays."""
    server = serve(WEB_CONCURRENCY="1")
    for number, expected in ((signal.SIGTTIN, 2), (signal.SIGTTIN, 3), (signal.SIGTTOU, 2), (signal.SIGTTOU, 1)):
        server.process.send_signal(number)
        eventually(lambda expected=expected: len(server.workers()) == expected, f"{expected} workers")
    server.process.send_signal(signal.SIGTTOU)

    eventually(lambda: server.errors.count("Handling signal: ttou") == 3, "the last signal")
    assert 1 == len(eventually(server.workers, "workers"))
    assert 0 == lost(server)


def test_another_master_takes_over(serve):
    """SIGUSR2 starts it beside the old one, which then stops; every request is answered."""
    server = serve(WEB_CONCURRENCY="1")
    old = eventually(server.workers, "workers")
    server.process.send_signal(signal.SIGUSR2)

    eventually(lambda: server.errors.count("Listening at: ") == 2, "another master")
    (new,) = set(server.children()) - set(old)
    eventually(lambda: server.errors.count("Booting worker") == 2, "its worker")
    statuses = []

    def stopped():
        statuses.append(server.predict({"features": ROW})[0])
        return server.process.poll() is not None

    try:
        server.process.send_signal(signal.SIGTERM)
        eventually(stopped, "the old one's end")
        assert 0 == server.process.returncode
        assert {200} == set(statuses)
        assert 200 == server.predict({"features": ROW})[0]
    finally:
        os.kill(new, signal.SIGTERM)
        eventually(lambda: gone(new), "the new one's end")


HOOK = """
def pre_exec(server):
    raise RuntimeError("not now")
"""


def test_another_master_that_cannot_be_started_changes_nothing(serve, tmp_path):
    """What was forked for it ends; it would stop the workers."""
    config = tmp_path / "gunicorn.conf.py"
    config.write_text((ROOT / "gunicorn.conf.py").read_text() + HOOK)
    server = serve(WEB_CONCURRENCY="1", GUNICORN_CMD_ARGS=f"--config {config}")
    before = eventually(server.workers, "workers")
    server.process.send_signal(signal.SIGUSR2)

    eventually(lambda: "cannot start another master: RuntimeError: not now" in server.errors, "a line about it")
    eventually(lambda: server.children() == before, "only workers")
    assert 200 == server.predict({"features": ROW})[0]
    assert 0 == server.stop()
