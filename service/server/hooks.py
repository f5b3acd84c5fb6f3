"""gunicorn's hooks. The first one is called with the Hosted application, and hands it on to the others.

With `preload_app`, gunicorn's order is: configuration → application → on_starting → when_ready → for each worker
pre_fork (master), post_fork and post_worker_init (worker).
"""

import faulthandler
import os
import signal
import sys
from typing import Any, Final

from gunicorn import systemd
from gunicorn.sock import TCP6Socket, TCPSocket
from gunicorn.util import is_ipv6

from service.config.exit_line import one_line_exit
from service.config.settings import SettingError
from service.process_table import WorkerStatus
from service.server import early_signals, shared_directory
from service.server.arbiter import Arbiter
from service.server.interfaces import Hosted
from service.server.orphans import end_soon_after, when_gone

# The addresses at which a server that listens on all addresses can be reached from this machine.
ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
# With CPython's default of 5 ms, a thread that returns from a system call waits that long for one that computes.
SWITCH_SECONDS: Final = 0.0005


def on_starting(arbiter: Any, hosted: Hosted) -> None:
    """Replace gunicorn's arbiter by ours, and listen; everything is loaded by now."""
    Arbiter.take_over(arbiter, hosted)
    with one_line_exit(1):
        _listen(arbiter)


def _listen(arbiter: Any) -> None:
    """Listen on the addresses of the configuration; raises SettingError for one that cannot be listened on.

    gunicorn itself would retry an address that is in use for five seconds. Sockets that are passed on, by systemd or by
    a master that this one replaces, are left to it.
    """
    addresses, handed_over = arbiter.cfg.address, systemd.listen_fds(unset_environment=False) or arbiter.master_pid
    if handed_over or arbiter.cfg.reuse_port or not all(isinstance(address, tuple) for address in addresses):
        return
    for address in addresses:
        socket_class = TCP6Socket if is_ipv6(address[0]) else TCPSocket
        try:
            arbiter.LISTENERS = [*arbiter.LISTENERS, socket_class(address, arbiter.cfg, arbiter.log)]
        except OSError as error:
            raise SettingError(
                f"{address[0]}:{address[1]} cannot be listened on ({error.strerror}): expected an address of this "
                "machine and a free port; set HOST and PORT, or ADMIN_BIND."
            ) from None


def when_ready(arbiter: Any) -> None:
    """Unblock signals; publish the server's address on this machine, for the health check of its container."""
    early_signals.unblock()
    address = arbiter.LISTENERS[0].getsockname() if arbiter.LISTENERS else None
    if isinstance(address, tuple):
        host, port = str(address[0]), int(address[1])
        shared_directory.publish_address(arbiter.hosted.directory, ANYWHERE.get(host, host), port)


def pre_fork(arbiter: Any, worker: Any) -> None:
    """Before its fork, give a worker the application, and the lowest slot that no living worker has."""
    hosted = worker.hosted = arbiter.hosted
    taken = {other.slot for other in arbiter.WORKERS.values()}
    worker.slot = next(name for name in (f"w{number}" for number in range(len(taken) + 1)) if name not in taken)
    hosted.processes.set_status(worker.slot, WorkerStatus.BOOTING)
    if not hosted.make_room(worker.slot):
        arbiter.log.error("no room for the metrics of a worker: no scrape will see what it counts; free some memory")


def post_fork(_: Any, worker: Any) -> None:
    """Enter the worker's slot. Until gunicorn sets its handlers, a signal to stop ends the worker at once.

    The inherited handler would put the signal into the master's queue, which nobody reads in a worker.
    """
    _end_at_once()
    worker.hosted.swap.commit()  # so that the worker does not hold the previous model
    worker.hosted.enter_slot(worker.slot)


def post_worker_init(worker: Any) -> None:
    """Prove the model in the worker before it takes requests; a worker that cannot exits with WORKER_BOOT_ERROR.

    That ends the server if no worker has ever proven the model. Until the worker takes requests, a signal to stop ends
    it wherever it is, even in native code.
    """
    _end_at_once()
    if not worker.alive:  # a signal came after gunicorn had set its handlers
        raise SystemExit(0)
    hosted: Hosted = worker.hosted
    when_gone(worker.ppid, worker.orphaned)
    # During a hang in native code no Python signal handler runs, and gunicorn's timeout ignores workers that boot.
    descriptor = hosted.stderr_for_crashes()
    faulthandler.dump_traceback_later(hosted.settings.boot_seconds, exit=True, file=descriptor)
    with one_line_exit(Arbiter.WORKER_BOOT_ERROR):
        hosted.swap.prove()
    faulthandler.cancel_dump_traceback_later()
    os.close(descriptor)
    sys.setswitchinterval(SWITCH_SECONDS)
    worker.init_signals()
    end_soon_after(worker.ppid, hosted.end_with_parent)
    hosted.set_up(worker)
    hosted.processes.set_status(worker.slot, WorkerStatus.READY)


def _end_at_once() -> None:
    for number in early_signals.STOPS:
        signal.signal(number, signal.SIG_DFL)
