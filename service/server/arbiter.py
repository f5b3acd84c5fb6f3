"""gunicorn's master process, changed so that stopping and reloading lose nothing and nothing that fails ends it.

gunicorn closes its listeners at SIGTERM, while load balancers still send. It ends the server when one worker fails to
boot. On a reload it stops the old workers before the new ones are known to work.

gunicorn has no setting for its master and documents no interface of it, so `take_over` gives the running arbiter this
class. It overrides methods that gunicorn's main loop calls and signal handlers, and it uses the attributes WORKERS,
LISTENERS, SIG_QUEUE, START_CTX, num_workers, pid, reexec_pid, master_pid, systemd, cfg and log of the arbiter, and tmp,
aborted and age of a worker. gunicorn is capped in pyproject.toml; tests/unit/test_gunicorn_contract.py names what is
gone or has changed in another version.
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

from service.server.clock import Clock
from service.server.directory_watch import DirectoryWatch
from service.server.interfaces import Hosted
from service.server.reload import PAUSE_SECONDS, Reload
from service.server.shared_state import WorkerStatus
from service.server.shutdown import Shutdown
from service.server.startup import Readiness
from service.server.supervision import NotStarted, Supervision

QUICK_SECONDS: Final = 2.0
LIVENESS_SECONDS: Final = 1.0  # minimum interval between liveness checks, so that stopped workers have time to exit
ENDING: Final = {signal.SIGTERM, signal.SIGQUIT, signal.SIGABRT, signal.SIGKILL}
ONCE: Final = {signal.SIGHUP, signal.SIGCHLD}  # several of these are as good as one


class Arbiter(gunicorn.arbiter.Arbiter):  # type: ignore[misc]  # gunicorn ships no types
    """Hands what gunicorn's main loop asks of the master to the objects that decide it."""

    LISTENERS: list[Any]
    hosted: Hosted
    shutdown: Shutdown
    supervision: Supervision
    watch: DirectoryWatch
    reloading: Reload
    clock: Clock
    readiness: Readiness
    checked_at = 0.0  # when it was last checked that workers live (monotonic clock)

    @classmethod
    def take_over(cls, arbiter: Any, hosted: Hosted) -> None:
        """Turn a running arbiter into one of ours."""
        arbiter.__class__ = cls
        arbiter.START_CTX["args"] = (
            sys.orig_argv
        )  # gunicorn's own list would start another program for `python -m gunicorn`
        arbiter.hosted = hosted
        arbiter.shutdown = Shutdown(hosted.state, hosted.settings.drain_seconds)
        arbiter.supervision = Supervision(hosted.state, hosted.events, arbiter.log)
        arbiter.watch = DirectoryWatch(hosted.watch_command, hosted.events.origin_checked)
        arbiter.watch.note(hosted.swap.tried)
        arbiter.reloading = Reload(hosted, arbiter.shutdown, arbiter.supervision, arbiter.watch)
        arbiter.clock = Clock()
        arbiter.readiness = Readiness(hosted, arbiter.log)

    # Signals and the main loop's turns.

    def signal(self, sig: int, frame: Any) -> None:
        """Take note of a signal, in its handler."""
        self.shutdown.signalled(sig)
        super().signal(sig, frame)
        self.shutdown.interrupt()

    def wait_for_signals(self, timeout: float = 1.0) -> list[int]:
        """Wait as gunicorn does, after a look at what has changed; stop when the drain is over."""
        events = self.hosted.events
        self.shutdown.announce(self.log, events.draining)
        self.clock.report(self.log, events.clock_set)
        if not self.shutdown.draining and self.watch.changed(time.monotonic()):
            self.log.info("%s has changed; reloading", self.hosted.settings.model_dir)
            self.SIG_QUEUE.put_nowait(signal.SIGHUP)
        timeout = self.readiness.at_most(timeout, self.WORKERS.values(), self.LISTENERS, self.num_workers)
        signals: list[int] = super().wait_for_signals(self.shutdown.at_most(timeout))
        if self.shutdown.is_over():
            raise StopIteration
        return [sig for place, sig in enumerate(signals) if sig not in ONCE or sig not in signals[:place]]

    def handle_term(self) -> None:
        """Go on serving; wait_for_signals ends it."""

    def handle_usr2(self) -> None:
        """Start another master beside this one, as gunicorn does; go on without where that is not possible."""
        try:
            super().handle_usr2()
        except Exception as error:  # noqa: BLE001  # no process, no program, or whatever a hook raises
            self.log.error("cannot start another master: %s: %s", type(error).__name__, error)  # noqa: TRY400  # one line
            if os.getpid() != self.pid:
                os._exit(1)  # it would stop this one's workers

    def reload(self) -> None:
        """Serve the model that is there now; the configuration stays, for settings are in the environment."""
        self.num_workers = self.cfg.workers  # SIGTTIN and SIGTTOU count until a reload
        self.reloading.run(self, self.look_after_workers)

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
            if os.getpid() != self.pid:  # a worker, which must not go on as another master
                os._exit(self.WORKER_BOOT_ERROR)
            os.umask(umask)  # gunicorn changes it, and does not restore it if it cannot make a file
            raise
        return pid

    def manage_workers(self) -> None:
        """Start the workers that are missing, and stop those that are too many."""
        self.hosted.events.workers_wanted(self.num_workers)
        missing, surplus = self.supervision.plan(self.WORKERS, self.num_workers)
        with suppress(NotStarted):
            for _ in range(missing):
                self.spawn_worker()
            for pid in surplus:
                self.kill_worker(pid, signal.SIGTERM)

    def kill_worker(self, pid: int, sig: int) -> None:
        """Send a worker a signal; most tell it to end."""
        if pid in self.WORKERS and sig in ENDING:
            self.WORKERS[pid].told = True
        super().kill_worker(pid, sig)

    def murder_workers(self) -> None:
        """End workers that give no sign of life."""
        self.checked_at = time.monotonic()
        super().murder_workers()

    def reap_workers(self) -> None:
        """Tidy up after workers that have gone, however they went; end the server if none ever proved the model.

        Once one has, others serve, and a worker that fails is replaced.
        """
        before = dict(self.WORKERS)
        self._reap()
        for pid in before.keys() - self.WORKERS.keys():
            before[pid].tmp.close()
            self.supervision.has_gone(before[pid])
            if not self.hosted.state.proven and self.LISTENERS and not self.shutdown.requested:
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
                if not self.hosted.state.proven:
                    raise
            else:
                return

    def look_after_workers(self) -> bool:
        """Replace workers as the main loop does, while something else goes on; return whether that should go on.

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
        """Stop listening and stop all workers, by a clock that nobody sets; SIGINT and SIGQUIT make it quick."""
        shared = bool(self.reexec_pid or self.master_pid or self.systemd)
        stuck = any(
            worker.aborted or self.supervision.status_of(worker) is WorkerStatus.HUNG
            for worker in self.WORKERS.values()
        )
        # A worker that is stuck in the kernel, where no signal reaches it, keeps the listeners open.
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
        """Tell workers that boot to stop; repeated, because one that has just been forked does not hear it."""
        for pid, worker in list(self.WORKERS.items()):
            if self.supervision.status_of(worker) is WorkerStatus.BOOTING:
                self.kill_worker(pid, signal.SIGTERM)
