"""gunicorn's master process, changed so that stopping and reloading lose nothing and nothing that fails ends it.

gunicorn closes its listeners at SIGTERM, while load balancers still send; ends the server when a reloaded configuration
is wrong or one worker fails to boot; and on a reload stops the old workers before the new ones are known to work.
"""

import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from gunicorn.errors import HaltServer
from gunicorn.sock import close_sockets

from service.app import Parts
from service.reloading import reload_model, tried, try_model
from service.starting import StartingArbiter
from service.state import Worker
from service.watching import Clock, Watch

PAUSE_SECONDS: Final = 0.02
QUICK_SECONDS: Final = 2.0
LOOK_SECONDS: Final = 1.0  # between two looks at whether workers live: what the first asks to end has time to
LONGEST_BACKOFF_SECONDS: Final = 30.0
STOPPING: Final = "the server is stopping"


class Arbiter(StartingArbiter):
    """The master: replaces workers, reloads, drains, stops."""

    watch: Watch
    clock: Clock
    looked_at = 0.0
    boot_failures = 0
    spawn_after = 0.0
    was_draining = False

    @classmethod
    def take_over(cls, arbiter: Any, parts: Parts) -> None:
        """Turn a running arbiter into one of ours."""
        arbiter.__class__ = cls
        arbiter.parts = parts
        arbiter.watch = Watch(parts.settings.model_dir, parts.settings.watch_seconds)
        arbiter.clock = Clock()

    def handle_term(self) -> None:
        """Go on serving; wait_for_signals ends it."""

    def wait_for_signals(self, timeout: float = 1.0) -> Any:
        """Wait as gunicorn does, but stop when the drain is over."""
        draining = self.parts.state.draining
        if draining != self.was_draining:
            self.log.info("draining: not ready, but answering" if draining else "no longer draining")
            self.parts.metrics.draining.set(draining)
            self.was_draining = draining
        if self.stop_at is None and self.watch.changed(time.monotonic()):
            self.log.info("what is in %s has changed", self.parts.settings.model_dir)
            self.SIG_QUEUE.put_nowait(signal.SIGHUP)
        if step := self.clock.step():
            direction = "back" if step < 0 else "forward"
            self.log.warning("the clock was set %s by %.1f s; the times in the logs are by it", direction, abs(step))
            self.parts.metrics.clock_steps.labels(direction).inc()
        left = timeout if self.stop_at is None else self.stop_at - time.monotonic()
        signals = super().wait_for_signals(max(0.0, min(timeout, left)))
        if self.stop_at is not None and time.monotonic() >= self.stop_at:
            raise StopIteration
        return signals

    def stop(self, graceful: bool = True) -> None:  # noqa: FBT001, FBT002  # gunicorn's interface
        """Stop listening and stop all workers, by a clock that nobody sets; SIGINT and SIGQUIT make it quick."""
        close_sockets(self.LISTENERS, unlink=not (self.reexec_pid or self.master_pid or self.systemd))
        self.LISTENERS = []
        self.kill_workers(signal.SIGTERM if graceful else signal.SIGQUIT)
        end = time.monotonic() + self.cfg.graceful_timeout
        while self.WORKERS and time.monotonic() < end:
            if {signal.SIGINT, signal.SIGQUIT} & set(super().wait_for_signals(PAUSE_SECONDS)):
                self.kill_workers(signal.SIGQUIT)
                end = min(end, time.monotonic() + QUICK_SECONDS)
            self.end_booting()
            self.reap_workers()
        self.kill_workers(signal.SIGKILL)
        self.reap_workers()

    def reload(self) -> None:
        """Start workers on the configuration and the model that are there now; when all are ready, stop the old ones.

        Where the configuration is wrong, nothing changes; where the model is, new workers serve the old one; where a
        new worker does not become ready, the old ones go on.
        """
        if error := self._tried(self._take_config)["error"]:
            self._refused("the configuration", error)
            return
        self.watch.note()
        model = self._tried(partial(try_model, self.parts.settings))
        config, served, access = self.app.cfg, self.parts.holder.peek(), self.parts.gate.access
        old = set(self.WORKERS)
        wrong = self._take_config()["error"]  # it may be another one by now
        error = wrong or model["error"] or self._load(model["digest"])
        if failure := wrong or self._start_workers():
            error = error or failure
            for pid in self.WORKERS.keys() - old:
                self.kill_worker(pid, signal.SIGKILL)
            self.app.cfg = config
            self.setup(self.app)
            self.parts.holder.swap(served)
            self.parts.gate.access = access
        else:
            for pid in old:
                self.kill_worker(pid, signal.SIGTERM)
        if error:
            self._refused(f"the model in {self.parts.settings.model_dir}", error)
        else:
            identity = self.parts.holder.current().contract.identity
            self.log.info("model %s %s is served from now on", identity.name, identity.version)
            self.parts.metrics.reloaded(ok=True)

    def _tried(self, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        return tried(work, self.parts.settings.boot_seconds, self._look_after_workers)

    def _load(self, digest: str) -> str:
        """Load the model that was tried; say what is wrong. It may take long, so a signal to stop breaks it off."""
        try:
            self.loading = True
            error = STOPPING if self.stopping else reload_model(self.parts, digest)
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
        try:  # only the master comes back from here; what runs in a worker ends in SystemExit
            new = [self.spawn_worker() for _ in range(self.cfg.workers)]
        except Exception as error:  # noqa: BLE001  # whatever a hook of the configuration may raise
            return f"{type(error).__name__}: {error}"
        end = time.monotonic() + self.parts.settings.boot_seconds
        while time.monotonic() < end and not self.stopping:
            self.reap_workers()
            if any(pid not in self.WORKERS for pid in new):
                break
            if all(self.parts.state.worker(self.WORKERS[pid].slot) is Worker.READY for pid in new):
                return ""
            time.sleep(PAUSE_SECONDS)
        return "a worker that was to serve it did not become ready; the lines above say more"

    def reap_workers(self) -> None:
        """Tidy up after workers that have gone, however they went; end the server if none ever proved the model.

        Once one has, others serve, and what fails is replaced.
        """
        before = dict(self.WORKERS)
        try:
            super().reap_workers()
        except HaltServer:
            if not self.parts.state.proven:
                raise
            self.reap_workers()  # it had not come to the end
        for worker in [before[pid] for pid in before.keys() - self.WORKERS.keys()]:
            worker.tmp.close()
            self.parts.metrics.forget(worker.slot)
            self._note(worker)
            if not self.parts.state.proven and self.LISTENERS and not self.stopping:
                seconds = self.parts.settings.boot_seconds
                line = f"a worker hung for BOOT_SECONDS={seconds:g} or crashed before it had proven the model"
                print(f"ml-service: boot_failed: {line}; try `python -m model check`.", file=sys.stderr, flush=True)
                raise HaltServer("no worker could prove the model", self.WORKER_BOOT_ERROR)

    def _note(self, worker: Any) -> None:
        """Count why a worker has gone, unless it was told to; replace it at once, but ones that do not boot slowly."""
        said = self.parts.state.worker(worker.slot)
        self.boot_failures = self.boot_failures + 1 if said is Worker.BOOTING else 0
        if worker.aborted:
            self.parts.metrics.worker_lost("silent")
        elif said is Worker.HUNG:
            self.parts.metrics.worker_lost("hung")
        elif not worker.told:
            self.parts.metrics.worker_lost("boot" if said is Worker.BOOTING else "died")
        if self.boot_failures:
            self.spawn_after = time.monotonic() + min(LONGEST_BACKOFF_SECONDS, 0.1 * 2**self.boot_failures)

    def kill_worker(self, pid: int, sig: int) -> None:
        """Send a worker a signal to end by."""
        if pid in self.WORKERS:
            self.WORKERS[pid].told = True
        super().kill_worker(pid, sig)

    def murder_workers(self) -> None:
        """End workers that give no sign of life; replace those that say that a request hangs."""
        self.looked_at = time.monotonic()
        super().murder_workers()
        for worker in list(self.WORKERS.values()):
            if worker.age and self.parts.state.worker(worker.slot) is Worker.HUNG:
                worker.age = 0  # of too many workers the oldest are told to stop
                self.spawn_worker()

    def manage_workers(self) -> None:
        """Start what is missing and stop what is too many, unless new ones have just failed."""
        if time.monotonic() >= self.spawn_after:
            super().manage_workers()
