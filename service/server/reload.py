"""The master's reload: a new model is tried first, and no failure changes what is served."""

import signal
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol

from gunicorn.sock import close_sockets

from service.config.refusals import Refused
from service.process_table import WorkerStatus
from service.server.directory_watch import DirectoryWatch
from service.server.interfaces import Hosted
from service.server.shutdown import Shutdown, StopRequested
from service.server.supervision import NotStarted, Supervision

PAUSE_SECONDS: Final = 0.02
SERVED: Final = {WorkerStatus.READY, WorkerStatus.LEFT}


class Master(Protocol):
    """What a reload needs from the arbiter."""

    WORKERS: dict[int, Any]
    LISTENERS: list[Any]
    num_workers: int
    log: Any

    def spawn_worker(self) -> int:
        """Start a worker; raises NotStarted."""

    def kill_worker(self, pid: int, sig: int) -> None:
        """Send a worker a signal."""

    def reap_workers(self) -> None:
        """Clean up after workers that have gone."""


class Reload:
    """Replaces the model and the workers that serve it."""

    def __init__(self, hosted: Hosted, shutdown: Shutdown, supervision: Supervision, watch: DirectoryWatch) -> None:
        self._hosted, self._swap = hosted, hosted.swap
        self._shutdown, self._supervision, self._watch = shutdown, supervision, watch

    def run(self, master: Master, look_after_workers: Callable[[], bool]) -> None:
        """Start workers that serve the model that is there now; when all are ready, stop the old ones.

        If the model is refused, the new workers serve the old one. If a new worker does not become ready, the old
        workers go on.
        """
        old = set(master.WORKERS)
        refusal = self._take_model(master, look_after_workers)
        if failure := self._start_workers(master):
            for pid in master.WORKERS.keys() - old:  # one that serves already finishes its requests
                serves = self._supervision.status_of(master.WORKERS[pid]) is WorkerStatus.READY
                master.kill_worker(pid, signal.SIGTERM if serves else signal.SIGKILL)
            self._swap.roll_back()
        else:
            for pid in old:
                master.kill_worker(pid, signal.SIGTERM)
            self._swap.commit()
        if refusal or failure:
            reason = "the server is stopping" if self._shutdown.requested else refusal or failure
            directory = self._hosted.settings.model_dir
            master.log.error("the model in %s is not served, the old one stays: %s", directory, reason)
        else:
            master.log.info("model %s is served from now on", self._swap.name)
        self._hosted.events.reloaded(not (refusal or failure))

    def _take_model(self, master: Master, look_after_workers: Callable[[], bool]) -> str:
        """Try and load the model that is there now; return what is wrong with it, or "".

        The processes that try it close the listeners, because they may hang and outlive the server.
        """
        try:
            self._swap.try_in_fork(look_after_workers, partial(close_sockets, master.LISTENERS, unlink=False))
            self._shutdown.interruptibly(self._swap.load)
        except StopRequested:
            refusal = "the server is stopping"
        except Refused as error:
            refusal = f"{error.code}: {error}"
        else:
            refusal = ""
        self._watch.note(self._swap.tried)  # not in a worker forked meanwhile, which leaves by SystemExit
        return refusal

    def _start_workers(self, master: Master) -> str:
        """Start new workers and wait until all are ready; return why they are not, or ""."""
        if self._shutdown.requested:
            return "the server is stopping"
        new: dict[int, Any] = {}
        try:  # only the master goes on after this; a worker leaves by SystemExit
            for _ in range(master.num_workers):
                pid = master.spawn_worker()
                new[pid] = master.WORKERS[pid]
        except NotStarted as error:
            return str(error)
        end = time.monotonic() + self._hosted.settings.boot_seconds
        while time.monotonic() < end and not self._shutdown.requested:
            master.reap_workers()
            if any(pid not in master.WORKERS and not worker.left for pid, worker in new.items()):
                break
            if all(worker.left or self._supervision.status_of(worker) in SERVED for worker in new.values()):
                return ""
            time.sleep(PAUSE_SECONDS)
        return "a worker did not get ready with it; the lines above say more"
