"""The metrics of the server's processes, which are computed at each scrape and stored in no file."""

import time
from collections import Counter
from collections.abc import Iterable
from typing import Final

import prometheus_client
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from service.monitoring import proc_files
from service.monitoring.catalogue import CATALOGUE, CONNECTION_STATES, DRIFT, PREFIX
from service.process_table import MASTER, STATES, ProcessTable, Row

# Reading the memory of a process takes milliseconds. So a scrape updates the oldest figures first, stops after
# LOOKING_SECONDS, and leaves figures alone that are younger than FRESH_SECONDS.
LOOKING_SECONDS: Final = 0.004
FRESH_SECONDS: Final = 2.0
Values = dict[str, dict[tuple[str, ...], float]]  # values by labels, by metric


class ProcessMetrics:
    """Collects the metrics of processes that the catalogue marks as computed at the scrape."""

    def __init__(self, table: ProcessTable) -> None:
        self._table = table

    def collect(self) -> Iterable[Metric]:
        """Return the metrics."""
        rows = list(self._table.used())
        _look_at_memory([row for _, row in rows if row.pid])
        values = self._workers(rows) | _sums([row for _, row in rows]) | _of_each(rows)
        for item in CATALOGUE:
            if item.at_scrape and item not in DRIFT:
                kind = CounterMetricFamily if item.kind is prometheus_client.Counter else GaugeMetricFamily
                family = kind(f"{PREFIX}_{item.name}", item.help, labels=item.labels)
                for labels, value in values[item.name].items():
                    family.add_metric(labels, value)
                yield family

    def _workers(self, rows: list[tuple[str, Row]]) -> Values:
        states = Counter(STATES[row.state] for slot, row in rows if row.pid and slot != MASTER)
        return {
            "workers": {(state,): states[state] for state in STATES},
            "workers_configured": {(): self._table.row(MASTER).wanted},
        }


def _sums(rows: list[Row]) -> Values:
    """Return the metrics that are sums over all processes."""
    serving = [row for row in rows if STATES[row.state] != "stopping"]
    return {
        "in_progress_requests": {(): sum(row.in_progress for row in rows)},
        "predicting_requests": {(): sum(row.predicting for row in rows)},
        "prediction_slots": {(): sum(row.most_predicting for row in serving)},
        "waiting_requests": {(): sum(row.waiting + row.queued for row in rows)},
        "waiting_requests_limit": {(): sum(row.most_waiting + row.most_queued for row in serving)},
        "connections": {(state,): sum(getattr(row, state) for row in rows) for state in CONNECTION_STATES},
        "connections_limit": {(): sum(row.most_connections for row in serving)},
    }


def _of_each(rows: list[tuple[str, Row]]) -> Values:
    memory: dict[tuple[str, ...], float] = {}
    computed: dict[tuple[str, ...], float] = {}
    for slot, row in rows:
        if row.pid and row.memory_kilobytes:
            memory[slot,] = row.memory_kilobytes * 1024
        computed[slot,] = row.computed(proc_files.cpu_seconds(row.pid) or 0.0) if row.pid else row.cpu_seconds
    return {"worker_memory_bytes": memory, "worker_cpu_seconds_total": computed}


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
    row.memory_kilobytes = proc_files.memory_kilobytes(row.pid) or 0
