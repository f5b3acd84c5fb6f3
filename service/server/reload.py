"""The master's reload: a new model is tried first, and no failure changes what is served."""

import signal
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from gunicorn.sock import close_sockets

from service.config.refusals import Refused
from service.process_table import WorkerStatus
from service.server.shutdown import StopRequested
from service.server.supervision import NotStarted

if TYPE_CHECKING:
    from service.server.arbiter import Arbiter

PAUSE_SECONDS: Final = 0.02
SERVED: Final = {WorkerStatus.READY, WorkerStatus.LEFT}


def replace_model(master: "Arbiter") -> None:
    """Start workers that serve the model that is there now; when all are ready, stop the old ones.

    If the model is refused, the new workers serve the old one. If a new worker does not become ready, the old workers
    go on.
    """
    old, swap = set(master.WORKERS), master.hosted.swap
    refusal = _take_model(master)
    if failure := _start_workers(master):
        for pid in master.WORKERS.keys() - old:  # one that serves already finishes its requests
            serves = master.supervision.status_of(master.WORKERS[pid]) is WorkerStatus.READY
            master.kill_worker(pid, signal.SIGTERM if serves else signal.SIGKILL)
        swap.roll_back()
    else:
        for pid in old:
            master.kill_worker(pid, signal.SIGTERM)
        swap.commit()
    if refusal or failure:
        reason = "the server is stopping" if master.shutdown.requested else refusal or failure
        directory = master.hosted.settings.model_dir
        master.log.error("the model in %s is not served, the old one stays: %s", directory, reason)
    else:
        master.log.info("model %s is served from now on", swap.name)
    master.hosted.events.reloaded(not (refusal or failure))


def _take_model(master: "Arbiter") -> str:
    """Try and load the model that is there now; return what is wrong with it, or "".

    The processes that try it close the listeners, because they may hang and outlive the server.
    """
    swap = master.hosted.swap
    try:
        swap.try_in_fork(master.look_after_workers, partial(close_sockets, master.LISTENERS, unlink=False))
        master.shutdown.interruptibly(swap.load)
    except StopRequested:
        refusal = "the server is stopping"
    except Refused as error:
        refusal = f"{error.code}: {error}"
    else:
        refusal = ""
    master.watch.note(swap.tried)  # not in a worker forked meanwhile, which leaves by SystemExit
    return refusal


def _start_workers(master: "Arbiter") -> str:
    """Start new workers and wait until all are ready; return why they are not, or ""."""
    if master.shutdown.requested:
        return "the server is stopping"
    new: dict[int, Any] = {}
    try:  # only the master goes on after this; a worker leaves by SystemExit
        for _ in range(master.num_workers):
            pid = master.spawn_worker()
            new[pid] = master.WORKERS[pid]
    except NotStarted as error:
        return str(error)
    end = time.monotonic() + master.hosted.settings.boot_seconds
    while time.monotonic() < end and not master.shutdown.requested:
        master.reap_workers()
        if any(pid not in master.WORKERS and not worker.left for pid, worker in new.items()):
            break
        if all(worker.left or master.supervision.status_of(worker) in SERVED for worker in new.values()):
            return ""
        time.sleep(PAUSE_SECONDS)
    return "a worker did not get ready with it; the lines above say more"
