"""Every metric, declared once, with labels whose values come from code; one exposition for all workers."""

import os
import struct
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, exposition, values

from model.loading import Loaded
from service.errors import OK, TABLE
from service.monitoring import metric_files
from service.protocols.call import Statistics

Found = TypeVar("Found")
PREFIX: Final = "mlservice"
# From a small model on one row to a large forest on thousands; the edges an SLO is likely to name are exact.
SECONDS: Final = (0.0003, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
MOST_CLASSES: Final = 20
OTHER: Final = "(other)"
SCRAPE_TRIES: Final = 5
SCRAPE_PAUSE_SECONDS: Final = 0.02


@dataclass(frozen=True)
class Declaration:
    """One metric: its kind with the kind's own options, name without prefix, labels and help."""

    kind: Callable[..., Any]
    name: str
    labels: tuple[str, ...]
    help: str
    options: tuple[tuple[str, Any], ...] = ()


_LIVE_SUM: Final = (("multiprocess_mode", "livesum"),)
_LIVE_MAX: Final = (("multiprocess_mode", "livemax"),)
CATALOGUE: Final = (
    Declaration(Counter, "requests_total", ("protocol", "code"), "Prediction requests by outcome."),
    Declaration(
        Histogram,
        "request_duration_seconds",
        ("protocol",),
        "From the whole request having been read to its answer being ready.",
        (("buckets", SECONDS),),
    ),
    Declaration(Counter, "failed_seconds_total", ("protocol",), "Seconds spent on prediction requests that failed."),
    Declaration(Counter, "rows_total", ("protocol",), "Rows predicted."),
    Declaration(Counter, "predictions_total", ("class",), f"Rows by predicted class; past {MOST_CLASSES}: (other)."),
    Declaration(Gauge, "in_progress_requests", (), "Prediction requests being worked on.", _LIVE_SUM),
    Declaration(Gauge, "ready_workers", (), "Workers that proved the model and take requests.", _LIVE_SUM),
    Declaration(Gauge, "draining", (), "1 while the server asks to be sent no more requests.", _LIVE_MAX),
    Declaration(Gauge, "model_info", ("name", "version", "digest", "engine"), "1 for the model served.", _LIVE_MAX),
    Declaration(Gauge, "model_loaded_timestamp_seconds", (), "When the model served was loaded.", _LIVE_MAX),
    Declaration(
        Counter, "model_reloads_total", ("outcome",), "Reloads of the model: ok, or failed (the old one stays)."
    ),
    Declaration(
        Counter,
        "workers_lost_total",
        ("reason",),
        "Workers that ended unasked: died, boot (not ready in time), hung (a request was), silent (no sign of life).",
    ),
    Declaration(
        Counter, "worker_starts_failed_total", (), "Times that a worker could not be started; it is tried again."
    ),
    Declaration(Counter, "unshared_workers_total", (), "Workers whose counts no scrape sees: no room for their files."),
    Declaration(Gauge, "unreadable_metric_files", (), "Files that this scrape leaves out, being torn.", _LIVE_MAX),
    Declaration(Counter, "log_dropped_total", (), "Lines of the prediction log that could not be written."),
    Declaration(Counter, "stderr_dropped_total", (), "Records that could not be written to stderr."),
    Declaration(Counter, "out_of_descriptors_total", (), "Times that a worker had no descriptor for a connection."),
    Declaration(
        Counter,
        "connections_closed_total",
        ("reason",),
        "Connections closed to make room: idle, or slow.",
    ),
    Declaration(Counter, "clock_steps_total", ("direction",), "Times that the system's clock was set: back, forward."),
)

# The values of the labels that are known beforehand, for the metrics with one label.
_LABELS: Final = {
    "workers_lost_total": ("died", "boot", "hung", "silent"),
    "connections_closed_total": ("idle", "slow"),
    "clock_steps_total": ("back", "forward"),
    "model_reloads_total": ("ok", "failed"),
}


class Slot:
    """Which set of files this process writes: one a worker slot, so that files do not grow with restarts."""

    name: str = metric_files.MASTER


class Metrics:
    """All metrics of one server; `directory` is where its processes share them, None for a single process."""

    def __init__(self, protocols: Iterable[str], directory: Path | None = None) -> None:
        self.slot = Slot()
        self._directory = directory
        self._reading = threading.Lock()
        self._last: dict[str, tuple[float, Any]] = {}  # what was read last, and when that was begun
        self._registry = CollectorRegistry()
        made = self._declare()
        self._requests = made["requests_total"]
        self._duration = made["request_duration_seconds"]
        self._failed_seconds = made["failed_seconds_total"]
        self._rows = made["rows_total"]
        self._predictions = made["predictions_total"]
        self._model_info = made["model_info"]
        self._loaded_at = made["model_loaded_timestamp_seconds"]
        self.in_progress = made["in_progress_requests"]
        self._ready = made["ready_workers"]
        self.draining = made["draining"]
        self.log_dropped = made["log_dropped_total"]
        self.stderr_dropped = made["stderr_dropped_total"]
        self._reloads = made["model_reloads_total"]
        self.out_of_descriptors = made["out_of_descriptors_total"]
        self.connections_closed = made["connections_closed_total"]
        self.clock_steps = made["clock_steps_total"]
        self.not_started = made["worker_starts_failed_total"]
        self._unshared = made["unshared_workers_total"]
        self._unreadable = made["unreadable_metric_files"]
        self._workers_lost = made["workers_lost_total"]
        for name, labels in _LABELS.items():
            for label in labels:
                made[name].labels(label)
        # Every series exists, at zero, before the first request, and is looked up once.
        self._by_protocol = {
            each: (self._duration.labels(each), self._rows.labels(each), self._failed_seconds.labels(each))
            for each in protocols
        }
        self._by_code = {
            (each, code): self._requests.labels(each, code) for each in self._by_protocol for code in (OK, *TABLE)
        }
        self._by_class: dict[str, Any] = {}

    def _declare(self) -> dict[str, Any]:
        """Make the metrics of the catalogue, on files by slot where several processes share them."""
        if self._directory is None:
            values.ValueClass = values.MutexValue
        else:
            metric_files.use()
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(self._directory)  # where the client library looks
            values.ValueClass = values.MultiProcessValue(lambda: self.slot.name)
        return {
            item.name: item.kind(
                f"{PREFIX}_{item.name}", item.help, item.labels, registry=self._registry, **dict(item.options)
            )
            for item in CATALOGUE
        }

    def declare_classes(self, classes: Iterable[object]) -> None:
        """Make the series of a classifier's first classes, at zero."""
        names = list(map(str, classes))
        for name in [*names[:MOST_CLASSES], *([OTHER] if len(names) > MOST_CLASSES else [])]:
            self._of_class(name)

    def served(self, loaded: Loaded, at: float) -> None:
        """Say which model this process serves since when (Unix seconds), and that it is ready."""
        manifest = loaded.manifest
        self._model_info.labels(manifest.name, manifest.version, loaded.digest[:12], loaded.engine.name).set(1)
        self._loaded_at.set(at)
        self._ready.set(1)

    def reloaded(self, *, ok: bool) -> None:
        """Count one reload of the model."""
        self._reloads.labels("ok" if ok else "failed").inc()

    def worker_lost(self, reason: str) -> None:
        """Count one worker that ended unasked."""
        self._workers_lost.labels(reason).inc()

    def answered(self, protocol: str, code: str, seconds: float) -> None:
        """Count one request by its outcome."""
        duration, _, failed = self._by_protocol[protocol]
        self._by_code[protocol, code].inc()
        duration.observe(seconds)
        if code != OK:
            failed.inc(seconds)

    def predicted(self, protocol: str, rows: int, by_class: Iterable[tuple[str, int]]) -> None:
        """Count the rows of one answer, and its rows by class."""
        self._by_protocol[protocol][1].inc(rows)
        for name, count in by_class:
            self._of_class(name).inc(count)

    def _of_class(self, name: str) -> Any:
        if name not in self._by_class:
            self._by_class[name] = self._predictions.labels(name)
        return self._by_class[name]

    def render(self, accept: str, since: float) -> tuple[bytes, str]:
        """Return the exposition of all processes, and its content type as negotiated from the Accept header.

        It holds what was counted before `since` (monotonic clock), and perhaps more.
        """
        try:
            encode, content_type = exposition.choose_encoder(accept)
        except (TypeError, ValueError):  # a version in the header that is none
            encode, content_type = exposition.choose_encoder("")
        return self._shared(content_type, since, lambda: self._read(encode)), content_type

    def _shared(self, what: str, since: float, read: Callable[[], Found]) -> Found:
        """Return what was read last, if that was begun late enough; else read it now, once for all who wait."""
        with self._reading:
            if what not in self._last or self._last[what][0] < since:
                self._last[what] = time.monotonic(), read()
            found: Found = self._last[what][1]
        return found

    def statistics(self, since: float) -> Statistics:
        """Return what became of all prediction requests before `since` (monotonic clock), of all processes."""

        def collect(registry: CollectorRegistry) -> list[tuple[str, str, float]]:
            samples = (sample for family in registry.collect() for sample in family.samples)
            return [(each.name.removeprefix(f"{PREFIX}_"), each.labels.get("code", OK), each.value) for each in samples]

        found = self._shared("statistics", since, lambda: self._read(collect))
        sums: dict[tuple[str, bool], float] = {}
        for name, code, value in found:
            sums[name, code == OK] = sums.get((name, code == OK), 0.0) + value
        failed_seconds = sums["failed_seconds_total", True]
        return Statistics(
            succeeded=int(sums["requests_total", True]),
            failed=int(sums["requests_total", False]),
            rows=int(sums["rows_total", True]),
            succeeded_seconds=sums["request_duration_seconds_sum", True] - failed_seconds,
            failed_seconds=failed_seconds,
        )

    def _read(self, read: Callable[[CollectorRegistry], Found]) -> Found:
        """Return what a function reads off the metrics of all processes."""
        if self._directory is None:
            return read(self._registry)
        for tries_left in reversed(range(SCRAPE_TRIES)):
            files = metric_files.Files(self._directory.glob("*.db"))
            try:
                return self._merged(files, read)
            except (OSError, RuntimeError, ValueError, struct.error):
                if tries_left:  # a worker being born leaves a file half made for a moment
                    time.sleep(SCRAPE_PAUSE_SECONDS)
        return self._merged(files.readable(), read)

    def _merged(self, files: metric_files.Files, read: Callable[[CollectorRegistry], Found]) -> Found:
        """Read what is in the files; those that are left out are counted in what is read."""
        self._unreadable.set(len(list(files.paths[0].parent.glob("*.db"))) - len(files.paths))
        registry = CollectorRegistry(support_collectors_without_names=True)
        registry.register(files)
        return read(registry)

    def make_room(self, slot: str) -> bool:
        """Take the room that a worker of the slot needs; where there is none it counts for itself, and is counted."""
        if self._directory is None or metric_files.allocate(self._directory, slot):
            return True
        self._unshared.inc()
        return False

    def forget(self, slot: str) -> None:
        """Drop the live gauges of a slot whose worker has gone; its counters stay, and its next worker goes on."""
        if self._directory is not None:
            metric_files.forget_live(self._directory, slot)
