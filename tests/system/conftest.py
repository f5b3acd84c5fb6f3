"""The real server as seen from outside: a process, its port, its standard streams, its signals."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests import loglines
from tests.badinput import JSON
from tests.conftest import ROOT
from tests.system import own_code, sleeping

# These import what only `make test-browser` and `make test-traces` install.
NEEDED = {"browser": "playwright", "traces": "opentelemetry"}
collect_ignore = [folder for folder, package in NEEDED.items() if not find_spec(package)]
DEADLINE = 60.0
# Packs a version of the reference model; the classes of version 2 are strings.
PACK_VERSION = """
import sys
import numpy as np
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from model.packing.pack import pack
rows, labels = load_iris(return_X_y=True, as_frame=True)
labels = np.array(["a", "b", "c"])[labels] if sys.argv[1] == "2" else labels
pack(LogisticRegression(max_iter=1000).fit(rows, labels), sys.argv[2], name="iris", version=sys.argv[1], data=rows)
"""
SHORTEST_PAUSE, LONGEST_PAUSE = 0.01, 0.3  # between two checks, in seconds
MOMENTS = 16  # of a start that is interrupted: on a quiet machine, the start takes less than so many tenths of a second
MOST_SHOWN = 20_000  # characters of a server's stderr, with a failure


def eventually(check, what, deadline=DEADLINE):
    """Return the check's first true result; fails if there is none before the deadline."""
    end = time.monotonic() + deadline
    while (began := time.monotonic()) < end:
        if answer := check():
            return answer
        # As long as the check took: what is waited for needs the CPU, too.
        time.sleep(min(max(SHORTEST_PAUSE, time.monotonic() - began), LONGEST_PAUSE))
    raise AssertionError(f"{what}: not within {deadline} s")


def moments(seconds):
    """Return when to interrupt a start that takes so many seconds: moments spread evenly, as many on any machine."""
    return [seconds * index / MOMENTS for index in range(MOMENTS)]


def end(process):
    """Ask a program to end, and end it if it does not."""
    process.terminate()
    try:
        process.wait(DEADLINE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def gone(process):
    """Return whether a process has ended; it may be a zombie if nobody waits for orphans."""
    with suppress(FileNotFoundError, ProcessLookupError):  # gone before it was opened, or before it was read
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


class Connection:
    """One kept-alive connection, speaking the words of the service."""

    def __init__(self, port, host="127.0.0.1", timeout=DEADLINE):
        self.raw = HTTPConnection(host, port, timeout=timeout)

    def ask(self, method, path, body=None, content_type=None, **headers):
        """Send one request and read its whole answer: status, headers, body."""
        headers |= {"Content-Type": content_type} if content_type else {}
        self.raw.request(method, path, body, headers)
        answer = self.raw.getresponse()
        return answer.status, answer.headers, answer.read()

    def predict(self, document, **headers):
        status, _, body = self.ask("POST", "/predict", json.dumps(document), JSON, **headers)
        return status, json.loads(body)


class Reachable:
    """What listens on a port of this machine and speaks the words of the service."""

    port: int

    @contextmanager
    def connect(self):
        """Open a connection for the length of the block."""
        connection = Connection(self.port)
        try:
            yield connection
        finally:
            connection.raw.close()

    def predict(self, document):
        """Ask on a connection of its own: status and answer."""
        with self.connect() as connection:
            return connection.predict(document)

    def metric(self, name):
        """Return the sum of a metric's samples, as one scrape says."""
        with self.connect() as connection:
            _, _, body = connection.ask("GET", "/metrics")
        found = re.findall(rf"^mlservice_{name}(?:\{{.*\}})? (\S+)$", body.decode(), re.MULTILINE)
        return sum(map(float, found))

    def ready(self):
        """Ask once on a connection of its own: 200, or the code of the refusal."""
        with self.connect() as connection:
            status, _, body = connection.ask("GET", "/health/ready")
        return status if status == 200 else json.loads(body)["code"]


def children_of(pid):
    """Return the process ids of all that a process has started and not ended."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def command_of(pid):
    """Return the command line of a process; a fork has its parent's."""
    return Path(f"/proc/{pid}/cmdline").read_bytes()


class Server(Reachable):
    """A running gunicorn with our configuration, on a free port."""

    def __init__(self, folder: Path, bundle: Path, environ: dict[str, str]):
        self.out, self.err = folder / "stdout", folder / "stderr"
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        # Nothing of this machine's settings, and no thread limits: the server must not need to be given any.
        environ = {
            **kept,
            "HOST": "127.0.0.1",
            "PORT": "0",
            "MODEL_DIR": str(bundle),
            "DRAIN_SECONDS": "0",  # no load balancer is watching; tests that drain set it
            **environ,
        }
        gunicorn = [environ.pop("python", sys.executable), "-m", "gunicorn"]
        command = [*environ.pop("prefix", ()), *environ.pop("command", gunicorn)]
        self.out = environ.pop("stdout", self.out)
        if environ.pop("closed_stdout", False):
            command = ["sh", "-c", 'exec "$@" >&-', "sh", *command]
        if descriptors := environ.pop("descriptors", 0):
            command = ["sh", "-c", f'ulimit -n {descriptors}; exec "$@"', "sh", *command]
        if environ.pop("full_stdout", False):
            self.out.symlink_to("/dev/full")
        if environ.pop("unread_stdout", False):
            os.mkfifo(self.out)
            self.unread = os.open(self.out, os.O_RDWR)  # so that opening it to write waits for nobody
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=out, stderr=err)

    @property
    def errors(self):
        return self.err.read_text()

    def wait_until_listening(self):
        self.port = int(eventually(self._listening, "listening").group(1))

    def wait_until_ready(self):
        self.wait_until_listening()
        try:
            eventually(lambda: len(self.workers()) == self.expected_workers(), "all workers ready")
        except AssertionError as error:
            error.add_note(self.errors)
            raise

    def _listening(self):
        assert self.process.poll() is None, self.errors
        return re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", self.errors)

    def expected_workers(self):
        return int(re.search(r"WEB_CONCURRENCY=(\d+)", self.errors).group(1))

    def workers(self):
        """Return the process ids of the workers, if all that live are ready."""
        pid = self.process.pid
        with suppress(OSError, HTTPException):
            children = [child for child in self.children() if command_of(child) == command_of(pid)]
            return children if self.metric("ready_workers") == len(children) else []
        return []

    def children(self):
        """Return the process ids of all that the master has started and not ended."""
        return children_of(self.process.pid)

    def waiting_in(self, function):
        """Return the children with a thread that waits in a function of the kernel (proc_pid_wchan(5))."""
        found = set()
        for child in self.children():
            with suppress(FileNotFoundError, ProcessLookupError):  # a thread may end at any moment
                if any(path.read_text() == function for path in Path(f"/proc/{child}/task").glob("*/wchan")):
                    found.add(child)
        return found

    def without(self, gone):
        """Return the workers if enough of them are ready, and none is left of those that should be gone."""
        now = set(self.workers())
        return now if len(now) == self.expected_workers() and not now & set(gone) else set()

    def model(self):
        with self.connect() as connection:
            return json.loads(connection.ask("GET", "/model")[2])

    def document(self, **headers):
        """Return the status, the ETag and the body of the OpenAPI document."""
        with self.connect() as connection:
            status, found, body = connection.ask("GET", "/openapi.json", **headers)
        return status, found["ETag"], body

    def log(self):
        return [json.loads(line) for line in self.out.read_bytes().splitlines()]

    def faults_of_log(self):
        """Return what is wrong with the lines on stdout, if that is a file; a killed worker may leave an empty one."""
        if not self.out.is_file():
            return []
        lines = [line for line in self.out.read_bytes().splitlines(keepends=True) if line != b"\n"]
        return [fault for line in lines for fault in loglines.faults(line)]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE)


class Launcher:
    """Starts servers of a bundle without waiting for them."""

    def __init__(self, tmp_path_factory, bundle):
        self.tmp_path_factory, self.bundle = tmp_path_factory, bundle
        self.started = []

    def __call__(self, bundle=None, **environ):
        self.started.append(Server(self.tmp_path_factory.mktemp("server"), bundle or self.bundle, environ))
        return self.started[-1]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Show with a failure what the servers of the test wrote to stderr."""
    report = yield
    if report.failed:
        fixtures = item.funcargs.values()
        launched = [server for fixture in fixtures if isinstance(fixture, Launcher) for server in fixture.started]
        for server in [*launched, *(fixture for fixture in fixtures if isinstance(fixture, Server))]:
            report.sections.append((f"stderr of server {server.process.pid}", server.errors[-MOST_SHOWN:]))
    return report


@contextmanager
def launching(tmp_path_factory, bundle):
    """Return a launcher; everything that it started is ended with the test."""
    launcher = Launcher(tmp_path_factory, bundle)
    try:
        yield launcher
    finally:
        for server in launcher.started:
            server.process.terminate()
        for server in launcher.started:
            try:
                server.process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                server.process.kill()
    assert [] == [fault for server in launcher.started for fault in server.faults_of_log()]


@pytest.fixture
def launch(tmp_path_factory, iris_bundle):
    """Start servers without waiting for them."""
    with launching(tmp_path_factory, iris_bundle) as start:
        yield start


@pytest.fixture
def serve(launch):
    """Start a server and wait until all its workers are ready."""

    def start(*arguments, **environ):
        server = launch(*arguments, **environ)
        server.wait_until_ready()
        return server

    return start


@pytest.fixture(scope="session")
def pack_own(make_once):
    """Pack a model of the operator's own code; each call gives a folder of its own with the module and `bundle`."""

    def pack(module, code, script):
        return make_once("-c", own_code.FOLDER + script, module, code)

    return pack


@pytest.fixture
def second(make_once):
    """Make the bundle of version 2 of the reference model, which answers with strings."""
    return make_once("-c", PACK_VERSION, "2")


@pytest.fixture
def own(pack_own):
    """Make a folder with the module `own_code` and the bundle of a model that needs it."""
    return pack_own("own_code", own_code.OWN, own_code.PACK)


@pytest.fixture(scope="session")
def sleeper(pack_own):
    """Pack a model whose predictions sleep as long as they are asked to: the arguments to serve it with."""
    folder = pack_own("sleeper", sleeping.CODE, sleeping.PACK)
    return {"bundle": folder / "bundle", "MODEL_CODE": str(folder)}


class Gate:
    """Holds up the predictions that `sleeping.waiting` asks for, until the end of a block."""

    def __init__(self, folder):
        self.folder = folder
        self.model = {"bundle": folder / "bundle", "MODEL_CODE": str(folder)}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        (self.folder / "gate").touch()


@pytest.fixture
def gate(pack_own):
    """Make a gate, and the model whose predictions it holds up: `gate.model` is what to serve."""
    return Gate(pack_own("sleeper", sleeping.CODE, sleeping.PACK))


@pytest.fixture
def run_python():
    """Run a script as a user of the model package would."""

    def run(script, *arguments):
        command = [sys.executable, "-c", script, *map(str, arguments)]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)

    return run


@contextmanager
def background(thread):
    """Run a thread for the length of the block."""
    thread.start()
    try:
        yield
    finally:
        thread.join(DEADLINE)
        assert not thread.is_alive()


@pytest.fixture
def start_of_long(own, launch):
    """Start a server of a model that takes a minute to load, or to predict, and wait until processes do that.

    None of its limits ends it within the time that a test waits. Return the server and the ids of those processes.
    """

    def start(where, how):
        (own / "own_code.py").write_text(own_code.long_module(where, how))
        limits = dict.fromkeys(("DRAIN_SECONDS", "GRACE_SECONDS", "BOOT_SECONDS"), "120")
        server = launch(own / "bundle", WEB_CONCURRENCY="2", MODEL_CODE=str(own), **limits)
        eventually(lambda: [path for path in own.iterdir() if path.name.isdigit()], "the long step")
        return server, [int(path.name) for path in own.iterdir() if path.name.isdigit()]

    return start


@pytest.fixture
def report(request, capfd):
    """Return a function that writes a line of figures to stderr, even if the output of tests is captured."""

    def say(line):
        with capfd.disabled():
            sys.stderr.write(f"\n{request.node.name}: {line}\n")

    return say
