"""Load from wrk, pinned to a core of its own: what was sent, and what came of it."""

import json
import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.contestants import ROOT
from benchmarks.servers import LOAD_CORE, SERVER_CORE, cpu_seconds, descendants

_SCRIPT = ROOT / "benchmarks/wrk.lua"
_TICK = os.sysconf("SC_CLK_TCK")
# A measurement during which other programs took more than this share of a core is repeated.
MOST_FOREIGN = 0.1
_LONGEST = 30


@dataclass(frozen=True)
class Bodies:
    """Requests that are sent in turn: one file each in a folder."""

    folder: Path
    count: int
    path: str
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    scheme: str = "http"


@dataclass(frozen=True)
class Sample:
    """One measurement: requests per second, milliseconds, failed requests, and the cores that other programs used."""

    rate: float
    p50: float
    p99: float
    failed: int
    foreign: float


@dataclass(frozen=True)
class Plan:
    """How long each load lasts, and the warm-up before it, in seconds; how often a disturbed one is tried."""

    seconds: int
    warm_up: int
    tries: int = 2


def write_json(folder: Path, path: str, documents: Sequence[Any]) -> Bodies:
    """Write each document as a body."""
    return write(folder, path, [json.dumps(each, separators=(",", ":")).encode() for each in documents])


def write(folder: Path, path: str, contents: Sequence[bytes], **options: Any) -> Bodies:
    """Write each content as a body."""
    folder.mkdir(parents=True, exist_ok=True)
    for place, content in enumerate(contents):
        (folder / str(place)).write_bytes(content)
    return Bodies(folder, len(contents), path, **options)


def run(port: int, bodies: Bodies, connections: int, plan: Plan) -> Sample:
    """Send load for some seconds, after an uncounted warm-up of the same kind; the least disturbed of the tries."""
    once(port, bodies, connections, plan.warm_up)
    _settle()
    samples = []
    for _ in range(plan.tries):
        samples.append(once(port, bodies, connections, plan.seconds))
        if samples[-1].foreign <= MOST_FOREIGN:
            break
    return min(samples, key=lambda sample: sample.foreign)


def once(port: int, bodies: Bodies, connections: int, seconds: int, cores: str = str(LOAD_CORE)) -> Sample:
    """Send load for some seconds."""
    options = ["-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "20s", "-s", str(_SCRIPT)]
    further = [text for pair in bodies.headers.items() for text in pair]
    arguments = [bodies.path, bodies.content_type, str(bodies.folder), str(bodies.count), *further]
    address = f"{bodies.scheme}://127.0.0.1:{port}"
    command = ["taskset", "--cpu-list", cores, "wrk", *options, address, "--", *arguments]
    start, busy, own = time.monotonic(), _busy(), _own()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    foreign = ((_busy() - busy) - (_own() - own)) / (time.monotonic() - start)
    said = json.loads(next(line for line in done.stdout.splitlines() if line.startswith('{"requests"')))
    if not said["requests"] and seconds < _LONGEST:
        return once(port, bodies, connections, seconds * 4, cores)  # too short for a single answer
    failed = said["bad_status"] + said["lost"]
    return Sample(
        said["requests"] / said["microseconds"] * 1e6, said["p50"] / 1e3, said["p99"] / 1e3, failed, max(foreign, 0.0)
    )


def _settle() -> None:
    """Wait until the server has done what the load before left behind; for a second at most, for some never rest."""
    end = time.monotonic() + 1
    worked, before = _own(), -1.0
    while worked - before > 0.02 and time.monotonic() < end:
        time.sleep(0.1)
        worked, before = _own(), worked


def _busy() -> float:
    """Return the seconds that the two cores have worked, for whomever, or were taken away (proc(5), /proc/stat)."""
    ticks = 0
    for line in Path("/proc/stat").read_text().splitlines():
        core, *numbers = line.split()
        if core in (f"cpu{SERVER_CORE}", f"cpu{LOAD_CORE}"):
            user, nice, system, _, _, irq, softirq, steal, *_ = map(int, numbers)
            ticks += user + nice + system + irq + softirq + steal
    return ticks / _TICK


def _own() -> float:
    """Return the seconds that this process, what it waited for, and the server have worked."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system + cpu_seconds(descendants())
