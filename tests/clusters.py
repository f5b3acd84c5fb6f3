"""Ray and Spark as processes of their own, in their environment (`.venv-cluster`), on this machine only."""

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tests.conftest import ROOT
from tests.system.conftest import children_of, eventually, gone

PROGRAMS = ROOT / ".venv-cluster/bin"
SECONDS, START_SECONDS = 500, 120.0  # that a program may take on a busy machine, and a node to start
SPARK = {
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.executor.memory": "1g",
    "spark.executor.cores": "1",
    "spark.sql.files.minPartitionNum": "4",
    "spark.task.maxFailures": "1",
    "spark.scheduler.minRegisteredResourcesRatio": "1",
    "spark.scheduler.maxRegisteredResourcesWaitingTime": "120s",
}
MASTER = re.compile(r"Starting Spark master at (spark://\S+)")
# A node of Ray that is to choose these ports fails if its agents take more than 15 seconds to start, which cannot be
# changed (ray-project/ray#65983).
PORTS = ("dashboard-agent-grpc-port", "dashboard-agent-listen-port", "runtime-env-agent-port", "metrics-export-port")
TOO_SLOW, TRIES = "timed out during startup", 3


class Workplace:
    """A folder, and the environment variables of who works there; `site` is on the import path."""

    def __init__(self, folder: Path, site: Path, **environ: str) -> None:
        self.folder = folder
        self.ray = Path(tempfile.mkdtemp(prefix="ray"))  # short: it has sockets
        (folder / "conf").mkdir(exist_ok=True)
        (folder / "conf/spark-defaults.conf").write_text("".join(f"{name} {value}\n" for name, value in SPARK.items()))
        self.environ = {
            **{name: os.environ[name] for name in ("LANG", "JAVA_HOME") if name in os.environ},
            "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
            "HOME": str(folder),
            "PYTHONPATH": str(site),
            "RAY_TMPDIR": str(self.ray),
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
            "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",  # nobody else has work there
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_CONF_DIR": str(folder / "conf"),
            "SPARK_LOCAL_DIRS": str(folder / "spark"),
            **environ,
        }

    def path(self, name: str) -> str:
        """Return the path of something in the folder."""
        return str(self.folder / name)

    def close(self) -> None:
        """Remove what Ray leaves behind."""
        shutil.rmtree(self.ray, ignore_errors=True)

    def run(self, *command: object, **environ: str) -> tuple[str, str]:
        """Run a program to its end, again if Ray was too slow; return what it wrote to stdout and to stderr."""
        for _ in range(TRIES):
            with self.started(*command, **environ) as (process, log):
                code = process.wait(SECONDS)
            said = log.with_suffix(".out").read_text(), log.read_text()
            if code == 0 or TOO_SLOW not in said[1]:
                break
        assert code == 0, "\n".join(said)[-8000:]
        return said

    @contextmanager
    def started(self, *command: object, **environ: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
        """Start a program, which is gone at the end, with all that it started; give it, and the file of its stderr."""
        log = Path(tempfile.mkstemp(dir=self.folder, suffix=".err")[1])
        with log.open("wb") as err, log.with_suffix(".out").open("wb") as out:
            process = subprocess.Popen(
                list(map(str, command)), cwd=self.folder, env={**self.environ, **environ}, stdout=out, stderr=err
            )
        try:
            yield process, log
        finally:
            end(process)


def descendants(pid: int) -> list[int]:
    """Return the process ids of all that a process has started, and these."""
    with suppress(FileNotFoundError, ProcessLookupError):
        children = children_of(pid)
        return [*children, *(each for child in children for each in descendants(child))]
    return []


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process, and whatever it has started and leaves behind."""
    left = descendants(process.pid)
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for each in left:
        if not gone(each):
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)


@contextmanager
def spark(place: Workplace, folders: list[Path]) -> Iterator[str]:
    """Start a master, and a worker of one core for each folder; give the address of the master."""
    ports = ["--host", "127.0.0.1", "--port", "0", "--webui-port", "0"]
    with ExitStack() as started:

        def start(name: str, *arguments: object) -> Path:
            command = ["spark-class", f"org.apache.spark.deploy.{name}", *ports, *arguments]
            return started.enter_context(place.started(*command))[1]

        log = start("master.Master")
        master = eventually(lambda: MASTER.search(log.read_text()), "a master", START_SECONDS)[1]
        limits = ["--cores", "1", "--memory", "1g"]
        logs = [start("worker.Worker", *limits, "--work-dir", folder, master) for folder in folders]
        for each in logs:
            eventually(_says(each, "Successfully registered with master"), "a worker", START_SECONDS)
        yield master


@contextmanager
def ray(place: Workplace, nodes: int, cpus: int) -> Iterator[str]:
    """Start nodes of so many CPUs each; give the address of the first one."""
    with ExitStack() as started:

        def start(*arguments: object) -> None:
            ports = [f"--{name}={_free_port()}" for name in PORTS]
            command = ["ray", "start", "--block", "--num-cpus", cpus, "--node-ip-address", "127.0.0.1", *arguments]
            process, log = started.enter_context(place.started(*command, *ports))
            out = log.with_suffix(".out")
            has_started = _says(out, "Ray runtime started")
            eventually(lambda: has_started() or process.poll() is not None, "a node", START_SECONDS)
            assert process.poll() is None, out.read_text() + log.read_text()

        port = _free_port()
        start("--head", "--port", port, "--include-dashboard", "false", "--temp-dir", place.ray)
        for _ in range(nodes - 1):
            start("--address", f"127.0.0.1:{port}")
        yield f"127.0.0.1:{port}"


def _says(file: Path, words: str) -> Callable[[], bool]:
    return lambda: words in file.read_text()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
