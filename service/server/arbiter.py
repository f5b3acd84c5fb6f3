"""gunicorn's master process, changed so that stopping and reloading lose nothing and nothing that fails ends it.

gunicorn closes its listeners at SIGTERM, while load balancers still send; ends the server when a reloaded configuration
is wrong or one worker fails to boot; and on a reload stops the old workers before the new ones are known to work.
"""

import os
import signal
import socket
import sys
import time
from contextlib import suppress
from typing import Any, Final

from gunicorn.sock import close_sockets

from service.http.app import Services
from service.server.follow import Watcher
from service.server.reload import PAUSE_SECONDS, RenewingArbiter
from service.server.shared_state import State, Worker
from service.serving.model_directory import Clock

QUICK_SECONDS: Final = 2.0
ONCE: Final = {signal.SIGHUP, signal.SIGCHLD}  # so many of these say no more than one


class Arbiter(RenewingArbiter):
    """The master: starts workers, replaces them, reloads, drains, stops."""

    clock: Clock
    was_draining = False

    @classmethod
    def take_over(cls, arbiter: Any, parts: Services, state: State, tried: str) -> None:
        """Turn a running arbiter into one of ours."""
        arbiter.__class__ = cls
        arbiter.parts, arbiter.state = parts, state
        arbiter.watcher = Watcher(parts.settings.model_dir, parts.settings.watch_seconds)
        arbiter.watcher.note(tried)
        arbiter.clock = Clock()
        arbiter.START_CTX["args"] = sys.orig_argv  # its own list starts `python -m gunicorn` as another program

    def handle_term(self) -> None:
        """Go on serving; wait_for_signals ends it."""

    def wait_for_signals(self, timeout: float = 1.0) -> Any:
        """Wait as gunicorn does, but stop when the drain is over."""
        draining = self.state.draining
        if draining != self.was_draining:
            self.log.info("draining: not ready, but answering" if draining else "no longer draining")
            self.parts.metrics.draining.set(draining)
            self.was_draining = draining
        if self.stop_at is None and self.watcher.changed(time.monotonic()):
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
        return [sig for place, sig in enumerate(signals) if sig not in ONCE or sig not in signals[:place]]

    def handle_usr2(self) -> None:
        """Start another master beside this one, as gunicorn does; where that cannot be, go on without."""
        try:
            super().handle_usr2()
        except Exception as error:  # noqa: BLE001  # no process, no program, or whatever a hook raises
            self.log.error("no other master is started: %s: %s", type(error).__name__, error)  # noqa: TRY400  # one line
            if os.getpid() != self.pid:
                os._exit(1)  # it would stop this one's workers

    def stop(self, graceful: bool = True) -> None:  # noqa: FBT001, FBT002  # gunicorn's interface
        """Stop listening and stop all workers, by a clock that nobody sets; SIGINT and SIGQUIT make it quick."""
        shared = bool(self.reexec_pid or self.master_pid or self.systemd)
        stuck = any(worker.aborted or self.says(worker) is Worker.HUNG for worker in self.WORKERS.values())
        # Where a worker waits in the kernel, where no signal reaches it, its listeners stay open.
        listening = [listener.sock.dup() for listener in self.LISTENERS] if stuck and not shared else []
        close_sockets(self.LISTENERS, unlink=not shared)
        self.LISTENERS = []
        self.watcher.stop()
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
        for listener in listening:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
