"""The master's reload: the new configuration and model are tried first, and nothing that fails changes anything."""

import signal
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from gunicorn.sock import close_sockets

from service.config.exit_line import Refused
from service.server.follow import Watcher
from service.server.shared_state import Worker
from service.server.spawn import SpawningArbiter
from service.serving.fetch import Fetched, Trial, fetch, tried
from service.serving.reload_model import reload_model
from service.serving.served_model import ServedModel

PAUSE_SECONDS: Final = 0.02
LOOK_SECONDS: Final = 1.0  # between two looks at whether workers live: what the first asks to end has time to
SERVED: Final = {Worker.READY, Worker.LEFT}
STOPPING: Final = "the server is stopping"


class RenewingArbiter(SpawningArbiter):
    """Reloads, and looks after its workers meanwhile."""

    watcher: Watcher
    # What a reload that fails puts back; no worker holds it.
    kept: tuple[Any, ServedModel, tuple[bytes, ...] | None] | None = None

    def reload(self) -> None:
        """Start workers on the configuration and the model that are there now; when all are ready, stop the old ones.

        Where the configuration is wrong, nothing changes; where the model is, new workers serve the old one; where a
        new worker does not become ready, the old ones go on.
        """
        if error := self._tried(self._take_config)["error"]:
            self._refused("the configuration", error)
            return
        fetched = self._fetch()
        self.kept = self.app.cfg, self.parts.model.current, self.parts.auth.hashes
        old = set(self.WORKERS)
        wrong = self._take_config()["error"]  # it may be another one by now
        error = wrong or (fetched if isinstance(fetched, str) else self._load(fetched))
        del fetched  # the workers' memory is not to hold it
        if failure := wrong or self._start_workers():
            error = error or failure
            for pid in self.WORKERS.keys() - old:  # one that serves already finishes what it has
                serves = self.state.worker(self.WORKERS[pid].slot) is Worker.READY
                self.kill_worker(pid, signal.SIGTERM if serves else signal.SIGKILL)
            self._put_back()
        else:
            for pid in old:
                self.kill_worker(pid, signal.SIGTERM)
        self.kept = None
        if error:
            self._refused(f"the model in {self.parts.settings.model_dir}", error)
        else:
            identity = self.parts.model.current.contract.identity
            self.log.info("model %s %s is served from now on", identity.name, identity.version)
            self.parts.metrics.reloaded(ok=True)

    def _put_back(self) -> None:
        if self.kept:
            self.app.cfg, served, self.parts.auth.hashes = self.kept
            self.setup(self.app)
            self.parts.model.current = served

    def _tried(self, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        return tried(work, self._trial())

    def _trial(self) -> Trial:
        """Have nothing listen that hangs: it may outlive the server."""
        listening = partial(close_sockets, self.LISTENERS, unlink=False)
        return Trial(self.parts.settings.boot_seconds, self._look_after_workers, listening)

    def _fetch(self) -> Fetched | str:
        """Have another process read and try the model that is there now; say what is wrong."""
        try:
            fetched = fetch(self.parts.settings, self._trial())
        except Refused as error:
            self.watcher.note(error.state)
            return str(error)
        self.watcher.note(fetched.state)
        return fetched

    def _load(self, fetched: Fetched) -> str:
        """Load the model that was tried; say what is wrong. It may take long, so a signal to stop breaks it off."""
        try:
            self.loading = True
            error = STOPPING if self.stopping else reload_model(self.parts, fetched)
            self.loading = False
        except KeyboardInterrupt:
            return STOPPING
        return error

    def _look_after_workers(self) -> bool:
        """Replace workers as the main loop does, on the configuration and the model there are; false to stop.

        Only the master comes back from here; what runs in a worker ends in SystemExit.
        """
        if self.stopping:
            return False
        self.reap_workers()
        if time.monotonic() >= self.looked_at + LOOK_SECONDS:
            self.murder_workers()
        self.manage_workers()
        return True

    def _take_config(self) -> dict[str, Any]:
        """Take the configuration as it is now; say what is wrong with it ("error"), for gunicorn would exit."""
        address = self.cfg.address
        try:
            self.app.reload()
            self.setup(self.app)
        except SystemExit:
            return {"error": "it cannot be read; the lines above say why"}
        except Exception as error:  # noqa: BLE001  # whatever a configuration file may raise
            return {"error": f"{type(error).__name__}: {error}"}
        return {"error": "" if self.cfg.address == address else "another address to listen on needs a restart"}

    def _refused(self, what: str, error: str) -> None:
        self.log.error("%s is not served, the old one stays: %s", what, STOPPING if self.stopping else error)
        self.parts.metrics.reloaded(ok=False)

    def _start_workers(self) -> str:
        """Start new workers and wait until all are ready; say why they do not become so."""
        if self.stopping:
            return STOPPING
        new: dict[int, Any] = {}
        try:  # only the master comes back from here; what runs in a worker ends in SystemExit
            for _ in range(self.cfg.workers):
                pid = self.spawn_worker()
                new[pid] = self.WORKERS[pid]
        except Exception as error:  # noqa: BLE001  # whatever a hook of the configuration may raise
            return str(error)
        end = time.monotonic() + self.parts.settings.boot_seconds
        while time.monotonic() < end and not self.stopping:
            self.reap_workers()
            if any(pid not in self.WORKERS and not worker.left for pid, worker in new.items()):
                break
            if all(worker.left or self.says(worker) in SERVED for worker in new.values()):
                return ""
            time.sleep(PAUSE_SECONDS)
        return "a worker that was to serve it did not become ready; the lines above say more"
