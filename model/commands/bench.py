"""Measures a bundle on this machine as its workers would predict, and what workers and threads that asks for."""

import gc
import itertools
import json
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model.bundle.trust import Trust
from model.errors import GoldenMismatch
from model.forking import in_forks
from model.loading import Loaded, load, prove, rows_of
from model.prediction import Rows
from model.predictor import Predictor

BATCHES = (1, 10, 100, 1000, 10_000)
THREADS = (2, 4)
# Of so many tries the best counts: what else the machine does only takes away.
TRIES = 3
FEWEST_THREADS = 4
DEADLINE_SECONDS = 120.0
# One more process or thread is worth having when it adds this share of what the first one does.
WORTH = 0.2
FEWEST_CALLS = 5


@dataclass(frozen=True)
class Batch:
    """Calls of so many rows, one after the other: milliseconds of a call, and rows per second."""

    rows: int
    p50: float
    p99: float
    rate: float


@dataclass(frozen=True)
class Together:
    """So many processes, or threads of one process, at once: single rows per second of all."""

    count: int
    rate: float


@dataclass(frozen=True)
class Report:
    """What a bundle does on this machine, and the settings that follow."""

    model: str
    engine: str
    cores: int
    batches: list[Batch]
    processes: list[Together]
    threads: list[Together]
    workers: int
    worker_threads: int


def bench(directory: Path, trust: Trust, seconds: float, progress: Callable[[str], None]) -> Report:
    """Measure a bundle with its golden rows, repeated; each measurement takes about so many seconds.

    Predicts in forked processes only, as the server does. `progress` is told what is being done. Raises ModelError.
    """
    progress(f"loading {directory}")
    loaded = load(directory, trust)
    gc.collect()
    gc.freeze()
    cores = len(os.sched_getaffinity(0))

    def together(processes: int, threads: int) -> float:
        """Return the rows per second of several processes with several threads each."""
        progress(f"predicting one row at a time: processes {processes}, threads {threads}")

        def work() -> dict[str, float]:
            return {"rate": _rate(loaded, threads, seconds / TRIES)}

        rates: list[float] = [sum(_asked(work, processes, "rate")) for _ in range(TRIES)]
        return max(rates)

    progress(f"predicting batches of {', '.join(f'{rows:,}' for rows in BATCHES)} rows")
    batches: list[Batch] = [Batch(**each) for each in _asked(lambda: _batches(loaded, seconds), 1, "batches")[0]]
    processes = [Together(count, together(count, 1)) for count in _doubling(cores)]
    threads = [Together(1, processes[0].rate), *(Together(count, together(1, count)) for count in THREADS)]
    return Report(
        f"{loaded.manifest.name} {loaded.manifest.version}",
        loaded.engine.name,
        cores,
        batches,
        processes,
        threads,
        workers=worthwhile(processes),
        worker_threads=max(FEWEST_THREADS, 2 * worthwhile(threads)),
    )


def worthwhile(tried: Sequence[Together]) -> int:
    """Return the largest count that still added WORTH of the first one's rate for each that it has more."""
    best = tried[0]
    for each in tried[1:]:
        if each.rate - best.rate >= WORTH * tried[0].rate * (each.count - best.count):
            best = each
    return best.count


def _doubling(most: int) -> list[int]:
    """Return 1, 2, 4, … and the most."""
    return [*itertools.takewhile(lambda count: count < most, (2**power for power in range(16))), most]


def _asked(work: Callable[[], dict[str, Any]], count: int, what: str) -> list[Any]:
    """Return one member of what each forked process says; raises GoldenMismatch where one says nothing."""
    said = in_forks(work, count, DEADLINE_SECONDS)
    answers = [each[what] for each in said if each is not None and what in each]
    if len(answers) < count:
        raise GoldenMismatch("the model does not predict its golden rows in a forked process; `check` says more.")
    return answers


def _batches(loaded: Loaded, seconds: float) -> dict[str, Any]:
    """Time calls of each size, one after the other, in a process that has proven the model."""
    prove(loaded)
    predict = Predictor(loaded).predict
    found = []
    for count in BATCHES:
        rows = _repeated(loaded, count)
        times: list[float] = []
        end = time.perf_counter() + seconds
        while time.perf_counter() < end or len(times) < FEWEST_CALLS:
            start = time.perf_counter()
            predict(rows)
            times.append(time.perf_counter() - start)
        p50, p99 = (float(each) * 1e3 for each in np.percentile(times, [50, 99]))
        found.append(asdict(Batch(count, p50, p99, count * len(times) / sum(times))))
        if min(times) > seconds:
            break  # ten times the rows would take far longer still
    return {"batches": found}


def _rate(loaded: Loaded, threads: int, seconds: float) -> float:
    """Return the single rows per second that some threads of this process predict."""
    prove(loaded)
    predict, row = Predictor(loaded).predict, _repeated(loaded, 1)
    end = time.perf_counter() + seconds
    start, calls = time.perf_counter(), [0] * threads

    def go_on(place: int) -> None:
        while time.perf_counter() < end:
            predict(row)
            calls[place] += 1

    running = [threading.Thread(target=go_on, args=(place,)) for place in range(threads)]
    for each in running:
        each.start()
    for each in running:
        each.join()
    return sum(calls) / (time.perf_counter() - start)


def _repeated(loaded: Loaded, count: int) -> Rows:
    golden = rows_of(loaded.manifest.golden.rows, loaded.manifest.signature)
    return np.ascontiguousarray(golden[np.arange(count) % len(golden)])


def as_json(report: Report) -> str:
    """Return the report for a program to read; milliseconds, and rows per second."""
    return json.dumps(asdict(report), indent=2)


def as_table(report: Report) -> str:
    """Return the report for a person to read."""
    lines = [f"{report.model}, engine {report.engine}, {report.cores} cores", ""]
    lines += [f"{'rows a call':>14} {'p50, ms':>10} {'p99, ms':>10} {'rows/s':>12}"]
    lines += [f"{each.rows:14,} {each.p50:10.3f} {each.p99:10.3f} {each.rate:12,.0f}" for each in report.batches]
    for title, tried in (("processes", report.processes), ("threads of one", report.threads)):
        lines += ["", f"{title:>14} {'rows/s':>21} {'times one':>12}"]
        lines += [f"{each.count:14} {each.rate:21,.0f} {each.rate / tried[0].rate:12.2f}" for each in tried]
    return "\n".join([*lines, "", *_advice(report)])


def _advice(report: Report) -> list[str]:
    most = next(each for each in report.processes if each.count == report.workers)
    gain = most.rate / report.processes[0].rate
    computing = worthwhile(report.threads)
    alone = "one computes at a time, whatever their number" if computing == 1 else f"{computing} compute at once"
    return [
        f"WEB_CONCURRENCY={report.workers}: so many processes predict {gain:.2f} times what one does.",
        f"THREADS={report.worker_threads}: of a process's threads {alone}; the others receive and answer.",
    ]
