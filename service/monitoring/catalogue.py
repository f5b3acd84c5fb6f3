"""Every metric of the server, declared once. Label values come from code, never from a request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from prometheus_client import Counter, Gauge, Histogram

from service.monitoring.model_labels import MOST_CLASSES, MOST_FEATURES

PREFIX: Final = "mlservice"
# Bounds from one row of a small model to beyond REQUEST_SECONDS; they include those that an SLO is likely to name.
SECONDS: Final = (
    *(0.0003, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
PHASE_SECONDS: Final = (0.00001, 0.000025, 0.00005, 0.0001, 0.0002, *SECONDS)
ROWS: Final = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 100_000)
BYTES: Final = (100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
# The phases of a prediction request, in order.
PHASES: Final = ("read", "queue", "parse", "predict", "encode")
SHED: Final = ("backlog", "slots", "queue_time", "deadline")
# The outcome of a prediction request, by the class of its status.
OUTCOMES: Final = {"2xx": "ok", "4xx": "refused", "5xx": "failed"}


@dataclass(frozen=True)
class Declaration:
    """One metric: its type with the type's options, its name without the prefix, its help and its labels.

    `values` are those of its only label, if they are known beforehand.
    """

    kind: type[Counter | Gauge | Histogram]
    options: Mapping[str, Any]
    name: str
    help: str
    labels: tuple[str, ...]
    values: tuple[str, ...]


def _counter(name: str, text: str, *labels: str, values: tuple[str, ...] = ()) -> Declaration:
    return Declaration(Counter, {}, name, text, labels, values)


def _gauge(name: str, text: str, *labels: str, mode: str = "livemax") -> Declaration:
    return Declaration(Gauge, {"multiprocess_mode": mode}, name, text, labels, ())


def _histogram(
    name: str, text: str, buckets: tuple[float, ...], *labels: str, values: tuple[str, ...] = ()
) -> Declaration:
    return Declaration(Histogram, {"buckets": buckets}, name, text, labels, values)


# In files of each process, which a scrape merges.
STORED: Final = (
    _counter("requests_total", "Prediction requests by outcome: code and status class.", "protocol", "code", "status"),
    _histogram(
        "request_duration_seconds",
        "Time from a request being read completely to its answer being ready: ok, refused (4xx) or failed (5xx).",
        SECONDS,
        "protocol",
        "outcome",
    ),
    _histogram(
        "phase_duration_seconds",
        "Time that prediction requests spent in each phase: read, queue, parse, predict, encode.",
        PHASE_SECONDS,
        "phase",
        values=PHASES,
    ),
    _histogram("request_rows", "Rows of each answered prediction request.", ROWS),
    _histogram("response_size_bytes", "Size of the body of each answer to a prediction request, as it is sent.", BYTES),
    _counter(
        "shed_requests_total",
        "Prediction requests that were shed: backlog, slots, queue_time, deadline.",
        "reason",
        values=SHED,
    ),
    _counter("rows_total", "Rows predicted.", "protocol"),
    _counter(
        "ignored_columns_total",
        "Columns of answered requests that the model does not take, and that IGNORE_EXTRA_COLUMNS has ignored.",
        "protocol",
    ),
    _counter(
        "predictions_total", f"Rows by predicted class; from the {MOST_CLASSES + 1}st class on: (other).", "class"
    ),
    _counter(
        "refused_cells_total",
        f"Invalid or missing cells of refused requests, up to 100 each; from feature {MOST_FEATURES + 1} on: (other).",
        "feature",
    ),
    _counter(
        "refused_requests_total",
        "Refused requests that are no prediction requests, such as unknown paths and malformed HTTP.",
        "code",
        "status",
    ),
    _gauge("ready_workers", "Workers that reproduced the golden rows and accept requests.", mode="livesum"),
    _gauge("draining", "1 while the server drains."),
    _gauge("start_timestamp_seconds", "Unix time at which the server was started."),
    _gauge("build_info", "1 for the version of the server that runs.", "version", "revision", "python"),
    _gauge("model_info", "1 for the model that is served.", "name", "version", "digest", "engine"),
    _gauge("model_created_timestamp_seconds", "Unix time at which the served model was packed."),
    _gauge("model_loaded_timestamp_seconds", "Unix time at which the served model was loaded."),
    _counter(
        "model_reloads_total",
        "Reloads of the model: ok, or failed (the old model stays).",
        "outcome",
        values=("ok", "failed"),
    ),
    _gauge(
        "model_reload_failed_timestamp_seconds",
        "Unix time at which a reload last failed; 0 if none has since the server was started.",
    ),
    _counter(
        "origin_checks_total",
        "Looks at MODEL_URI (with WATCH_SECONDS): unchanged, replaced (a new bundle was fetched), failed.",
        "outcome",
        values=("unchanged", "replaced", "failed"),
    ),
    _counter(
        "workers_lost_total",
        "Workers that ended unexpectedly: died, boot (not ready in time), hung (in a request), silent (no heartbeat).",
        "reason",
        values=("died", "boot", "hung", "silent"),
    ),
    _counter("worker_starts_failed_total", "Attempts to start a worker that failed; each is repeated."),
    _counter(
        "unshared_workers_total", "Workers whose counts no scrape sees, because there was no room for their files."
    ),
    _gauge("unreadable_metric_files", "Corrupt metric files skipped by this scrape."),
    _counter(
        "spans_total",
        "Spans of traces: sent, failed (the collector did not take them), or dropped (no room, or no time).",
        "outcome",
        values=("sent", "failed", "dropped"),
    ),
    _counter("log_dropped_total", "Lines of the prediction log that could not be written."),
    _counter("stderr_dropped_total", "Records that could not be written to stderr."),
    _counter("out_of_descriptors_total", "Times that a worker had no file descriptor for a connection."),
    _counter(
        "connections_closed_total",
        "Connections closed to make room for others: idle, or slow.",
        "reason",
        values=("idle", "slow"),
    ),
    _counter(
        "clock_steps_total",
        "Times that the system clock was set: back, or forward.",
        "direction",
        values=("back", "forward"),
    ),
)
# Computed at each scrape from what processes tell of themselves, and stored nowhere.
PROCESSES: Final = (
    _gauge("in_progress_requests", "Prediction requests in progress."),
    _gauge(
        "waiting_requests",
        "Requests that have arrived and wait for a worker's main loop, a thread or a prediction slot.",
    ),
    _gauge("waiting_requests_limit", "Requests that may wait in all ready workers before others are refused."),
    _gauge("predicting_requests", "Requests that hold a prediction slot."),
    _gauge("prediction_slots", "Prediction slots of all ready workers."),
    _gauge("connections", "Open connections: reading a request, answering it, sending the answer, or idle.", "state"),
    _gauge("connections_limit", "Connections that all ready workers may have."),
    _gauge(
        "workers",
        "Worker processes: starting, ready, stopping, or hung (a request has exceeded PREDICT_SECONDS).",
        "state",
    ),
    _gauge("workers_configured", "Workers that the master keeps running."),
    _gauge(
        "worker_memory_bytes", "Memory of a process: its own, and its share of what processes share (PSS).", "worker"
    ),
    _counter(
        "worker_cpu_seconds_total",
        "CPU seconds of the master, or of all processes that a worker's slot has had.",
        "worker",
    ),
)
# Computed at each scrape, too, from the drift report.
DRIFT: Final = (
    _gauge("drift_window_rows", "Rows that are compared with the training data."),
    _gauge("drift_least_rows", "Rows that the window must have; with fewer, the figures of drift are NaN."),
    _gauge("drift_feature_psi", "Population stability index of a feature against its training data.", "feature"),
    _gauge("drift_feature_missing_ratio", "Share of rows where a feature is missing.", "feature"),
    _gauge("drift_feature_training_missing_ratio", "Share of training rows where a feature is missing.", "feature"),
    _gauge(
        "drift_feature_unseen_ratio",
        "Share of rows where a feature has a category that is not in the training data.",
        "feature",
    ),
    _gauge(
        "drift_feature_out_of_range_ratio", "Share of rows where a feature is outside its range in training.", "feature"
    ),
    _gauge(
        "drift_prediction_psi",
        "Population stability index of the predicted classes against those of the training rows.",
    ),
    _gauge("drift_class_ratio", "Share of rows by predicted class.", "class"),
    _gauge("drift_training_class_ratio", "Share of training rows by predicted class.", "class"),
    _gauge("drift_score_psi", "Population stability index of the scores against those of the training rows."),
    _gauge(
        "drift_score_ratio", "Share of rows by bin of the score: 1 to 10, a tenth of the training rows in each.", "bin"
    ),
    _gauge("drift_training_score_ratio", "Share of training rows by bin of the score.", "bin"),
)
CATALOGUE: Final = (*STORED, *PROCESSES, *DRIFT)
