"""gunicorn's master while it starts: says in one line when all workers are ready, or why it cannot listen, and stops.

gunicorn tries an address that is taken for five seconds, says nothing when it is ready, and waits for workers that boot
as long as for those that answer requests.
"""

import os
import signal
import time
from typing import Any, Final

import gunicorn.arbiter
from gunicorn import systemd
from gunicorn.sock import TCP6Socket, TCPSocket
from gunicorn.util import is_ipv6

from service.config.settings import SettingError
from service.http.app import Services
from service.server.early_signals import STOPS
from service.server.shared_state import State, Worker

READY_SECONDS: Final = 0.1  # between two looks at whether all workers are ready, until they are


class StartingArbiter(gunicorn.arbiter.Arbiter):  # type: ignore[misc]  # gunicorn ships no types
    """The part of the master that starts workers; once they are ready, it waits as gunicorn does."""

    parts: Services
    state: State
    LISTENERS: list[Any]
    stopping = False  # a signal said so
    stop_at: float | None = None  # when to stop, since SIGTERM came (monotonic clock)
    loading = False  # what a signal to stop breaks off
    said_ready = False

    def signal(self, sig: int, frame: Any) -> None:
        """Take note of a signal; SIGTERM makes the server unready at once, whatever the master is doing.

        Before any worker has been ready nobody is to be told so, and it stops without a drain.
        """
        self.stopping = self.stopping or sig in STOPS
        if sig == signal.SIGTERM and self.stop_at is None and os.getpid() == self.pid:
            drain = self.parts.settings.drain_seconds if self.state.proven else 0
            self.stop_at = time.monotonic() + drain
            self.state.draining = True
        super().signal(sig, frame)
        if self.loading and self.stopping:
            self.loading = False
            raise KeyboardInterrupt

    def spawn_workers(self) -> None:
        """Start the workers that are missing, as long as nobody says stop."""
        while len(self.WORKERS) < self.num_workers and not self.stopping:
            self.spawn_worker()

    def end_booting(self) -> None:
        """Tell workers that boot to stop; to be done again and again, for right after its fork one does not hear it."""
        for pid, worker in list(self.WORKERS.items()):
            if self.state.worker(worker.slot) is Worker.BOOTING:
                self.kill_worker(pid, signal.SIGTERM)

    def wait_for_signals(self, timeout: float = 1.0) -> Any:
        """Wait as gunicorn does, but look often, until all workers are ready, whether they are; say so once."""
        if not self.said_ready and self.LISTENERS:
            timeout = min(timeout, READY_SECONDS)
            ready = [self.state.worker(worker.slot) is Worker.READY for worker in self.WORKERS.values()]
            if all(ready) and len(ready) == self.num_workers:
                self.said_ready = True
                identity = self.parts.model.current.contract.identity
                served = f"{identity.name} {identity.version} on {', '.join(map(str, self.LISTENERS))}"
                self.log.info(
                    "ready: %d worker%s serve%s %s", len(ready), *("s", "") if ready[1:] else ("", "s"), served
                )
        return super().wait_for_signals(timeout)


def listen(arbiter: Any) -> None:
    """Listen on the addresses of the configuration; raises SettingError for one that cannot be listened on.

    Sockets that are handed over, by systemd or by a master that this one replaces, are left to gunicorn.
    """
    addresses, handed_over = arbiter.cfg.address, systemd.listen_fds(unset_environment=False) or arbiter.master_pid
    if handed_over or arbiter.cfg.reuse_port or not all(isinstance(address, tuple) for address in addresses):
        return
    for address in addresses:
        kind = TCP6Socket if is_ipv6(address[0]) else TCPSocket
        try:
            arbiter.LISTENERS = [*arbiter.LISTENERS, kind(address, arbiter.cfg, arbiter.log)]
        except OSError as error:
            raise SettingError(
                f"{address[0]}:{address[1]} cannot be listened on ({error.strerror}): expected an address of this "
                "machine and a free port; set HOST and PORT, or ADMIN_BIND."
            ) from None
