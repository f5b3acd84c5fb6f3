"""The master's care for its workers: started, found silent or hung, replaced, counted."""

import sys
import time
from typing import Any, Final

import gunicorn.arbiter
from gunicorn.errors import HaltServer

from service.app import Parts
from service.state import Worker

LONGEST_BACKOFF_SECONDS: Final = 30.0


class SpawningArbiter(gunicorn.arbiter.Arbiter):  # type: ignore[misc]  # gunicorn ships no types
    """Replaces workers that have gone; what fails ends the server only if no worker ever proved the model."""

    parts: Parts
    LISTENERS: list[Any]
    looked_at = 0.0  # at whether workers live (monotonic clock)
    boot_failures = 0
    spawn_after = 0.0

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
            if not self.parts.state.proven and self.LISTENERS:
                seconds = self.parts.settings.boot_seconds
                line = f"a worker hung for BOOT_SECONDS={seconds:g} or crashed before it had proven the model"
                sys.stderr.write(f"ml-service: boot_failed: {line}; try `python -m model check`.\n")
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
