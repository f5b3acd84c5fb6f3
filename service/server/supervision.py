"""Which workers to start and to stop, and why workers ended."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from service.process_table import ProcessTable, WorkerStatus
from service.server.interfaces import MasterEvents

LONGEST_BACKOFF_SECONDS: Final = 30.0


class NotStarted(Exception):
    """A worker could not be started; the message says why."""


class Supervision:
    """Plans workers and counts lost ones. After each failure to start or boot one, it waits longer before the next."""

    def __init__(self, processes: ProcessTable, events: MasterEvents, log: Any) -> None:
        self._processes, self._events, self._log = processes, events, log
        self._boot_failures = self._start_failures = 0
        self._start_at = 0.0  # no worker is started before this time (monotonic clock)

    def status_of(self, worker: Any) -> WorkerStatus:
        """Return what a worker last reported about itself."""
        return self._processes.status_of(worker.slot)

    def start(self, spawn: Callable[[], int]) -> int:
        """Start a worker; raises NotStarted if a process, memory or a descriptor is lacking, or if a hook fails."""
        try:
            pid = spawn()
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            if not self._start_failures:
                self._log.error("a worker cannot be started; trying again: %s", reason)
            self._start_failures += 1
            self._back_off(self._start_failures)
            self._events.worker_not_started()
            raise NotStarted(reason) from error
        if self._start_failures:
            self._log.info("a worker was started after %s failures", self._start_failures)
        self._start_failures = 0
        return pid

    def has_gone(self, worker: Any) -> None:
        """Count why a worker ended, unless it was told to."""
        status = self.status_of(worker)
        with suppress(OSError):  # no descriptor is left
            self._events.worker_gone(worker.slot)
        worker.left = status is WorkerStatus.LEFT
        if worker.aborted:
            self._events.worker_lost("silent")
        elif status is WorkerStatus.HUNG:
            self._events.worker_lost("hung")
        elif not worker.left and not worker.told_to_end:
            self._events.worker_lost("boot" if status is WorkerStatus.BOOTING else "died")
        self._boot_failures = self._boot_failures + 1 if status is WorkerStatus.BOOTING else 0
        if self._boot_failures:
            self._back_off(self._boot_failures)

    def _back_off(self, failures: int) -> None:
        self._start_at = time.monotonic() + min(LONGEST_BACKOFF_SECONDS, 0.1 * 2 ** min(failures, 10))

    def plan(self, workers: Mapping[int, Any], wanted: int) -> tuple[int, list[int]]:
        """Return how many workers to start, and the process ids of those to stop after that.

        After a failure, none is started or stopped for a while. A worker that was told to end counts as missing,
        because it may be stuck in the kernel, where no signal reaches it. So does one whose request hangs: it is
        replaced first and stopped then.
        """
        if time.monotonic() < self._start_at:
            return 0, []
        staying = sorted((worker.age, pid) for pid, worker in workers.items() if not worker.told_to_end)
        hung = [pid for _, pid in staying if self.status_of(workers[pid]) is WorkerStatus.HUNG]
        serving = [pid for _, pid in staying if pid not in hung]
        return max(0, wanted - len(serving)), [*hung, *serving[: max(0, len(serving) - wanted)]]
