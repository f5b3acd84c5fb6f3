"""The master's care for its workers: started, found silent or hung, replaced, counted."""

import os
import signal
import sys
import time
from contextlib import suppress
from typing import Any, Final

from gunicorn.errors import HaltServer

from service.server.shared_state import Worker
from service.server.startup import StartingArbiter

LONGEST_BACKOFF_SECONDS: Final = 30.0
ENDING: Final = {signal.SIGTERM, signal.SIGQUIT, signal.SIGABRT, signal.SIGKILL}


class NotStarted(Exception):
    """A worker could not be started; the message says why."""


class SpawningArbiter(StartingArbiter):
    """Replaces workers that have gone; what fails ends the server only if no worker ever proved the model."""

    looked_at = 0.0  # at whether workers live (monotonic clock)
    boot_failures = 0
    start_failures = 0
    spawn_after = 0.0

    def spawn_worker(self) -> int:
        """Start a worker; raises NotStarted where there is no process, memory or descriptor for it, or a hook fails."""
        umask = os.umask(0)
        os.umask(umask)
        try:
            pid: int = super().spawn_worker()
        except Exception as error:
            if os.getpid() != self.pid:  # a worker, which must not go on as another master
                os._exit(self.WORKER_BOOT_ERROR)
            os.umask(umask)  # gunicorn leaves its own where it cannot make a file
            reason = f"{type(error).__name__}: {error}"
            if not self.start_failures:
                self.log.error("a worker cannot be started, and is tried again: %s", reason)  # noqa: TRY400  # one line
            self.start_failures += 1
            self._wait_after(self.start_failures)
            self.parts.metrics.not_started.inc()
            raise NotStarted(reason) from error
        if self.start_failures:
            self.log.info("a worker could be started after %s failures", self.start_failures)
        self.start_failures = 0
        return pid

    def says(self, worker: Any) -> Worker:
        """Return what a worker last said of itself."""
        return self.state.worker(worker.slot)

    def reap_workers(self) -> None:
        """Tidy up after workers that have gone, however they went; end the server if none ever proved the model.

        Once one has, others serve, and what fails is replaced.
        """
        before = dict(self.WORKERS)
        try:
            super().reap_workers()
        except HaltServer:
            if not self.state.proven:
                raise
            self.reap_workers()  # it had not come to the end
        for worker in [before[pid] for pid in before.keys() - self.WORKERS.keys()]:
            worker.tmp.close()
            with suppress(OSError):  # no descriptor to be had
                self.parts.metrics.forget(worker.slot)
            self._note(worker)
            if not self.state.proven and self.LISTENERS and not self.stopping:
                seconds = self.parts.settings.boot_seconds
                line = f"a worker hung for BOOT_SECONDS={seconds:g} or crashed before it had proven the model"
                sys.stderr.write(f"ml-service: boot_failed: {line}; try `python -m model check`.\n")
                raise HaltServer("no worker could prove the model", self.WORKER_BOOT_ERROR)

    def _note(self, worker: Any) -> None:
        """Count why a worker has gone, unless it was told to; replace it at once, but ones that do not boot slowly."""
        said = self.says(worker)
        self.boot_failures = self.boot_failures + 1 if said is Worker.BOOTING else 0
        if worker.aborted:
            self.parts.metrics.worker_lost("silent")
        elif said is Worker.HUNG:
            self.parts.metrics.worker_lost("hung")
        elif said is Worker.LEFT:
            worker.left = True
        elif not worker.told:
            self.parts.metrics.worker_lost("boot" if said is Worker.BOOTING else "died")
        if self.boot_failures:
            self._wait_after(self.boot_failures)

    def _wait_after(self, failures: int) -> None:
        self.spawn_after = time.monotonic() + min(LONGEST_BACKOFF_SECONDS, 0.1 * 2 ** min(failures, 10))

    def kill_worker(self, pid: int, sig: int) -> None:
        """Send a worker a signal; most are to end by."""
        if pid in self.WORKERS and sig in ENDING:
            self.WORKERS[pid].told = True
        super().kill_worker(pid, sig)

    def murder_workers(self) -> None:
        """End workers that give no sign of life."""
        self.looked_at = time.monotonic()
        super().murder_workers()

    def manage_workers(self) -> None:
        """Start what is missing and stop what is too many, unless new ones have just failed.

        Who was told to end counts as missing: it may wait in the kernel, where no signal reaches it. So does who says
        that a request hangs; it is told when there is another.
        """
        if time.monotonic() < self.spawn_after:
            return
        staying = sorted((worker.age, pid) for pid, worker in self.WORKERS.items() if not worker.told)
        hung = [pid for _, pid in staying if self.says(self.WORKERS[pid]) is Worker.HUNG]
        serving = [pid for _, pid in staying if pid not in hung]
        with suppress(NotStarted):
            for _ in range(self.num_workers - len(serving)):
                self.spawn_worker()
            for pid in [*hung, *serving[: max(0, len(serving) - self.num_workers)]]:
                self.kill_worker(pid, signal.SIGTERM)
