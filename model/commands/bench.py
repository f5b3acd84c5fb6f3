"""Measures how fast a bundle predicts on this machine, and recommends how many workers and threads to serve it with."""

import argparse
import gc
import itertools
import math
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model.bundle.trust import Trust
from model.commands.options import add_bundle, add_trust, say_progress, to_json, trust_in
from model.errors import GoldenMismatch, ModelError
from model.forking import in_fork, in_forks
from model.loading import Loaded, load, make_rows, verify
from model.prediction import Rows
from model.predictor import Predictor

HELP = "measure a bundle on this machine, and recommend workers and threads"
BATCHES = (1, 10, 100, 1000, 10_000)
THREADS = (2, 4)
TRIES = 3  # of which the best counts: other work on the machine can only slow a try down
FEWEST_THREADS = 4
DEADLINE_SECONDS = 120.0  # of one measurement, beyond the time it is asked to take
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
    """How fast a bundle predicts on this machine, and the settings that follow."""

    model: str
    engine: str
    cores: int
    batches: list[Batch]
    processes: list[Together]
    threads: list[Together]
    workers: int
    worker_threads: int


def add_arguments(parser: argparse.ArgumentParser, environ: Mapping[str, str]) -> None:
    """Declare the command's arguments."""
    help_ = "length of each measurement (default: %(default)s)"
    parser.add_argument("--seconds", type=float, default=1.0, help=help_)
    add_bundle(parser, environ)
    add_trust(parser, environ)


def run(options: argparse.Namespace) -> int:
    """Measure the bundle and print the report."""
    report = bench(options.bundle, trust_in(options), options.seconds)
    print(to_json(asdict(report)) if options.json else as_table(report))
    return 0


def bench(directory: Path, trust: Trust, seconds: float) -> Report:
    """Measure a bundle with its golden rows, repeated; each measurement takes about `seconds`.

    The model is loaded in a forked process, and predicts in forks of that, as the server's workers do. Raises
    ModelError.
    """
    say_progress(f"loading {directory}")

    def work() -> dict[str, Any]:
        try:
            return asdict(_measure(load(directory, trust), seconds))
        except ModelError as error:
            return {"code": error.code, "message": str(error)}

    answer = in_fork(work, math.inf)
    if answer is None:
        raise GoldenMismatch("the process that loads the model crashed; `python -m model check` says more.")
    if "code" in answer:
        raise ModelError.of(answer["code"], answer["message"])
    parts = {"batches": Batch, "processes": Together, "threads": Together}
    return Report(**{**answer, **{name: [kind(**each) for each in answer[name]] for name, kind in parts.items()}})


def _measure(loaded: Loaded, seconds: float) -> Report:
    gc.collect()
    gc.freeze()
    cores = len(os.sched_getaffinity(0))

    def together(processes: int, threads: int) -> float:
        """Return the rows per second of several processes with several threads each."""
        say_progress(f"predicting one row at a time: processes {processes}, threads {threads}")

        def work() -> dict[str, float]:
            return {"rate": _rate(loaded, threads, seconds / TRIES)}

        rates: list[float] = [sum(_ask(work, processes, "rate", seconds)) for _ in range(TRIES)]
        return max(rates)

    say_progress(f"predicting batches of {', '.join(f'{rows:,}' for rows in BATCHES)} rows")
    (batches,) = _ask(lambda: _batches(loaded, seconds), 1, "batches", seconds * len(BATCHES))
    processes = [Together(count, together(count, 1)) for count in _doubling(cores)]
    threads = [Together(1, processes[0].rate), *(Together(count, together(1, count)) for count in THREADS)]
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
    """Return the largest count where each addition to the last worthwhile one still adds WORTH of the first's rate."""
    best = tried[0]
    for each in tried[1:]:
        if each.rate - best.rate >= WORTH * tried[0].rate * (each.count - best.count):
            best = each
    return best.count


def _doubling(most: int) -> list[int]:
    """Return 1, 2, 4, … and the most."""
    return [*itertools.takewhile(lambda count: count < most, (2**power for power in range(16))), most]


def _ask(work: Callable[[], dict[str, Any]], count: int, what: str, seconds: float) -> list[Any]:
    """Do the work in forked processes, and return one member of each answer; raises GoldenMismatch if one has none."""
    answers = [each[what] for each in in_forks(work, count, DEADLINE_SECONDS + seconds) if each and what in each]
    if len(answers) < count:
        raise GoldenMismatch(
            "the model does not predict its golden rows in a forked process; `python -m model check` says more."
        )
    return answers


def _batches(loaded: Loaded, seconds: float) -> dict[str, Any]:
    """Time calls of each size, one after the other."""
    verify(loaded)
    predict = Predictor(loaded).predict
    found = []
    for count in BATCHES:
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
            break  # ten times as many rows would take far too long
    return {"batches": found}


def _rate(loaded: Loaded, threads: int, seconds: float) -> float:
    """Return the single rows per second that several threads of this process predict in total."""
    verify(loaded)
    predict, row = Predictor(loaded).predict, _repeat_golden(loaded, 1)
    end = time.perf_counter() + seconds
    start, calls = time.perf_counter(), [0] * threads

    def predict_until_end(place: int) -> None:
        while not calls[place] or time.perf_counter() < end:
            predict(row)
            calls[place] += 1

    running = [threading.Thread(target=predict_until_end, args=(place,)) for place in range(threads)]
    for each in running:
        each.start()
    for each in running:
        each.join()
    return sum(calls) / (time.perf_counter() - start)


def _repeat_golden(loaded: Loaded, count: int) -> Rows:
    golden = make_rows(loaded.manifest.golden.rows, loaded.manifest.signature)
    return np.ascontiguousarray(golden[np.arange(count) % len(golden)])


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
    workers = next(each for each in report.processes if each.count == report.workers)
    gain = workers.rate / report.processes[0].rate
    computing = worthwhile(report.threads)
    threads = "only one thread of a process computes" if computing == 1 else f"{computing} threads of a process compute"
    return [
        f"WEB_CONCURRENCY={report.workers}: {report.workers} processes predict {gain:.2f} times as fast as one.",
        f"THREADS={report.worker_threads}: {threads} at a time; the others receive and send.",
    ]
