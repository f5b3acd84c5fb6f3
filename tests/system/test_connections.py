"""Many connections, few descriptors, requests that never end: none of them costs a worker, or others their answers."""

import json
import os
import re
import resource
import signal
import socket
import statistics
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.badinput import ROW
from tests.system.conftest import DEADLINE, background, eventually
from tests.system.sleeping import waiting

HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
BODY = json.dumps({"features": ROW}).encode()
ONE = {"WEB_CONCURRENCY": "1"}


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port), DEADLINE)


def cpu_seconds(process):
    """Return the time that a process has computed."""
    user, system = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / 100


class Knocking:
    """Opens some hundred connections a second, sends the same on each, and keeps the last of them open."""

    def __init__(self, server, content, kept=200):
        self.server, self.content, self.kept, self.count = server, content, kept, 0
        self._done, self._thread = threading.Event(), threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join(DEADLINE)

    def _run(self):
        clients = []
        while not self._done.wait(0.001):
            client = connect(self.server)
            with suppress(OSError):
                client.sendall(self.content)
            clients.append(client)
            self.count += 1
            if len(clients) > self.kept:
                clients.pop(0).close()
        for client in clients:
            client.close()


@pytest.mark.parametrize(
    "content",
    [b"", HEAD, HEAD + b"Content-Length: 100\r\n\r\n{", HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{"],
    ids=["nothing", "half a head", "half a body", "half a chunk"],
)
def test_unfinished_requests_make_room_for_whole_ones(serve, content):
    """With all connections taken by those that go nowhere, who asks is answered, long before READ_SECONDS is over."""
    server = serve(**ONE, WORKER_CONNECTIONS="100")
    workers = eventually(server.workers, "workers")
    seconds = []
    with Knocking(server, content) as others:
        eventually(lambda: others.count > 300, "a crowd")
        for _ in range(50):
            start = time.monotonic()
            assert 200 == server.predict({"features": ROW})[0]
            assert 200 == server.ready()
            seconds.append(time.monotonic() - start)
        assert server.metric("connections_closed_total") > 100

    assert statistics.median(seconds) < 0.5
    assert workers == eventually(server.workers, "workers")
    assert "Traceback" not in server.errors


def test_a_request_that_goes_on_outlives_those_that_do_not(serve):
    """The slowest make room, not the oldest: an upload is finished while hundreds come after it."""
    server = serve(**ONE, WORKER_CONNECTIONS="20")
    body = BODY + b" " * 4_000_000
    with connect(server) as upload:
        upload.sendall(HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body))
        upload.sendall(body[:100_000])
        with Knocking(server, HEAD) as others:
            for start in range(100_000, len(body), 100_000):
                before = others.count
                upload.sendall(body[start : start + 100_000])
                eventually(lambda before=before: others.count > before + 10, "others")
            answer = upload.makefile("rb").read()

    assert answer.startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("spare", [0, 6])
def test_a_worker_outlives_a_lack_of_descriptors(serve, spare):
    """Whatever takes them: it closes connections, goes on with fewer, says so once, and does not spin."""
    server = serve(**ONE)
    (worker,) = eventually(server.workers, "workers")
    descriptors = len(list(Path(f"/proc/{worker}/fd").iterdir())) + spare
    _, hard = resource.prlimit(worker, resource.RLIMIT_NOFILE)
    with ExitStack() as open_clients:
        for _ in range(4):
            client = open_clients.enter_context(connect(server))
            client.sendall(HEAD)
        eventually(lambda: server.metric("ready_workers") == 1, "an answer")
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (descriptors, hard))
        for _ in range(40):
            open_clients.enter_context(connect(server))
        eventually(lambda: "no descriptors left" in server.errors, "a line")
        before = cpu_seconds(worker)
        time.sleep(1)  # the length of the measurement, not a wait for something
        spent = cpu_seconds(worker) - before
    resource.prlimit(worker, resource.RLIMIT_NOFILE, (hard, hard))

    assert spent < 0.5
    assert eventually(lambda: server.predict({"features": ROW})[0] == 200, "an answer")
    assert [worker] == eventually(server.workers, "workers")
    assert 1 <= server.errors.count("no descriptors left") <= 5
    assert server.metric("out_of_descriptors_total") >= 1
    assert "Traceback" not in server.errors


@pytest.mark.parametrize("descriptors", [40, 64])
def test_few_descriptors_cost_connections_and_no_request(serve, descriptors):
    """With 200 idle clients and 40 that ask: who ask are answered, in the place of those that are idle."""
    server = serve(**ONE, descriptors=descriptors)
    with ExitStack() as open_clients:
        for _ in range(200):
            open_clients.enter_context(connect(server))
        for _ in range(40):
            assert 200 == server.predict({"features": ROW})[0]
            assert server.metric("ready_workers") == 1
        assert server.metric("connections_closed_total") >= 100

    assert "Traceback" not in server.errors


def test_a_body_of_more_framing_than_data_is_refused_before_it_costs_much(serve):
    """A million chunks of a byte each: 400 after some of them, and health checks are answered meanwhile."""
    server = serve(**ONE)
    (worker,) = eventually(server.workers, "workers")
    before = cpu_seconds(worker)
    answers = []

    def send():
        with connect(server) as client:
            with suppress(OSError):  # refused already
                client.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 1_000_000 + b"0\r\n\r\n")
            with suppress(OSError):
                answers.append(client.recv(100))

    with ExitStack() as senders:
        for _ in range(4):
            senders.enter_context(background(threading.Thread(target=send)))
        seconds = []
        for _ in range(20):
            start = time.monotonic()
            assert 200 == server.ready()
            seconds.append(time.monotonic() - start)

    assert statistics.median(seconds) < 0.1
    assert {b"HTTP/1.1 400"} >= {answer[:12] for answer in answers}
    assert cpu_seconds(worker) - before < 2


def test_scrapes_have_threads_of_their_own(serve):
    """However many clients ask for what is no prediction, predictions and health checks go on beside them."""
    server = serve(**ONE, THREADS="2")
    request = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
    with ExitStack() as open_clients:
        for _ in range(64):
            open_clients.enter_context(connect(server)).sendall(request * 20)
        for _ in range(20):
            start = time.monotonic()
            assert 200 == server.predict({"features": ROW})[0]
            assert 200 == server.ready()
            assert time.monotonic() - start < 2


def test_a_crowd_that_connects_while_all_threads_predict_is_accepted_at_once(serve, gate):
    """A health check that connects after hundreds of clients, who wait for a model that hangs, is answered soon."""
    server = serve(**gate.model, **ONE, QUEUE_SECONDS="60")
    body = json.dumps(waiting()).encode()
    request = HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
    with gate, ExitStack() as open_clients:
        for _ in range(400):
            open_clients.enter_context(connect(server)).sendall(request)
        start = time.monotonic()
        assert 200 == server.ready()
        assert time.monotonic() - start < 2


def test_a_crowd_that_connects_while_another_worker_hangs_is_accepted_at_once(serve):
    """The worker that goes on soon has more connections than the other, and takes those of the other, too."""
    server = serve(WEB_CONCURRENCY="2")
    hanging, _ = eventually(server.workers, "workers")
    os.kill(hanging, signal.SIGSTOP)
    try:
        with ExitStack() as open_clients:
            for _ in range(800):
                open_clients.enter_context(connect(server))
            start = time.monotonic()
            assert 200 == server.ready()
            assert time.monotonic() - start < 2
    finally:
        os.kill(hanging, signal.SIGCONT)


def test_half_sent_heads_take_a_bounded_amount_of_memory(serve):
    """Also where each of many connections holds a head as large as may be: the slowest make room."""
    server = serve(**ONE, MAX_BODY_BYTES="100000")
    (worker,) = eventually(server.workers, "workers")

    def memory():
        return int(re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{worker}/status").read_text())[1]) * 1024

    before = memory()
    with ExitStack() as open_clients:
        for _ in range(400):
            client = open_clients.enter_context(connect(server))
            with suppress(OSError):
                client.sendall(HEAD + b"X: " + b"x" * 30_000)
                client.sendall(b"x" * 30_000)
        assert 200 == server.predict({"features": ROW})[0]
        assert server.metric("connections_closed_total") > 300
        assert memory() - before < 10_000_000
