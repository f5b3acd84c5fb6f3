"""Stopped workers, full disks, limits, clocks: no wrong answer, no accepted request lost, and each is reported."""

import os
import signal
import socket
import subprocess
from contextlib import ExitStack

import pytest

from tests.system.conftest import DEADLINE, eventually
from tests.system.reliability.load import Load, for_seconds

RIGHT = b'{"prediction":0,"probability":0.97'
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
# It breaks clock_nanosleep on a clock that it leaves alone, and with it time.sleep.
SLEEP = "import select, time; time.sleep = lambda seconds: select.select((), (), (), seconds)"


def all_right(load):
    """Return whether every request got the right answer."""
    return all(answer.status == 200 and answer.body.startswith(RIGHT) for answer in load.answers)


@pytest.fixture
def small_disk(tmp_path):
    """Mount a disk of 64 KB; if that is not allowed, the test fails."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_under_the_log_costs_log_lines_and_no_request(serve, small_disk, report):
    """With a full disk under the log, lines that are not written are counted, stderr says so, and no request fails."""
    server = serve(stdout=small_disk / "log", WEB_CONCURRENCY="2")

    load = for_seconds(3, server.port, clients=4, rate=200)

    assert all_right(load)
    dropped = server.metric("log_dropped_total")
    assert len(load.answers) == dropped + (small_disk / "log").read_bytes().count(b"\n")
    assert "lines of the prediction log are being dropped" in server.errors
    report("the disk under the log full", load, f"{dropped:.0f} log lines dropped, counted, said on stderr")


def test_a_log_that_nobody_reads_costs_log_lines_and_no_request(serve, report):
    """If nobody reads the log's pipe, lines that are not written are counted, stderr says so, and no request fails."""
    server = serve(unread_stdout=True, WEB_CONCURRENCY="2")

    load = for_seconds(4, server.port, clients=4, rate=200)

    assert all_right(load)
    dropped = server.metric("log_dropped_total")
    assert len(load.answers) == dropped + os.read(server.unread, 1 << 20).count(b"\n")
    os.close(server.unread)
    assert "lines of the prediction log are being dropped" in server.errors
    report("stdout blocked", load, f"{dropped:.0f} log lines dropped, counted, said on stderr")


def test_more_connections_than_descriptors_cost_no_request(serve, report):
    """With 64 descriptors, and 200 idle clients: what is accepted is answered, and there is always room for more."""
    server = serve(descriptors=64, WEB_CONCURRENCY="2")
    workers = eventually(server.workers, "workers")
    with ExitStack() as idle:
        for _ in range(200):
            idle.enter_context(socket.create_connection(("127.0.0.1", server.port), DEADLINE))
        load = for_seconds(4, server.port, clients=4, rate=100)

    assert all_right(load)
    assert len(load.answers) > 100
    assert workers == eventually(server.workers, "workers")
    closed = server.metric("connections_closed_total")
    assert closed >= 100
    report("64 descriptors, 200 idle connections", load, f"no worker lost; {closed:.0f} idle ones closed, counted")


def test_a_clock_set_back_changes_nothing(serve, tmp_path, report):
    """After the clock is set back, no worker counts as dead, no duration is negative, and nothing waits longer."""
    clock = tmp_path / "clock"
    clock.write_text("+0")
    (tmp_path / "sitecustomize.py").write_text(SLEEP)
    faked = {"LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1"}
    server = serve(WEB_CONCURRENCY="2", DONT_FAKE_MONOTONIC="1", PYTHONPATH=str(tmp_path), **faked)
    workers = eventually(server.workers, "workers")
    with Load(server.port, clients=4, rate=100) as load:
        eventually(lambda: len(load.answers) > 100, "load")
        clock.write_text("-1d")
        seen = len(load.answers)
        eventually(lambda: len(load.answers) > seen + 300, "load")

    assert all_right(load)
    assert workers == server.workers()
    times = [line["time"] for line in server.log()]
    assert times != sorted(times)  # the log's clock did go back
    assert 0 <= server.metric("request_duration_seconds_sum") < len(load.answers)
    assert "Traceback" not in server.errors
    assert 1 == server.errors.count("the clock was set back by 86400")
    assert 1 == server.metric("clock_steps_total")
    report("the clock set back by a day", load, "no worker lost; counted, said on stderr")


def test_a_stopped_worker_is_replaced_while_others_serve(serve, report):
    """While an idle worker is stopped (SIGSTOP), requests go to the other; metric and log say what happened."""
    server = serve(WEB_CONCURRENCY="2", PREDICT_SECONDS="2")
    workers = eventually(server.workers, "workers")
    os.kill(workers[0], signal.SIGSTOP)
    with Load(server.port, clients=4, rate=100) as load:
        eventually(lambda: server.without(workers[:1]), "the stopped worker replaced")

    assert all_right(load)
    assert "WORKER TIMEOUT" in server.errors
    with server.connect() as connection:
        assert b'mlservice_workers_lost_total{reason="silent"} 1.0' in connection.ask("GET", "/metrics")[2]
    report("a worker stopped (SIGSTOP)", load, "replaced, counted, said on stderr")
