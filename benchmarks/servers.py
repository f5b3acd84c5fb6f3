"""Server processes: started pinned to one core, waited for until they answer, weighed, and ended with all their kin."""

import ctypes
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from benchmarks.contestants import ROOT, Contestant
from model.thread_limits import THREAD_LIMITS

SERVER_CORE, LOAD_CORE = 0, 1
START_SECONDS, STOP_SECONDS = 90.0, 15.0
_PR_SET_CHILD_SUBREAPER = 36
_TICK = os.sysconf("SC_CLK_TCK")


class ServerFailedError(Exception):
    """A server did not start, or answered wrongly; the message is what the results say of it."""


@dataclass(frozen=True)
class Running:
    """A server that answers: its port, the seconds from exec to its first 200, and its output so far."""

    port: int
    seconds: float
    log: Path

    def ask(self, path: str, document: Any) -> Any:
        """Post a document as JSON and return the answer's; raises ServerFailedError unless it is a 200."""
        status, content = post(self.port, path, json.dumps(document).encode(), {"Content-Type": "application/json"})
        if status != 200:
            raise ServerFailedError(f"answered {status} on {path}: {content[:200]!r}")
        return json.loads(content)


def adopt_orphans() -> None:
    """Become the parent of every process that a server leaves behind, so that none escapes (prctl(2))."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@contextmanager
def serving(
    contestant: Contestant, folder: Path, row: list[float], workers: int = 1, core: int = SERVER_CORE
) -> Iterator[Running]:
    """Run a server of the model in the folder on one core, until the block ends; raises ServerFailedError."""
    log = folder / "server.log"
    port, port2, port3 = free_ports(3)
    programs = f"{ROOT}/.venv-peers/{contestant.environment}/bin"
    places = {
        "bin": programs,
        "root": str(ROOT),
        "folder": str(folder),
        "port": port,
        "port2": port2,
        "port3": port3,
        "workers": workers,
        "pool": workers if workers > 1 else 0,
    }
    command = ["taskset", "--cpu-list", str(core), *contestant.command.format(**places).split()]
    environ = _environment(programs) | {name: text.format(**places) for name, text in contestant.environ.items()}
    start = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        seconds = _first_answer(process, port, contestant, row, start)
        if seconds is None:
            last = [line for line in log.read_text(errors="replace").splitlines() if line.strip()][-1:]
            raise ServerFailedError(f"did not start, or answer within {START_SECONDS:g} s: {' '.join(last)[:300]}")
        yield Running(port, seconds, log)
    finally:
        _end(process)


def post(port: int, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    """Send one request on a connection of its own; returns status and body."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _environment(programs: str) -> dict[str, str]:
    """One thread for each process's arithmetic, since there is one core; nothing of this machine's settings."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "MALLOC_ARENA_MAX") if name in os.environ}
    path = f"{programs}:{os.environ['PATH']}"
    return {**kept, **dict.fromkeys(THREAD_LIMITS, "1"), "PATH": path, "PYTHONPATH": str(ROOT)}


def _first_answer(
    process: "subprocess.Popen[bytes]", port: int, contestant: Contestant, row: list[float], start: float
) -> float | None:
    """Return the seconds until one row was answered with 200; None if that never comes."""
    body = json.dumps(contestant.dialect.one(row)).encode()
    while time.perf_counter() < start + START_SECONDS and process.poll() is None:
        with suppress(OSError, HTTPException):
            status, _ = post(port, contestant.dialect.one_path, body, {"Content-Type": "application/json"})
            if status == 200:
                return time.perf_counter() - start
        time.sleep(0.005)
    return None


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    for pid in descendants():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def descendants() -> list[int]:
    """Return the ids of every process that this one has started, and theirs: while a server runs, the server's."""
    parents = {}
    for process in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 (names are wanted)
        with suppress(OSError):  # one of them may end at any moment
            parents[int(process)] = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    found = [os.getpid()]
    for pid in found:
        found.extend(child for child, parent in parents.items() if parent == pid)
    return found[1:]


def proportional_bytes() -> int:
    """Return the memory of the server and its kin, shared pages divided among those that share them (smaps_rollup)."""
    total = 0
    for pid in descendants():
        with suppress(OSError):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return how long processes have worked (proc(5), stat); one that is gone counts for nothing."""
    ticks = 0
    for pid in pids:
        with suppress(OSError):
            words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(words[11]) + int(words[12])
    return ticks / _TICK


def free_ports(count: int) -> list[int]:
    """Return ports on which nothing listens."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports
