"""gunicorn's master process, changed so that stopping and reloading lose no request, and no failure ends the server.

gunicorn closes its listeners at SIGTERM, while load balancers still send. It ends the server when one worker fails to
boot. On a reload it stops the old workers before the new ones are known to work.

gunicorn has no setting for its master's class and documents no interface of it, so `take_over` gives the running
arbiter this class. It overrides signal handlers and methods that gunicorn's main loop calls. It uses the arbiter's
attributes WORKERS, LISTENERS, SIG_QUEUE, START_CTX, num_workers, pid, reexec_pid, master_pid, systemd, cfg and log, and
a worker's attributes tmp, aborted and age. gunicorn's version is capped in pyproject.toml.
tests/unit/test_gunicorn_contract.py says which of these a new version has removed or changed.
"""

import os
import signal
import socket
import sys
import time
from contextlib import suppress
from typing import Any, Final

import gunicorn.arbiter
from gunicorn.errors import HaltServer
from gunicorn.sock import close_sockets

from service.process_table import WorkerStatus
from service.server.clock import Clock
from service.server.directory_watch import DirectoryWatch
from service.server.interfaces import Hosted
from service.server.reload import PAUSE_SECONDS, replace_model
from service.server.shutdown import Shutdown
from service.server.supervision import NotStarted, Supervision

READY_SECONDS: Final = 0.1  # between two checks whether all workers are ready, as long as they are not
QUICK_SECONDS: Final = 2.0
LIVENESS_SECONDS: Final = 1.0  # minimum interval between liveness checks, so that stopped workers have time to exit
ENDING: Final = {signal.SIGTERM, signal.SIGQUIT, signal.SIGABRT, signal.SIGKILL}
ONCE: Final = {signal.SIGHUP, signal.SIGCHLD}  # several of these have the effect of one


class Arbiter(gunicorn.arbiter.Arbiter):  # type: ignore[misc]  # gunicorn ships no types
    """Passes the calls of gunicorn's main loop on to the objects that make the decisions."""

    LISTENERS: list[Any]
    hosted: Hosted
    shutdown: Shutdown
    supervision: Supervision
    watch: DirectoryWatch
    clock: Clock
    reported_ready = False  # whether all workers have been ready
    checked_at = 0.0  # when the liveness of workers was last checked (monotonic clock)

    @classmethod
    def take_over(cls, arbiter: Any, hosted: Hosted) -> None:
        """Turn a running arbiter of gunicorn into this one."""
        arbiter.__class__ = cls
        # gunicorn's own list would start another program for `python -m gunicorn`.
        arbiter.START_CTX["args"] = sys.orig_argv
        arbiter.hosted = hosted
        arbiter.shutdown = Shutdown(hosted.processes, hosted.settings.drain_seconds)
        arbiter.supervision = Supervision(hosted.processes, hosted.events, arbiter.log)
        arbiter.watch = DirectoryWatch(hosted.watch_command, hosted.events.origin_checked)
        arbiter.watch.note(hosted.swap.tried)
        arbiter.clock = Clock()

    # Signals, and the turns of the main loop.

    def signal(self, sig: int, frame: Any) -> None:
        """Note a signal; runs in the signal's handler."""
        self.shutdown.signalled(sig)
        super().signal(sig, frame)
        self.shutdown.interrupt()

    def wait_for_signals(self, timeout: float = 1.0) -> list[int]:
        """Check what has changed, then wait as gunicorn does; stop when the drain is over."""
        events = self.hosted.events
        self.shutdown.announce(self.log, events.draining)
        self.clock.report(self.log, events.clock_set)
        if not self.shutdown.draining and self.watch.changed(time.monotonic()):
            self.log.info("%s has changed; reloading", self.hosted.settings.model_dir)
            self.SIG_QUEUE.put_nowait(signal.SIGHUP)
        if self.LISTENERS and not self._report_ready():
            timeout = min(timeout, READY_SECONDS)
        signals: list[int] = super().wait_for_signals(self.shutdown.at_most(timeout))
        if self.shutdown.is_over():
            raise StopIteration
        return [sig for index, sig in enumerate(signals) if sig not in ONCE or sig not in signals[:index]]

    def _report_ready(self) -> bool:
        """Log once that all workers are ready, which gunicorn does not; return whether they have been."""
        workers, wanted = self.WORKERS.values(), self.num_workers
        ready = (self.supervision.status_of(worker) is WorkerStatus.READY for worker in workers)
        if not self.reported_ready and len(workers) == wanted and all(ready):
            self.reported_ready = True
            plural = ("s", "") if wanted > 1 else ("", "s")
            served = f"{self.hosted.swap.name} on {', '.join(map(str, self.LISTENERS))}"
            self.log.info("ready: %d worker%s serve%s %s", wanted, *plural, served)
        return self.reported_ready

    def handle_term(self) -> None:
        """Go on serving; `wait_for_signals` stops the server when the drain is over."""

    def handle_usr2(self) -> None:
        """Start another master beside this one, as gunicorn does; if that fails, go on without it."""
        try:
            super().handle_usr2()
        except Exception as error:  # noqa: BLE001  # no process, no program, or whatever a hook raises
            self.log.error("cannot start another master: %s: %s", type(error).__name__, error)  # noqa: TRY400  # one line
            if os.getpid() != self.pid:
                os._exit(1)  # the forked process would go on and stop the workers of its parent

    def reload(self) -> None:
        """Serve the model that is there now. The configuration stays, because settings come from the environment."""
        self.num_workers = self.cfg.workers  # a reload undoes SIGTTIN and SIGTTOU
        replace_model(self)

    # Workers.

    def spawn_worker(self) -> int:
        """Start a worker; raises NotStarted."""
        return self.supervision.start(self._fork_worker)

    def _fork_worker(self) -> int:
        umask = os.umask(0)
        os.umask(umask)
        try:
            pid: int = super().spawn_worker()
        except Exception:
            if os.getpid() != self.pid:  # this is the worker, which must not go on as a second master
                os._exit(self.WORKER_BOOT_ERROR)
            os.umask(umask)  # gunicorn changes it, and does not restore it when it cannot create a file
            raise
        return pid

    def manage_workers(self) -> None:
        """Start missing workers, and stop surplus ones."""
        self.hosted.processes.server.wanted = self.num_workers
        missing, surplus = self.supervision.plan(self.WORKERS, self.num_workers)
        with suppress(NotStarted):
            for _ in range(missing):
                self.spawn_worker()
            for pid in surplus:
                self.kill_worker(pid, signal.SIGTERM)

    def kill_worker(self, pid: int, sig: int) -> None:
        """Send a worker a signal, and note whether the signal tells it to end."""
        if pid in self.WORKERS and sig in ENDING:
            self.WORKERS[pid].told_to_end = True
        super().kill_worker(pid, sig)

    def murder_workers(self) -> None:
        """End workers whose heartbeat has stopped."""
        self.checked_at = time.monotonic()
        super().murder_workers()

    def reap_workers(self) -> None:
        """Clean up after workers that have gone, for whatever reason; end the server if none has ever proven the model.

        Once one has proven it, others serve, and a worker that fails is replaced.
        """
        before = dict(self.WORKERS)
        self._reap()
        for pid in before.keys() - self.WORKERS.keys():
            before[pid].tmp.close()
            self.supervision.has_gone(before[pid])
            if not self.hosted.processes.server.proven and self.LISTENERS and not self.shutdown.requested:
                seconds = self.hosted.settings.boot_seconds
                line = f"a worker hung for BOOT_SECONDS={seconds:g} or crashed before it had proven the model"
                sys.stderr.write(f"ml-service: boot_failed: {line}; try `python -m model check`.\n")
                raise HaltServer("no worker could prove the model", self.WORKER_BOOT_ERROR)

    def _reap(self) -> None:
        """Reap as gunicorn does, which stops at the first worker that did not boot."""
        while True:
            try:
                super().reap_workers()
            except HaltServer:
                if not self.hosted.processes.server.proven:
                    raise
            else:
                return

    def look_after_workers(self) -> bool:
        """Replace workers as the main loop does, during a longer task; return whether the task should go on.

        Only the master returns from here: a worker that is forked here leaves by SystemExit.
        """
        if self.shutdown.requested:
            return False
        self.reap_workers()
        if time.monotonic() >= self.checked_at + LIVENESS_SECONDS:
            self.murder_workers()
        self.manage_workers()
        return True

    # The end.

    def stop(self, graceful: bool = True) -> None:  # noqa: FBT001, FBT002  # gunicorn's interface
        """Stop listening and stop all workers, timed by the monotonic clock; SIGINT and SIGQUIT make it quick."""
        shared = bool(self.reexec_pid or self.master_pid or self.systemd)
        stuck = any(
            worker.aborted or self.supervision.status_of(worker) is WorkerStatus.HUNG
            for worker in self.WORKERS.values()
        )
        # A worker that is stuck in the kernel, where no signal reaches it, would keep the listeners open.
        listening = [listener.sock.dup() for listener in self.LISTENERS] if stuck and not shared else []
        close_sockets(self.LISTENERS, unlink=not shared)
        self.LISTENERS = []
        self.watch.stop()
        self.kill_workers(signal.SIGTERM if graceful else signal.SIGQUIT)
        end = time.monotonic() + self.cfg.graceful_timeout
        while self.WORKERS and time.monotonic() < end:
            if {signal.SIGINT, signal.SIGQUIT} & set(super().wait_for_signals(PAUSE_SECONDS)):
                self.kill_workers(signal.SIGQUIT)
                end = min(end, time.monotonic() + QUICK_SECONDS)
            self._stop_booting()
            self.reap_workers()
        self.kill_workers(signal.SIGKILL)
        self.reap_workers()
        for listener in listening:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)

    def _stop_booting(self) -> None:
        """Tell booting workers to stop; called repeatedly, because a worker just forked may miss the signal."""
        for pid, worker in list(self.WORKERS.items()):
            if self.supervision.status_of(worker) is WorkerStatus.BOOTING:
                self.kill_worker(pid, signal.SIGTERM)
