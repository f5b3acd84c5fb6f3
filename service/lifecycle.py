"""What happens when: start, fork, ready, stop. gunicorn.conf.py and wsgi.py call these and hold no logic.

The order is gunicorn's (27.0, `preload_app`): configuration → application → when_ready → for each worker pre_fork
(master), post_fork and post_worker_init (worker) → … → child_exit (master).
"""

import faulthandler
import gc
import logging
import mmap
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer

from model.errors import ModelError
from model.forking import in_fork
from model.loading import Trust, load, prove
from service import shareddir
from service.app import Parts
from service.linewriter import LineWriter
from service.metrics import PREFIX, Metrics
from service.predictionlog import PredictionLog
from service.protocols import spoken_by
from service.served import Holder, ServedModel
from service.settings import SettingError, Settings

logger = logging.getLogger(__name__)
STDOUT = 1
_SILENT = "it hangs, or crashes the process that tries it"
# With CPython's 5 ms, a thread that comes back from a read waits that long for one that computes.
SWITCH_SECONDS = 0.0005


@contextmanager
def one_line_exit(status: int) -> Iterator[None]:
    """Turn an error that the operator can mend into one line and an exit status, without a traceback."""
    try:
        yield
    except SettingError as error:
        _exit(status, f"ml-service: bad setting: {error}")
    except ModelError as error:
        _exit(status, f"ml-service: {error.code}: {error}")


def _exit(status: int, line: str) -> None:
    print(line, file=sys.stderr, flush=True)
    raise SystemExit(status)


def start(environ: Mapping[str, str]) -> Parts:
    """Load what workers will share, in the master, before any fork: no thread is started and nothing is predicted."""
    with one_line_exit(1):
        settings = Settings.from_env(environ)
        logging.basicConfig(
            level=settings.log_level.upper(), format="[%(asctime)s] [%(process)d] [%(levelname)s] %(name)s: %(message)s"
        )
        logger.info("settings: %s", " ".join(f"{name}={value}" for name, value in settings.describe().items()))
        served = _served(settings)
    spoken = spoken_by(settings)
    metrics = Metrics(spoken.names, shareddir.make(PREFIX))
    metrics.declare_classes(served.class_labels)
    # With stdout closed, descriptor 1 is whatever was opened since.
    writer = LineWriter(STDOUT if sys.stdout is not None else os.open(os.devnull, os.O_WRONLY))
    log = PredictionLog(writer.write, share=settings.log_share, most_rows=settings.log_rows, redact=settings.log_redact)
    return Parts(settings, spoken, Holder(served), metrics, log, mmap.mmap(-1, 1))


def _served(settings: Settings) -> ServedModel:
    trust = Trust(settings.model_sha256, settings.allow_pickle, settings.model_code)
    loaded = load(settings.model_dir, trust)
    _check_redacted(settings, loaded.manifest.signature.names)
    return ServedModel.of(loaded, time.time(), settings.max_rows, settings.model_name)


def _check_redacted(settings: Settings, names: Sequence[str]) -> None:
    """Refuse to redact what the model does not have: a misspelt name would be logged in full."""
    if unknown := [name for name in settings.log_redact if name not in names]:
        raise SettingError(f"LOG_REDACT={', '.join(unknown)}: expected features of the model: {', '.join(names)}.")


def reload_model(arbiter: Any) -> None:
    """Serve what is in MODEL_DIR now from the next workers on; on any failure the old model stays, visibly.

    The new bundle is loaded and proven in a forked process first: whatever it does there, the master lives. An
    exception out of this hook would end the server.
    """
    parts = parts_of(arbiter.app)
    try:
        said = in_fork(lambda: _try(parts.settings), parts.settings.boot_seconds) or {"error": _SILENT}
        if not said["error"]:
            served = _served(parts.settings)
            parts.metrics.declare_classes(served.class_labels)
            parts.holder.swap(served)
            freeze_heap()
            identity = served.contract.identity
            logger.info("model %s %s is served from now on", identity.name, identity.version)
    except Exception as error:  # noqa: BLE001  # see above
        said = {"error": f"{type(error).__name__}: {error}"}
    parts.metrics.reloaded(ok=not said["error"])
    if said["error"]:
        logger.error("the model in %s is not served, the old one stays: %s", parts.settings.model_dir, said["error"])


def _try(settings: Settings) -> dict[str, Any]:
    try:
        prove(_served(settings).loaded)
    except (ModelError, SettingError) as error:
        return {"error": f"{getattr(error, 'code', 'bad setting')}: {error}"}
    return {"error": ""}


def freeze_heap() -> None:
    """Take what is loaded out of the garbage collector's sight, so that no collection copies pages shared by fork."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def take_slot(arbiter: Any, worker: Any) -> None:
    """Give a worker, before its fork, the lowest slot that no living worker has."""
    taken = {other.slot for other in arbiter.WORKERS.values()}
    worker.slot = next(name for name in (f"w{place}" for place in range(len(taken) + 1)) if name not in taken)


def enter_slot(arbiter: Any, worker: Any) -> None:
    """Write metrics under the worker's slot from here on."""
    parts_of(arbiter.app).metrics.slot.name = worker.slot


def warm_up(worker: Any) -> None:
    """Prove the golden rows in the worker before it takes requests; a worker that cannot ends the server."""
    parts = parts_of(worker.app)
    served = parts.holder.current()
    # A hang in native code runs no Python signal handler, and gunicorn's timeout does not see a worker that boots.
    faulthandler.dump_traceback_later(parts.settings.boot_seconds, exit=True)
    with one_line_exit(Arbiter.WORKER_BOOT_ERROR):
        prove(served.loaded)
    faulthandler.cancel_dump_traceback_later()
    sys.setswitchinterval(SWITCH_SECONDS)
    parts.metrics.served(served.loaded, served.loaded_at)
    worker.limit(parts.settings.read_seconds, parts.settings.max_body_bytes)
    parts.proven[0] = 1


def leave_slot(arbiter: Any, worker: Any) -> None:
    """Tidy up after a worker that has gone, however it went; end the server if none ever proved the model.

    Once one has, others serve, and gunicorn replaces what fails.
    """
    parts = parts_of(arbiter.app)
    parts.metrics.forget(worker.slot)
    stopping = not arbiter.LISTENERS
    if not parts.proven[0] and not stopping:
        line = (
            f"a worker hung for BOOT_SECONDS={parts.settings.boot_seconds:g} or crashed before it had proven the model"
        )
        print(f"ml-service: boot_failed: {line}; try `python -m model check`.", file=sys.stderr, flush=True)
        raise HaltServer("no worker could prove the model", Arbiter.WORKER_BOOT_ERROR)


def parts_of(gunicorn_app: Any) -> Parts:
    """Return the parts of the preloaded application."""
    parts: Parts = gunicorn_app.wsgi().extensions["ml-service"]
    return parts
