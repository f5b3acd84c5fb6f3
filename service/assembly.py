"""Assembles the server: the application, and what the process tree needs from it.

Imports: everything.
"""

import logging
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from flask import Flask

from model.bundle.trust import make_importable
from model.forking import end_with_parent, prefer_oom_kill
from service.config.refusals import NO_ROOM, Refused
from service.config.settings import SettingError, Settings
from service.drift.monitor import DriftMonitor
from service.errors import failure_of
from service.http import documents, operations
from service.http.app import Services, create_app
from service.http.auth import Auth
from service.monitoring import std_streams
from service.monitoring.computed import read_memory
from service.monitoring.line_writer import LineWriter, LogFile
from service.monitoring.log_format import Formatter
from service.monitoring.log_shapes import shape_of
from service.monitoring.metrics import Metrics
from service.monitoring.prediction_log import PredictionLog, Refusal
from service.monitoring.recorder import Recorder
from service.monitoring.redaction import Redaction
from service.protocols.registry import registry_of
from service.server import early_signals, shared_directory
from service.server.dispatch import Pages
from service.server.interfaces import Hosted, MasterEvents, WorkerEvents
from service.serving.fetch import Trial, fetch, load_fetched
from service.serving.model_swap import ModelSwap, freeze_heap
from service.serving.origin import Origin, origin_of
from service.serving.served_model import ModelSlot, ServedModel
from service.tracing.configuration import tracer_of
from service.tracing.context import RequestIds
from service.tracing.request_span import HttpFacts

logger = logging.getLogger(__name__)
STDOUT = 1
# Bytes and files that are reserved for metrics and drift: more than a worker and its successor need.
ROOM_FOR_EACH_WORKER, FILES_FOR_EACH_WORKER, FILES = 2**21, 14, 10
# Added to a worker's oom_score_adj: when memory runs out, the kernel ends a worker, which is replaced, not the master.
WORKERS_POINTS = 100


def start(environ: Mapping[str, str]) -> Flask:
    """Return the application in the master, before any fork, with everything loaded that workers share.

    No thread is started, and nothing is predicted.
    """
    settings = Settings.from_env(environ)
    _configure_logging(settings.log_level.upper(), _redaction(settings))
    logger.info("settings: %s", " ".join(f"{name}={value}" for name, value in settings.describe().items()))
    writer = LineWriter(_log_output(settings))
    std_streams.give_stdout_to_the_log()
    origin = origin_of(settings, environ)
    fetched = fetch(settings, Trial(settings.boot_seconds, imports=True), origin)
    served = load_fetched(settings, fetched)
    loaded, identity = served.loaded, served.contract.identity
    model = f"{identity.name} {identity.version} (digest {loaded.digest}, {loaded.engine.name})"
    logger.info("model %s loaded from %s", model, settings.model_dir)
    early_signals.end_by_exit()
    files = FILES + FILES_FOR_EACH_WORKER * settings.web_concurrency
    directory = shared_directory.make(files, ROOM_FOR_EACH_WORKER * settings.web_concurrency)
    services = assemble(settings, served, fetched.hashes, writer.write, directory, environ)
    std_streams.count(services.metrics.made["stderr_dropped_total"].inc)
    _make_room(services.metrics, settings.web_concurrency, directory)
    services.metrics.prepare_for(served.contract.signature)
    app = create_app(services)
    app.extensions["ml-service"] = _host(services, directory, fetched.state, origin)
    freeze_heap()
    return app


def assemble(
    settings: Settings,
    served: ServedModel,
    hashes: Mapping[bytes, str] | None,
    write: Callable[[bytes], None],
    directory: Path | None = None,
    environ: Mapping[str, str] = MappingProxyType({}),
) -> Services:
    """Return the application's parts; `write` takes lines of the prediction log, `environ` may ask for traces.

    Without a directory in which processes share metrics, the metrics are those of this process.
    """
    protocols = registry_of(settings)
    slot = ModelSlot(served, hashes)
    drift = DriftMonitor(settings, slot, directory)
    metrics = Metrics(protocols.names, directory, drift.report)
    metrics.declare_build(settings.build_revision)
    metrics.declare_model(served.contract.signature)
    log = PredictionLog(
        write,
        share=settings.log_share,
        most_rows=settings.log_rows,
        redaction=_redaction(settings),
        shape=shape_of(settings.log_format, settings.model_name),
    )
    tracer = tracer_of(environ, lambda outcome, number: metrics.made["spans_total"].labels(outcome).inc(number))
    recorder = Recorder(metrics, log, drift, tracer)
    return Services(settings, protocols, slot, metrics, drift, recorder, Auth(slot, protocols, recorder), tracer)


def hosted_by(gunicorn_app: Any) -> Hosted:
    """Return what the process tree needs from the preloaded application, which carries it."""
    hosted: Hosted = gunicorn_app.wsgi().extensions["ml-service"]
    return hosted


def _host(services: Services, directory: Path, tried: str, origin: Origin | None) -> Hosted:
    """Return what the process tree needs from the application; `tried` is the state of MODEL_DIR that is served."""
    settings, metrics, made = services.settings, services.metrics, services.metrics.made
    # The program that watches an origin also fetches from it; then reloads need not.
    fetched_by_reloads = None if settings.watch_seconds else origin
    swap = ModelSwap(settings, services.model, metrics.prepare_for, fetched_by_reloads)
    swap.tried = tried
    watcher = (sys.executable, "-m", "service.serving.watcher", str(Path.cwd()), str(settings.model_dir.absolute()))

    def enter_slot(slot: str) -> None:
        prefer_oom_kill(WORKERS_POINTS)
        metrics.slot.enter(slot)

    return Hosted(
        settings=settings,
        processes=metrics.processes,
        directory=directory,
        swap=swap,
        events=MasterEvents(
            draining=made["draining"].set,
            reloaded=lambda succeeded: metrics.reloaded(ok=succeeded),
            clock_set=lambda direction: made["clock_steps_total"].labels(direction).inc(),
            worker_not_started=made["worker_starts_failed_total"].inc,
            worker_lost=lambda reason: made["workers_lost_total"].labels(reason).inc(),
            worker_gone=metrics.forget,
            origin_checked=lambda outcome: made["origin_checks_total"].labels(outcome).inc(),
        ),
        watch_command=watcher if settings.watch_seconds else (),
        make_room=metrics.make_room,
        enter_slot=enter_slot,
        end_with_parent=end_with_parent,
        stderr_for_crashes=std_streams.for_code_in_c,
        set_up=lambda worker: _set_up(worker, services),
    )


def _set_up(worker: Any, services: Services) -> None:
    """Set up a worker in which the model is proven."""
    settings, served = services.settings, services.model.current
    make_importable(settings.model_code)  # for what the model imports when it predicts
    services.metrics.served(served.loaded, served.loaded_at)
    if services.tracer is not None:
        services.tracer.start()
    if settings.admin_bind:
        address, port = worker.sockets[1].getsockname()[:2]
        services.auth.admin = str(address), str(port)
    protocols, contract = services.protocols, served.contract
    probes, scrapes = operations.probes(protocols, contract), operations.scrapes(protocols, contract)
    pages = Pages(probes, scrapes, documents.slow_paths(settings))
    metrics = services.metrics

    def refused(code: str, ids: RequestIds, facts: HttpFacts) -> None:
        failure = failure_of(code)
        services.recorder.unrouted(ids, Refusal(failure.status, failure, facts))

    events = WorkerEvents(
        connection_closed=lambda kind: metrics.made["connections_closed_total"].labels(kind).inc(),
        out_of_descriptors=metrics.made["out_of_descriptors_total"].inc,
        refused=refused,
        threads_abandoned=services.recorder.abandon,
        periodic=metrics.requests.flush,
        leaving=services.tracer.close if services.tracer else lambda _, __: None,
    )
    row = metrics.slot.row
    row.most_predicting, row.most_waiting = settings.slots_at_most, settings.threads - settings.slots_at_most
    read_memory(row)
    worker.set_up(settings, metrics.processes, events, pages)
    services.drift.start(metrics.slot.name)


def _log_output(settings: Settings) -> LogFile | int:
    """Return what the prediction log is written to: LOG_FILE, or the descriptor of stdout; raises SettingError."""
    if settings.log_file is None:
        # If stdout is closed, descriptor 1 belongs to whatever was opened first.
        return STDOUT if sys.stdout is not None else os.open(os.devnull, os.O_WRONLY)
    file = LogFile(settings.log_file, settings.log_file_bytes, settings.log_files)
    try:
        file.check()
    except OSError as error:
        expected = "a file that can be written, in a directory where files can be made"
        got = error.strerror or error
        raise SettingError(f"LOG_FILE={str(settings.log_file)!r}: expected {expected}; got: {got}.") from None
    return file


def _redaction(settings: Settings) -> Redaction:
    """Return what is left out of the logs; raises SettingError."""
    try:
        return Redaction(settings.log_redact, settings.log_redact_pattern)
    except ValueError:
        expected = "a regular expression in the syntax of RE2 that does not match an empty text"
        raise SettingError(f"LOG_REDACT_PATTERN={settings.log_redact_pattern!r}: expected {expected}.") from None


def _configure_logging(level: str, redaction: Redaction) -> None:
    handler = logging.StreamHandler()
    form = "[%(asctime)s] [%(process)d] [%(levelname)s] %(name)s: %(message)s"
    handler.setFormatter(Formatter(form, redaction=redaction))
    logging.basicConfig(level=level, handlers=[handler])
    logging.captureWarnings(capture=True)  # otherwise warnings of the model's code reach stderr unformatted
    # Warnings may contain values. They are for whoever fits the model, and some libraries warn at each prediction.
    if level != "DEBUG" or redaction.features:
        logging.getLogger("py.warnings").setLevel(logging.ERROR)


def _make_room(metrics: Metrics, workers: int, directory: Path) -> None:
    """Reserve room for the metrics of all workers, and of those that replace them in a reload; raises Refused."""
    reserved = [metrics.make_room(f"w{number}") for number in range(2 * workers)]
    if not all(reserved[:workers]):
        raise Refused(
            NO_ROOM,
            f"{directory} has no room for the metrics of {workers} workers; free some, or start fewer workers.",
        )
