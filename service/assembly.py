"""What happens when: start, fork, ready, stop. gunicorn.conf.py and wsgi.py call these and hold no logic.

The order is gunicorn's (27.0, `preload_app`): configuration → application → when_ready → for each worker pre_fork
(master), post_fork and post_worker_init (worker) → … → child_exit (master).

Imports: everything.
"""

import faulthandler
import logging
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask

from model.bundle.trust import make_importable
from model.errors import NoRoom
from model.forking import prefer_oom_kill
from model.loading import verify
from service.config.exit_line import one_line_exit
from service.config.settings import Settings
from service.http import metadata
from service.http.app import Services, create_app
from service.http.auth import AuthState
from service.monitoring import std_streams
from service.monitoring.line_writer import LineWriter
from service.monitoring.log_format import Formatter
from service.monitoring.metrics import Metrics
from service.monitoring.prediction_log import PredictionLog
from service.monitoring.recorder import Recorder
from service.protocols.registry import registry_of
from service.server import early_signals, shared_directory, shared_state, startup
from service.server.arbiter import Arbiter
from service.server.dispatch import Pages
from service.server.orphans import end_soon_after, when_gone
from service.server.shared_state import State, Worker
from service.serving.fetch import Trial, fetch
from service.serving.reload_model import freeze_heap, load_fetched
from service.serving.served_model import ModelSlot

logger = logging.getLogger(__name__)
STDOUT = 1
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # where who listens on all addresses can be asked
# For metrics: several times what the files of a worker and its successor take, and more than there are.
ROOM_FOR_EACH_WORKER, FILES_FOR_EACH_WORKER, FILES = 2**20, 10, 10
# With CPython's 5 ms, a thread that comes back from a read waits that long for one that computes.
SWITCH_SECONDS = 0.0005
# A worker that is ended is replaced.
WORKERS_POINTS = 100


def _configure_logging(level: str) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(Formatter("[%(asctime)s] [%(process)d] [%(levelname)s] %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
    logging.captureWarnings(capture=True)  # else the model's own code writes them to stderr as they are


@dataclass(frozen=True)
class Assembled:
    """What gunicorn's hooks reach through the application."""

    parts: Services
    state: State
    tried: str  # the state of MODEL_DIR that is served (service.serving.model_directory)
    directory: Path


def start(environ: Mapping[str, str]) -> Flask:
    """Return the application, with all that workers share loaded, in the master before any fork.

    No thread is started, and nothing is predicted.
    """
    with one_line_exit(1):
        settings = Settings.from_env(environ)
        _configure_logging(settings.log_level.upper())
        logger.info("settings: %s", " ".join(f"{name}={value}" for name, value in settings.describe().items()))
        # With stdout closed, descriptor 1 is whatever was opened since.
        writer = LineWriter(STDOUT if sys.stdout is not None else os.open(os.devnull, os.O_WRONLY))
        std_streams.give_stdout_to_the_log()
        fetched = fetch(settings, Trial(settings.boot_seconds, imports=True))
        served = load_fetched(settings, fetched)
        loaded, identity = served.loaded, served.contract.identity
        found = identity.name, identity.version, loaded.digest[:12], loaded.engine.name, settings.model_dir
        logger.info("model %s %s (digest %s, %s) loaded from %s", *found)
        early_signals.tidily()
        files = FILES + FILES_FOR_EACH_WORKER * settings.workers
        directory = shared_directory.make(files, ROOM_FOR_EACH_WORKER * settings.workers)
    protocols = registry_of(settings)
    metrics = Metrics(protocols.names, directory)
    std_streams.count(metrics.stderr_dropped.inc)
    metrics.declare_classes(served.contract.signature)
    _make_room(metrics, settings.workers, directory)
    log = PredictionLog(writer.write, share=settings.log_share, most_rows=settings.log_rows, redact=settings.log_redact)
    auth, state = AuthState(fetched.hashes), shared_state.make(directory)
    parts = Services(settings, protocols, ModelSlot(served), metrics, Recorder(metrics, log), auth, state)
    app = create_app(parts)
    app.extensions["ml-service"] = Assembled(parts, state, fetched.state, directory)
    return app


def _make_room(metrics: Metrics, workers: int, directory: Path) -> None:
    """Take room for the metrics of all workers, and of those that replace them in a reload; raises NoRoom."""
    made = [metrics.make_room(f"w{place}") for place in range(2 * workers)]
    if not all(made[:workers]):
        raise NoRoom(
            f"{directory} has no room for the metrics of {workers} workers; free some, or start fewer workers."
        )


def take_charge(arbiter: Any) -> None:
    """Put our arbiter in the place of gunicorn's, which has no setting for it; everything is loaded by now."""
    freeze_heap()
    assembled = of(arbiter.app)
    Arbiter.take_over(arbiter, assembled.parts, assembled.state, assembled.tried)
    with one_line_exit(1):
        startup.listen(arbiter)


def listening(arbiter: Any) -> None:
    """Take signals; say where the server can be asked from this machine, for the health check of its container."""
    early_signals.take_others()
    assembled = of(arbiter.app)
    address = arbiter.LISTENERS[0].getsockname() if arbiter.LISTENERS else None
    if isinstance(address, tuple):
        host, port = str(address[0]), int(address[1])
        shared_directory.say(assembled.directory, ANYWHERE.get(host, host), port)


def take_slot(arbiter: Any, worker: Any) -> None:
    """Give a worker, before its fork, the lowest slot that no living worker has."""
    taken = {other.slot for other in arbiter.WORKERS.values()}
    worker.slot = next(name for name in (f"w{place}" for place in range(len(taken) + 1)) if name not in taken)
    arbiter.state.say(worker.slot, Worker.BOOTING)
    if not arbiter.parts.metrics.make_room(worker.slot):
        logger.error("no room for the metrics of a worker: no scrape will see what it counts; free some memory")


def enter_slot(arbiter: Any, worker: Any) -> None:
    """Write metrics under the worker's slot from here on; until gunicorn sets its handlers, a signal ends the worker.

    It would be put into a queue of the master's that nobody reads here.
    """
    _end_at_once()
    prefer_oom_kill(WORKERS_POINTS)
    arbiter.kept = None  # the model before a reload
    arbiter.parts.metrics.slot.name = worker.slot


def warm_up(worker: Any) -> None:
    """Prove the golden rows in the worker before it takes requests; a worker that cannot ends the server.

    Until it takes requests, a signal to stop ends it wherever it is, also in native code.
    """
    _end_at_once()
    if not worker.alive:  # a signal came since gunicorn set its handlers
        raise SystemExit(0)
    assembled = of(worker.app)
    parts = assembled.parts
    when_gone(worker.ppid, worker.orphaned)
    served = parts.model.current
    # A hang in native code runs no Python signal handler, and gunicorn's timeout does not see a worker that boots.
    told = std_streams.for_code_in_c()
    faulthandler.dump_traceback_later(parts.settings.boot_seconds, exit=True, file=told)
    with one_line_exit(Arbiter.WORKER_BOOT_ERROR):
        verify(served.loaded)
    faulthandler.cancel_dump_traceback_later()
    os.close(told)
    make_importable(parts.settings.model_code)  # for what the model imports later; until now nothing need look there
    sys.setswitchinterval(SWITCH_SECONDS)
    parts.metrics.served(served.loaded, served.loaded_at)
    if parts.settings.admin_bind:
        address, port = worker.sockets[1].getsockname()[:2]
        parts.auth.admin = str(address), str(port)
    worker.init_signals()
    end_soon_after(worker.ppid)
    contract = served.contract
    paths = Pages(metadata.probes(parts.protocols, contract), metadata.scrapes(parts.protocols, contract))
    worker.look_after(parts.settings, assembled.state, parts.metrics, parts.recorder.abandon, paths)
    assembled.state.say(worker.slot, Worker.READY)


def _end_at_once() -> None:
    for number in early_signals.STOPS:
        signal.signal(number, signal.SIG_DFL)


def of(gunicorn_app: Any) -> Assembled:
    """Return what the preloaded application was assembled from."""
    assembled: Assembled = gunicorn_app.wsgi().extensions["ml-service"]
    return assembled
