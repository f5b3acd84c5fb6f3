"""Measures how fast a bundle predicts on this machine, and recommends how many workers and threads to serve it with."""

import gc
import itertools
import math
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from model.bundle.trust import Trust
from model.commands.console import Console, Progress
from model.commands.framework import ExitCode, command
from model.commands.options import bundle_argument, option, reporting, trust_options
from model.commands.tables import Part, Table
from model.errors import GoldenMismatch, ModelError
from model.forking import in_fork, in_forks
from model.loading import Loaded, load, make_rows, verify
from model.prediction import Rows
from model.predictor import Predictor

R = TypeVar("R")
BATCHES = (1, 10, 100, 1000, 10_000)
THREADS = (2, 4)
TRIES = 3  # the best one counts: other work on the machine can only slow a try down
FEWEST_THREADS = 4
DEADLINE_SECONDS = 120.0  # of a measurement, beyond the time that it is meant to take
WORTH = 0.2  # one more process or thread must add at least this share of the first one's rate
FEWEST_CALLS = 5


@dataclass(frozen=True)
class Batch:
    """Calls of `rows` rows, one after the other: milliseconds per call, and rows per second."""

    rows: int
    p50: float
    p99: float
    rate: float


@dataclass(frozen=True)
class Together:
    """`count` processes, or threads of one process, at the same time: single rows per second in total."""

    count: int
    rate: float


@dataclass(frozen=True)
class Report:
    """How fast a bundle predicts on this machine, and the recommended settings."""

    model: str
    engine: str
    cores: int
    batches: list[Batch]
    processes: list[Together]
    threads: list[Together]
    workers: int
    worker_threads: int


@command("bundle --seconds 0.1")
@bundle_argument
@option("--seconds", type=float, default=1.0, help="The length of each measurement.")
@trust_options
@reporting
def run(bundle: Path, seconds: float, trust: Trust, console: Console) -> ExitCode:
    """Measure a bundle on this machine, and recommend workers and threads to serve it with."""
    with console.progress() as progress:
        report = bench(bundle, trust, seconds, progress)
    console.report(asdict(report), *as_parts(report))
    return ExitCode.OK


def bench(directory: Path, trust: Trust, seconds: float, progress: Progress) -> Report:
    """Measure a bundle with its golden rows, repeated; each measurement takes about `seconds`.

    The model is loaded in a forked process, and predicts in forks of that process, as in the server's workers. Raises
    ModelError.
    """
    progress(f"loading {directory}")

    def work() -> dict[str, Any]:
        try:
            return asdict(_measure(load(directory, trust), seconds, progress))
        except ModelError as error:
            return {"code": error.code, "message": str(error)}

    answer = in_fork(work, math.inf)
    if answer is None:
        raise GoldenMismatch("the process that loads the model crashed; `python -m model check` says more.")
    if "code" in answer:
        raise ModelError.of(answer["code"], answer["message"])
    parts = {"batches": Batch, "processes": Together, "threads": Together}
    return Report(**{**answer, **{name: [kind(**each) for each in answer[name]] for name, kind in parts.items()}})


def _measure(loaded: Loaded, seconds: float, progress: Progress) -> Report:
    gc.collect()
    gc.freeze()
    cores = len(os.sched_getaffinity(0))
    counts = _doubling(cores)
    total = seconds * (len(BATCHES) + len(counts) + len(THREADS))
    done = itertools.count(len(BATCHES))  # measurements, before each of the following ones

    def together(processes: int, threads: int) -> Together:
        """Measure several processes, or several threads of one process."""
        stage = f"predicting one row at a time: processes {processes}, threads {threads}"
        progress(stage, seconds * next(done), total)
        tries = [_in_forks(lambda: _rate(loaded, threads, seconds / TRIES), processes, seconds) for _ in range(TRIES)]
        return Together(max(processes, threads), max(map(sum, tries)))

    (batches,) = _in_forks(lambda: _batches(loaded, seconds, total, progress), 1, seconds * len(BATCHES))
    processes = [together(count, 1) for count in counts]
    threads = [processes[0], *(together(1, count) for count in THREADS)]
    return Report(
        f"{loaded.manifest.name} {loaded.manifest.version}",
        loaded.engine.name,
        cores,
        [Batch(**each) for each in batches],
        processes,
        threads,
        workers=worthwhile(processes),
        worker_threads=max(FEWEST_THREADS, 2 * worthwhile(threads)),
    )


def worthwhile(tried: Sequence[Together]) -> int:
    """Return the largest count up to which each process or thread more adds at least WORTH of the first one's rate."""
    best = tried[0]
    for each in tried[1:]:
        if each.rate - best.rate >= WORTH * tried[0].rate * (each.count - best.count):
            best = each
    return best.count


def _doubling(most: int) -> list[int]:
    """Return the powers of two below `most`, and `most`."""
    return [*itertools.takewhile(lambda count: count < most, (2**power for power in range(16))), most]


def _in_forks(work: Callable[[], R], count: int, seconds: float) -> list[R]:
    """Do the work, whose result fits into JSON, in forked processes; raises GoldenMismatch if any returns nothing."""
    answers = in_forks(lambda: {"found": work()}, count, DEADLINE_SECONDS + seconds)
    found: list[R] = [each["found"] for each in answers if each]
    if len(found) < count:
        raise GoldenMismatch(
            "the model does not predict its golden rows in a forked process; `python -m model check` says more."
        )
    return found


def _batches(loaded: Loaded, seconds: float, total: float, progress: Progress) -> list[dict[str, Any]]:
    """Time calls of each size, one after the other; return the members of each Batch."""
    verify(loaded)
    predict = Predictor(loaded).predict
    found = []
    for index, count in enumerate(BATCHES):
        progress(f"predicting batches of {count:,} rows", index * seconds, total)
        rows = _repeat_golden(loaded, count)
        times: list[float] = []
        end = time.perf_counter() + seconds
        while time.perf_counter() < end or len(times) < FEWEST_CALLS:
            start = time.perf_counter()
            predict(rows)
            times.append(time.perf_counter() - start)
        p50, p99 = (float(each) * 1e3 for each in np.percentile(times, [50, 99]))
        found.append(asdict(Batch(count, p50, p99, count * len(times) / sum(times))))
        if min(times) > seconds:
            break  # ten times as many rows would take too long
    return found


def _rate(loaded: Loaded, threads: int, seconds: float) -> float:
    """Return the single rows per second that several threads of this process predict in total."""
    verify(loaded)
    predict, row = Predictor(loaded).predict, _repeat_golden(loaded, 1)
    end = time.perf_counter() + seconds
    start, calls = time.perf_counter(), [0] * threads

    def predict_until_end(index: int) -> None:
        while not calls[index] or time.perf_counter() < end:
            predict(row)
            calls[index] += 1

    running = [threading.Thread(target=predict_until_end, args=(index,)) for index in range(threads)]
    for each in running:
        each.start()
    for each in running:
        each.join()
    return sum(calls) / (time.perf_counter() - start)


def _repeat_golden(loaded: Loaded, count: int) -> Rows:
    golden = make_rows(loaded.manifest.golden.rows, loaded.manifest.signature)
    return np.ascontiguousarray(golden[np.arange(count) % len(golden)])


def as_parts(report: Report) -> list[Part]:
    """Return the report as parts for people to read."""
    rows = [(f"{each.rows:,}", f"{each.p50:.3f}", f"{each.p99:.3f}", f"{each.rate:,.0f}") for each in report.batches]
    parts: list[Part] = [
        f"{report.model}, engine {report.engine}, {report.cores} cores",
        _numbers(("rows a call", "p50, ms", "p99, ms", "rows/s"), rows),
    ]
    for title, tried in (("processes", report.processes), ("threads of one", report.threads)):
        cells = [(str(each.count), f"{each.rate:,.0f}", f"{each.rate / tried[0].rate:.2f}") for each in tried]
        parts.append(_numbers((title, "rows/s", "times one"), cells))
    return [*parts, "\n".join(_advice(report))]


def _numbers(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table:
    return Table(columns, rows, numbers=frozenset(columns))


def _advice(report: Report) -> list[str]:
    workers = next(each for each in report.processes if each.count == report.workers)
    gain = workers.rate / report.processes[0].rate
    computing = worthwhile(report.threads)
    threads = "only one thread of a process computes" if computing == 1 else f"{computing} threads of a process compute"
    several = f"{report.workers} processes predict {gain:.2f} times as fast as one"
    alone = "more processes add too little" if len(report.processes) > 1 else "there is one CPU"
    return [
        f"WEB_CONCURRENCY={report.workers}: {several if report.workers > 1 else alone}.",
        f"THREADS={report.worker_threads}: {threads} at a time; the others receive and send.",
    ]
