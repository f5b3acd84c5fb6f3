"""stderr and stdout that are closed, full, or read by nobody: the server serves and stops as ever."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.badinput import ROW
from tests.conftest import ROOT
from tests.system.conftest import DEADLINE, Reachable, eventually
from tests.system.sleeping import talking

STOPPED_WITHIN = 2 + 1  # GRACE_SECONDS + 1
ENVIRON = {"HOST": "127.0.0.1", "PORT": "0", "DRAIN_SECONDS": "0", "GRACE_SECONDS": "2", "WEB_CONCURRENCY": "2"}
ENVIRON |= {"LOG_LEVEL": "debug", "TERSE_ERRORS": "1"}  # each refused prediction writes to stderr, too


def listening_port(pid):
    """Return the port that a process listens on, as the kernel knows it."""
    with suppress(OSError):
        opened = {str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()}
        for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == "0A" and f"socket:[{inode}]" in opened:
                return int(local.partition(":")[2], 16)
    return None


class Mute(Reachable):
    """A server whose standard streams tell nothing."""

    def __init__(self, bundle, redirection, environ, **streams):
        environ = {"PATH": os.environ["PATH"], "MODEL_DIR": str(bundle), **ENVIRON, **environ}
        command = ["sh", "-c", f'exec "$@" {redirection}', "sh", sys.executable, "-m", "gunicorn"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=environ, **streams)

    def wait_until_ready(self):
        self.port = eventually(lambda: listening_port(self.process.pid), "listening", 2 * DEADLINE)
        eventually(lambda: self.metric("ready_workers") == 2, "ready workers")

    def metric(self, name):
        with self.connect() as connection:
            lines = connection.ask("GET", "/metrics")[2].decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(f"mlservice_{name}"))


@pytest.fixture
def start(iris_bundle):
    started = []

    def start(redirection="", *, bundle=iris_bundle, environ=(), **streams):
        started.append(Mute(bundle, redirection, dict(environ), **streams))
        started[-1].wait_until_ready()
        return started[-1]

    yield start
    for server in started:
        server.process.kill()
        server.process.wait(DEADLINE)


def check_serves(server):
    """Have requests refused, each with a line in the log and half of them with one on stderr; then one answered."""
    for _ in range(150):
        assert 422 == server.predict({"features": "x"})[0]
        with socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE) as client:
            client.sendall(b"GET / HTTP/9.9 what is this\r\n\r\n")
            assert client.recv(1 << 16).startswith(b"HTTP/1.1 400 ")
    assert 200 == server.predict({"features": ROW})[0]


def check_stops(server):
    start = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert 0 == server.process.wait(STOPPED_WITHIN)
    assert time.monotonic() - start < STOPPED_WITHIN


@pytest.mark.parametrize(
    "redirection", ["2>&-", ">&-", "<&-", "<&- >&- 2>&-", "2>/dev/full", ">/dev/full 2>&1"],
    ids=["no stderr", "no stdout", "no stdin", "none", "a full stderr", "both full"],
)  # fmt: skip
def test_a_stream_that_is_closed_or_full_at_the_start_stops_nothing(start, redirection):
    """What is opened later is not taken for it."""
    server = start(redirection)
    for descriptor in range(3):
        assert not str(Path(f"/proc/{server.process.pid}/fd/{descriptor}").readlink()).startswith("socket")
    check_serves(server)
    check_stops(server)


@pytest.fixture
def narrow():
    """Make a pipe that is soon full."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    with suppress(OSError):
        yield reader, writer
        os.close(writer)
        os.close(reader)


def test_a_stderr_that_nobody_reads_stops_nothing(start, narrow):
    """What it does not take is counted; workers hung, and the master with them."""
    server = start(stderr=narrow[1])
    check_serves(server)
    assert server.metric("stderr_dropped_total") > 100
    check_stops(server)


def test_a_stderr_whose_reader_has_gone_stops_nothing(start, narrow):
    """Writing to it would raise, and end what writes."""
    server = start(stderr=narrow[1])
    os.close(narrow[0])
    check_serves(server)
    check_stops(server)


def test_what_a_model_prints_stops_nothing(start, sleeper, narrow, tmp_path):
    """It goes to stderr, for stdout is the prediction log's; there nobody need read it."""
    log, code = tmp_path / "log", {"MODEL_CODE": sleeper["MODEL_CODE"]}
    with log.open("wb") as out:
        server = start(bundle=sleeper["bundle"], environ=code, stdout=out, stderr=narrow[1])
    assert [200] * 20 == [server.predict(talking(100_000))[0] for _ in range(20)]
    check_stops(server)

    assert ["ok"] * 20 == [json.loads(line)["code"] for line in log.read_text().splitlines()]
