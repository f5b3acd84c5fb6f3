"""Every metric of the server, declared once; labels take their values from code, never from requests."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from prometheus_client import Counter, Gauge, Histogram

from service.errors import TABLE
from service.monitoring.class_counts import MOST_CLASSES
from service.monitoring.feature_labels import MOST_FEATURES

PREFIX: Final = "mlservice"
# From a small model on one row to a large forest on thousands; includes the bounds that an SLO is likely to name.
SECONDS: Final = (0.0003, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)


@dataclass(frozen=True)
class Declaration:
    """One metric: its type with the type's own options, its name without the prefix, its labels and its help.

    `values` are the values of its one label, where they are known beforehand.
    """

    kind: Callable[..., Any]
    name: str
    labels: tuple[str, ...]
    help: str
    options: tuple[tuple[str, Any], ...] = ()
    values: tuple[str, ...] = ()


_LIVE_SUM: Final = (("multiprocess_mode", "livesum"),)
_LIVE_MAX: Final = (("multiprocess_mode", "livemax"),)
CATALOGUE: Final = (
    Declaration(Counter, "requests_total", ("protocol", "code"), "Prediction requests by outcome."),
    Declaration(
        Histogram,
        "request_duration_seconds",
        ("protocol",),
        "Time from a request being read completely to its answer being ready.",
        (("buckets", SECONDS),),
    ),
    Declaration(Counter, "failed_seconds_total", ("protocol",), "Seconds spent on prediction requests that failed."),
    Declaration(Counter, "rows_total", ("protocol",), "Rows predicted."),
    Declaration(
        Counter,
        "ignored_columns_total",
        ("protocol",),
        "Columns of answered requests that the model does not take, and that IGNORE_EXTRA_COLUMNS has ignored.",
    ),
    Declaration(
        Counter,
        "predictions_total",
        ("class",),
        f"Rows by predicted class; from the {MOST_CLASSES + 1}st class on: (other).",
    ),
    Declaration(
        Counter,
        "refused_cells_total",
        ("feature",),
        f"Invalid or missing cells of refused requests, up to 100 each; from feature {MOST_FEATURES + 1} on: (other).",
    ),
    Declaration(
        Counter,
        "refused_requests_total",
        ("code",),
        "Refused requests that are no prediction requests, such as unknown paths and malformed HTTP.",
        values=tuple(TABLE),
    ),
    Declaration(Gauge, "in_progress_requests", (), "Prediction requests in progress.", _LIVE_SUM),
    Declaration(Gauge, "ready_workers", (), "Workers that reproduced the golden rows and accept requests.", _LIVE_SUM),
    Declaration(Gauge, "draining", (), "1 while the server drains.", _LIVE_MAX),
    Declaration(
        Gauge, "model_info", ("name", "version", "digest", "engine"), "1 for the model that is served.", _LIVE_MAX
    ),
    Declaration(
        Gauge, "model_loaded_timestamp_seconds", (), "Unix time at which the served model was loaded.", _LIVE_MAX
    ),
    Declaration(
        Counter,
        "model_reloads_total",
        ("outcome",),
        "Reloads of the model: ok, or failed (the old model stays).",
        values=("ok", "failed"),
    ),
    Declaration(
        Counter,
        "workers_lost_total",
        ("reason",),
        "Workers that ended unexpectedly: died, boot (not ready in time), hung (in a request), silent (no heartbeat).",
        values=("died", "boot", "hung", "silent"),
    ),
    Declaration(Counter, "worker_starts_failed_total", (), "Attempts to start a worker that failed; each is repeated."),
    Declaration(
        Counter,
        "unshared_workers_total",
        (),
        "Workers whose counts no scrape sees, because there was no room for their files.",
    ),
    Declaration(Gauge, "unreadable_metric_files", (), "Corrupt metric files skipped by this scrape.", _LIVE_MAX),
    Declaration(Counter, "log_dropped_total", (), "Lines of the prediction log that could not be written."),
    Declaration(Counter, "stderr_dropped_total", (), "Records that could not be written to stderr."),
    Declaration(
        Counter, "out_of_descriptors_total", (), "Times that a worker had no file descriptor for a connection."
    ),
    Declaration(
        Counter,
        "connections_closed_total",
        ("reason",),
        "Connections closed to make room for others: idle, or slow.",
        values=("idle", "slow"),
    ),
    Declaration(
        Counter,
        "clock_steps_total",
        ("direction",),
        "Times that the system clock was set: back, or forward.",
        values=("back", "forward"),
    ),
)
