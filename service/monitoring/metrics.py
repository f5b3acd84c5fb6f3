"""What is counted and measured: each event of the server has one method here, or is counted in its metric directly."""

import datetime
import math
import os
import platform
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from model.loading import Loaded
from model.prediction import Prediction
from model.signature import Signature
from service import VERSION, process_table
from service.errors import Failure
from service.monitoring import metric_files
from service.monitoring.catalogue import DRIFT, PREFIX, PROCESSES, STORED
from service.monitoring.computed import Computed, Reports, of_drift, of_processes
from service.monitoring.exemplars import Exemplars
from service.monitoring.model_labels import ClassCounts, FeatureLabels
from service.monitoring.request_metrics import RequestMetrics
from service.monitoring.scrape import Scraper
from service.process_table import MASTER, ProcessTable, Row


class Slot:
    """The slot of this process, the master's or a worker's: names its metric files, and holds its row of the table."""

    name: str
    row: Row

    def __init__(self, table: ProcessTable) -> None:
        self._table = table
        self.enter(MASTER)

    def enter(self, name: str) -> None:
        """Use the files and the row of this slot from here on."""
        self.name, self.row = name, self._table.row(name)
        self.row.enter(os.getpid())


def _declare(registry: CollectorRegistry) -> dict[str, Any]:
    """Return the stored metrics by name; all series whose labels are known exist, at zero, before the first request."""
    made = {
        item.name: item.kind(f"{PREFIX}_{item.name}", item.help, item.labels, registry=registry, **item.options)
        for item in STORED
    }
    for item in STORED:
        for value in item.values:
            made[item.name].labels(value)
    return made


def _unix_time(moment: str) -> float:
    """Return the Unix time of an RFC 3339 timestamp; NaN if it is invalid."""
    try:
        return datetime.datetime.fromisoformat(moment).timestamp()
    except (ValueError, OverflowError):
        return math.nan


class Metrics:
    """All metrics of one server; `directory` is where its processes share them, None for a single process.

    `drift` returns the drift report for a scrape. `made` are the stored metrics by their names in the catalogue.
    """

    def __init__(self, protocols: Iterable[str], directory: Path | None = None, drift: Reports = None) -> None:
        self._directory = directory
        self.processes = ProcessTable() if directory is None else process_table.make(directory)
        self.slot = Slot(self.processes)
        metric_files.keep_values(directory, lambda: self.slot.name)
        registry = CollectorRegistry()
        self.made = made = _declare(registry)
        made["start_timestamp_seconds"].set(time.time())
        names = tuple(protocols)
        self._rows = {name: made["rows_total"].labels(name) for name in names}
        self._ignored = {name: made["ignored_columns_total"].labels(name) for name in names}
        self.requests = RequestMetrics(made, names)
        self.exemplars = Exemplars(names)
        self._by_class: dict[str, Any] = {}
        self._classes: ClassCounts | None = None
        computed = (
            Computed(PROCESSES, lambda: of_processes(self.processes)),
            Computed(DRIFT, lambda: () if drift is None else of_drift(drift())),
        )
        scraper = Scraper(registry, directory, made["unreadable_metric_files"].set, computed, self.exemplars)
        self._expose, self.statistics, self._prepare = scraper.exposition, scraper.statistics, scraper.prepare

    def exposition(self, accept: str, since: float) -> tuple[bytes, str]:
        """Return the exposition, and its content type as negotiated from the Accept header.

        It has everything that was counted before `since` (monotonic clock), and perhaps more. Phases, rows and sizes
        are measured in batches: those of other processes are there once they have been flushed.
        """
        self.requests.flush()
        return self._expose(accept, since)

    def declare_build(self, revision: str) -> None:
        """Note which version of the server runs."""
        self.made["build_info"].labels(VERSION, revision, platform.python_version()).set(1)

    def declare_model(self, signature: Signature) -> None:
        """Create the series of a model's classes and features, at zero."""
        for name in self._classes_of(signature).names:
            self._of_class(name)
        for label in FeatureLabels(signature).labels:
            self.made["refused_cells_total"].labels(label)

    def prepare_for(self, signature: Signature) -> None:
        """Declare a model before its workers are forked, and make each worker's first scrape as quick as later ones."""
        self.declare_model(signature)
        self._prepare()

    def served(self, loaded: Loaded, at: float) -> None:
        """Note which model this process serves, when it was loaded (Unix seconds), and that the process is ready."""
        manifest, info = loaded.manifest, self.made["model_info"]
        info.labels(manifest.name, manifest.version, loaded.digest, loaded.engine.name).set(1)
        self.made["model_created_timestamp_seconds"].set(_unix_time(manifest.created_at))
        self.made["model_loaded_timestamp_seconds"].set(at)
        self.made["ready_workers"].set(1)

    def reloaded(self, *, ok: bool) -> None:
        """Count one reload of the model, and note when one failed."""
        self.made["model_reloads_total"].labels("ok" if ok else "failed").inc()
        if not ok:
            self.made["model_reload_failed_timestamp_seconds"].set(time.time())

    def refused_cells(self, signature: Signature, failure: Failure) -> None:
        """Count the cells that a request was refused for, by feature."""
        features = [each.feature for each in failure.problems] or [failure.feature]
        for label, count in FeatureLabels(signature).count(features):
            self.made["refused_cells_total"].labels(label).inc(count)

    def ignored(self, protocol: str) -> None:
        """Count one column of a request that was ignored."""
        self._ignored[protocol].inc()

    def predicted(self, protocol: str, signature: Signature, prediction: Prediction) -> None:
        """Count the rows of one answer, in total and by class."""
        self._rows[protocol].inc(len(prediction.labels))
        for name, count in self._classes_of(signature).of(prediction.labels):
            self._of_class(name).inc(count)

    def _classes_of(self, signature: Signature) -> ClassCounts:
        """Return the counter of a model's classes. It is made once, as a process serves one model."""
        if (classes := self._classes) is None or classes.signature is not signature:
            classes = self._classes = ClassCounts(signature)
        return classes

    def _of_class(self, name: str) -> Any:
        if name not in self._by_class:
            self._by_class[name] = self.made["predictions_total"].labels(name)
        return self._by_class[name]

    def make_room(self, slot: str) -> bool:
        """Allocate a worker slot's files; return whether there was room. If not, count a worker that no scrape sees."""
        self.processes.reserve(slot)
        if self._directory is None or metric_files.allocate(self._directory, slot):
            return True
        self.made["unshared_workers_total"].inc()
        return False

    def forget(self, slot: str) -> None:
        """Drop the live gauges of a slot whose worker has gone. Its counters stay; its next worker adds to them."""
        self.processes.row(slot).leave()
        if self._directory is not None:
            metric_files.forget_live(self._directory, slot)
