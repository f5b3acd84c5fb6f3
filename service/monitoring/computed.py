"""The metrics that are computed at each scrape and stored in no file: those of processes, and those of drift."""

import math
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import prometheus_client
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from service.drift.reference import BINS, LONGEST
from service.drift.report import Bin, Report
from service.monitoring.catalogue import PREFIX, Declaration
from service.process_table import MASTER, STATES, ProcessTable, Row

# Reading the memory of a process takes milliseconds. So a scrape updates the oldest figures first, stops after
# LOOKING_SECONDS, and leaves figures alone that are younger than FRESH_SECONDS.
LOOKING_SECONDS: Final = 0.004
FRESH_SECONDS: Final = 2.0
CONNECTION_STATES: Final = ("reading", "answering", "sending", "idle")
_TICKS: Final = os.sysconf("SC_CLK_TCK")
# Fields of /proc/PID/stat after the name of the program, which is in parentheses and may hold anything.
_UTIME, _STIME = 11, 12
FEATURE_FIGURES: Final = ("psi", "missing_ratio", "training_missing_ratio", "unseen_ratio", "out_of_range_ratio")
_UNKNOWN: Final = Bin(None, None, None, None, None)
# A metric's name without prefix, its labels' values, and its value; None if that is unknown.
Sample = tuple[str, tuple[str, ...], float | None]
Reports = Callable[[], Report] | None


class Computed(Collector):
    """Collects declared metrics, whose samples are computed at each scrape."""

    def __init__(self, declared: Iterable[Declaration], samples: Callable[[], Iterable[Sample]]) -> None:
        self._declared, self._samples = declared, samples

    def collect(self) -> Iterable[Metric]:
        """Return the metrics; of two samples of one series, the first counts."""
        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
        for item in self._declared:
            kind = CounterMetricFamily if item.kind is prometheus_client.Counter else GaugeMetricFamily
            families[item.name] = kind(f"{PREFIX}_{item.name}", item.help, labels=item.labels)
        values: dict[tuple[str, tuple[str, ...]], float | None] = {}
        for name, labels, value in self._samples():
            values.setdefault((name, labels), value)
        for (name, labels), value in values.items():
            families[name].add_metric(labels, math.nan if value is None else value)
        return families.values()


def of_processes(table: ProcessTable) -> Iterator[Sample]:
    """Yield what the processes of the server tell of themselves, most of it as sums over all of them."""
    slots = list(table.used())
    rows = [row for _, row in slots]
    _look_at_memory([row for row in rows if row.pid])
    serving = [row for row in rows if STATES[row.state] != "stopping"]
    yield "in_progress_requests", (), sum(row.in_progress for row in rows)
    yield "waiting_requests", (), sum(row.waiting + row.queued for row in rows)
    yield "waiting_requests_limit", (), sum(row.most_waiting + row.most_queued for row in serving)
    yield "predicting_requests", (), sum(row.predicting for row in rows)
    yield "prediction_slots", (), sum(row.most_predicting for row in serving)
    for state in CONNECTION_STATES:
        yield "connections", (state,), sum(getattr(row, state) for row in rows)
    yield "connections_limit", (), sum(row.most_connections for row in serving)
    workers = Counter(STATES[row.state] for slot, row in slots if row.pid and slot != MASTER)
    for state in STATES:
        yield "workers", (state,), workers[state]
    yield "workers_configured", (), table.server.wanted
    for slot, row in slots:
        if row.pid and row.memory_kilobytes:
            yield "worker_memory_bytes", (slot,), row.memory_kilobytes * 1024
        seconds = row.computed(cpu_seconds(row.pid) or 0.0) if row.pid else row.cpu_seconds
        yield "worker_cpu_seconds_total", (slot,), seconds


def _look_at_memory(rows: list[Row]) -> None:
    """Read the memory of some processes, and note it in the table, where every process can read it."""
    start = now = time.monotonic()
    for row in sorted(rows, key=lambda row: row.memory_read_at):
        if now - start > LOOKING_SECONDS or now - row.memory_read_at < FRESH_SECONDS:
            break
        read_memory(row)
        now = time.monotonic()


def read_memory(row: Row) -> None:
    """Read how much memory the process of a row has, and note it there."""
    row.memory_read_at = time.monotonic()
    row.memory_kilobytes = memory_kilobytes(row.pid) or 0


def cpu_seconds(pid: int) -> float | None:
    """Return the CPU seconds of a process, in user and in kernel mode; None if it has gone (proc(5))."""
    with suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return (int(fields[_UTIME]) + int(fields[_STIME])) / _TICKS
    return None


def memory_kilobytes(pid: int) -> int | None:
    """Return the PSS of a process: its own memory, and its share of what it shares with others.

    It is None if the process has gone, or this one may not look at it. The kernel looks at each page of the process to
    compute it, which takes some milliseconds.
    """
    with suppress(OSError, ValueError, IndexError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), None)
    return None


def of_drift(report: Report) -> Iterator[Sample]:
    """Yield the figures of the drift report, which is over all workers."""
    yield "drift_window_rows", (), report.window.rows
    yield "drift_least_rows", (), report.window.least_rows
    for feature in report.features:
        for figure in FEATURE_FIGURES:
            yield f"drift_feature_{figure}", (feature.name[:LONGEST],), getattr(feature, figure)
    yield "drift_prediction_psi", (), report.prediction.psi
    for each in report.prediction.classes:
        yield "drift_class_ratio", (str(each.value),), each.window
        yield "drift_training_class_ratio", (str(each.value),), each.training
    yield "drift_score_psi", (), report.score.psi
    for number, score_bin in enumerate(report.score.bins or (_UNKNOWN,) * BINS, 1):
        yield "drift_score_ratio", (str(number),), score_bin.window
        yield "drift_training_score_ratio", (str(number),), score_bin.training
