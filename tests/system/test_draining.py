"""Stopping so that a load balancer has time to look, and nothing that was accepted is lost."""

import json
import random
import signal
import subprocess
import sys
import threading
import time
from http.client import HTTPException

import pytest

from tests.badinput import JSON, ROW
from tests.conftest import ROOT
from tests.system.conftest import DEADLINE, eventually

BODY = json.dumps({"instances": [ROW] * 50})


def test_ready_turns_503_within_a_second_of_sigterm_on_every_worker_and_requests_are_answered(serve):
    """For DRAIN_SECONDS the server says that it is not ready, and answers all the same; then it exits 0."""
    server = serve(WEB_CONCURRENCY="2", DRAIN_SECONDS="3")
    server.process.send_signal(signal.SIGTERM)

    eventually(lambda: server.ready() == "draining", "not ready", deadline=1)

    start = time.monotonic()
    asked = 0
    while time.monotonic() - start < 1.5:
        assert "draining" == server.ready()
        with server.connect() as connection:
            status, headers, _ = connection.ask("POST", "/predict", BODY, JSON)
            assert (200, "close") == (status, headers["Connection"])
        asked += 1
    assert asked > 20
    assert 0 == server.process.wait(DEADLINE)


class Client(threading.Thread):
    """Asks on kept-alive connections, after pauses of any length, until nobody listens any more."""

    def __init__(self, server, pause):
        super().__init__()
        self.server, self.pause, self.statuses, self.lost = server, pause, [], []

    def run(self):
        while True:
            with self.server.connect() as connection:
                try:
                    connection.raw.connect()
                except ConnectionRefusedError:
                    return  # nothing was accepted, so nothing is lost
                try:
                    self.talk(connection)
                except (OSError, HTTPException) as error:
                    self.lost.append(repr(error))

    def talk(self, connection):
        closing = None
        while closing != "close":
            status, headers, _ = connection.ask("POST", "/predict", BODY, JSON)
            self.statuses.append(status)
            closing = headers["Connection"]
            time.sleep(random.random() * self.pause)


@pytest.mark.parametrize("drain", ["0", "1"])
def test_sigterm_under_kept_alive_load_loses_nothing(serve, drain):
    """Each request that was sent on a connection that was accepted is answered, up to the last; then exit 0."""
    server = serve(WEB_CONCURRENCY="2", DRAIN_SECONDS=drain)
    clients = [Client(server, pause) for pause in (0, 0, 0, 0.005, 0.005, 0.05, 0.05, 0.3)]
    for client in clients:
        client.start()
    eventually(lambda: all(len(client.statuses) > 5 for client in clients), "load")

    assert 0 == server.stop()

    for client in clients:
        client.join(DEADLINE)
    assert [] == [lost for client in clients for lost in client.lost]
    assert {200} == {status for client in clients for status in client.statuses}
    assert sum(len(client.statuses) for client in clients) == len(server.log())


def drain(server, *arguments):
    command = [sys.executable, "-m", "service.server.drain", "--pid", str(server.process.pid), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_drain_can_be_asked_for_and_taken_back(serve):
    """The command for a preStop hook: not ready at once on every worker, answering, and not stopping."""
    server = serve(WEB_CONCURRENCY="2")
    assert 0 == drain(server).returncode

    assert ["draining"] * 20 == [server.ready() for _ in range(20)]
    assert 200 == server.predict({"features": ROW})[0]
    eventually(lambda: server.metric("draining") == 1, "the metric says so")

    assert 0 == drain(server, "--undo").returncode
    assert [200] * 20 == [server.ready() for _ in range(20)]
    eventually(lambda: server.metric("draining") == 0, "the metric says so")


def test_a_drain_of_no_server_is_an_error(serve):
    """A typing error must not look like success."""
    server = serve()
    assert 0 == server.stop()

    answer = drain(server)

    assert 1 == answer.returncode
    assert "expected a server with the process id" in answer.stderr
