"""Every metric of the server, declared once. Label values come from code, never from a request."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from prometheus_client import Counter, Gauge, Histogram

from service.monitoring.class_counts import MOST_CLASSES
from service.monitoring.feature_labels import MOST_FEATURES
from service.process_table import STATES

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
CONNECTION_STATES: Final = ("reading", "answering", "sending", "idle")


@dataclass(frozen=True)
class Declaration:
    """One metric: its type with the type's options, its name without the prefix, its labels and its help.

    `values` are those of its only label, if they are known beforehand. A metric that is computed `at_scrape` is stored
    nowhere; processes.py and drift_metrics.py compute it.
    """

    kind: Callable[..., Any]
    name: str
    labels: tuple[str, ...]
    help: str
    options: tuple[tuple[str, Any], ...] = ()
    values: tuple[str, ...] = ()
    at_scrape: bool = False


def _at_scrape(name: str, labels: tuple[str, ...], text: str, values: tuple[str, ...] = ()) -> Declaration:
    return Declaration(Gauge, name, labels, text, values=values, at_scrape=True)


_LIVE_SUM: Final = (("multiprocess_mode", "livesum"),)
_LIVE_MAX: Final = (("multiprocess_mode", "livemax"),)
DRIFT: Final = (
    _at_scrape("drift_window_rows", (), "Rows that are compared with the training data."),
    _at_scrape("drift_least_rows", (), "With fewer rows than this, nothing is said of drift."),
    _at_scrape("drift_feature_psi", ("feature",), "Population stability index of a feature against its training data."),
    _at_scrape("drift_feature_missing_ratio", ("feature",), "Share of rows where a feature is missing."),
    _at_scrape(
        "drift_feature_training_missing_ratio", ("feature",), "Share of training rows where a feature is missing."
    ),
    _at_scrape(
        "drift_feature_unseen_ratio",
        ("feature",),
        "Share of rows where a feature has a category that is not in the training data.",
    ),
    _at_scrape(
        "drift_feature_out_of_range_ratio",
        ("feature",),
        "Share of rows where a feature is outside its range in training.",
    ),
    _at_scrape(
        "drift_prediction_psi",
        (),
        "Population stability index of the predicted classes against those of the training rows.",
    ),
    _at_scrape("drift_class_ratio", ("class",), "Share of rows by predicted class."),
    _at_scrape("drift_training_class_ratio", ("class",), "Share of training rows by predicted class."),
    _at_scrape("drift_score_psi", (), "Population stability index of the scores against those of the training rows."),
    _at_scrape(
        "drift_score_ratio",
        ("bin",),
        "Share of rows by bin of the score: 1 to 10, a tenth of the training rows in each.",
    ),
    _at_scrape("drift_training_score_ratio", ("bin",), "Share of training rows by bin of the score."),
)
CATALOGUE: Final = (
    Declaration(
        Counter,
        "requests_total",
        ("protocol", "code", "status"),
        "Prediction requests by outcome: code and status class.",
    ),
    Declaration(
        Histogram,
        "request_duration_seconds",
        ("protocol", "outcome"),
        "Time from a request being read completely to its answer being ready: ok, refused (4xx) or failed (5xx).",
        (("buckets", SECONDS),),
    ),
    Declaration(
        Histogram,
        "phase_duration_seconds",
        ("phase",),
        "Time that prediction requests spent in each phase: read, queue, parse, predict, encode.",
        (("buckets", PHASE_SECONDS),),
        values=PHASES,
    ),
    Declaration(Histogram, "request_rows", (), "Rows of each answered prediction request.", (("buckets", ROWS),)),
    Declaration(
        Histogram,
        "response_size_bytes",
        (),
        "Size of the body of each answer to a prediction request, as it is sent.",
        (("buckets", BYTES),),
    ),
    Declaration(
        Counter,
        "shed_requests_total",
        ("reason",),
        "Prediction requests that were shed: backlog, slots, queue_time, deadline.",
        values=SHED,
    ),
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
        ("code", "status"),
        "Refused requests that are no prediction requests, such as unknown paths and malformed HTTP.",
    ),
    _at_scrape("in_progress_requests", (), "Prediction requests in progress."),
    _at_scrape(
        "waiting_requests",
        (),
        "Requests that have arrived and wait for a worker's main loop, a thread or a prediction slot.",
    ),
    _at_scrape("waiting_requests_limit", (), "Requests that may wait in all ready workers before others are refused."),
    _at_scrape("predicting_requests", (), "Requests that hold a prediction slot."),
    _at_scrape("prediction_slots", (), "Prediction slots of all ready workers."),
    _at_scrape(
        "connections",
        ("state",),
        "Open connections: reading a request, answering it, sending the answer, or idle.",
        values=CONNECTION_STATES,
    ),
    _at_scrape("connections_limit", (), "Connections that all ready workers may have."),
    _at_scrape(
        "workers",
        ("state",),
        "Worker processes: starting, ready, stopping, or hung (a request has exceeded PREDICT_SECONDS).",
        values=STATES,
    ),
    _at_scrape("workers_configured", (), "Workers that the master keeps running."),
    _at_scrape(
        "worker_memory_bytes", ("worker",), "Memory of a process: its own, and its share of what processes share (PSS)."
    ),
    Declaration(
        Counter,
        "worker_cpu_seconds_total",
        ("worker",),
        "CPU seconds of the master, or of all processes that a worker's slot has had.",
        at_scrape=True,
    ),
    Declaration(Gauge, "ready_workers", (), "Workers that reproduced the golden rows and accept requests.", _LIVE_SUM),
    Declaration(Gauge, "draining", (), "1 while the server drains.", _LIVE_MAX),
    Declaration(Gauge, "start_timestamp_seconds", (), "Unix time at which the server was started.", _LIVE_MAX),
    Declaration(
        Gauge, "build_info", ("version", "revision", "python"), "1 for the version of the server that runs.", _LIVE_MAX
    ),
    Declaration(
        Gauge, "model_info", ("name", "version", "digest", "engine"), "1 for the model that is served.", _LIVE_MAX
    ),
    Declaration(
        Gauge, "model_created_timestamp_seconds", (), "Unix time at which the served model was packed.", _LIVE_MAX
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
        Gauge,
        "model_reload_failed_timestamp_seconds",
        (),
        "Unix time at which a reload last failed; 0 if none has since the server was started.",
        _LIVE_MAX,
    ),
    Declaration(
        Counter,
        "origin_checks_total",
        ("outcome",),
        "Looks at MODEL_URI (with WATCH_SECONDS): unchanged, replaced (a new bundle was fetched), failed.",
        values=("unchanged", "replaced", "failed"),
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
    Declaration(
        Counter,
        "spans_total",
        ("outcome",),
        "Spans of traces: sent, failed (the collector did not take them), or dropped (no room, or no time).",
        values=("sent", "failed", "dropped"),
    ),
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
    *DRIFT,
)
