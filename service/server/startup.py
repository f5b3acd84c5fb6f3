"""The master's start: listens on its addresses or says in one line why it cannot, and logs when all workers are ready.

gunicorn itself retries an address that is in use for five seconds, and logs nothing when it is ready.
"""

from collections.abc import Collection
from typing import Any, Final

from gunicorn import systemd
from gunicorn.sock import TCP6Socket, TCPSocket
from gunicorn.util import is_ipv6

from service.config.settings import SettingError
from service.process_table import WorkerStatus
from service.server.interfaces import Hosted

READY_SECONDS: Final = 0.1  # between two checks whether all workers are ready, as long as they are not


class Readiness:
    """Logs once that all workers are ready."""

    def __init__(self, hosted: Hosted, log: Any) -> None:
        self._hosted, self._log = hosted, log
        self._announced = False

    def at_most(self, seconds: float, workers: Collection[Any], listeners: list[Any], wanted: int) -> float:
        """Check whether all workers are ready, and return how long to wait until the next check."""
        if self._announced or not listeners:
            return seconds
        if len(workers) == wanted and all(
            self._hosted.processes.status_of(worker.slot) is WorkerStatus.READY for worker in workers
        ):
            self._announced = True
            plural = ("s", "") if wanted > 1 else ("", "s")
            served = f"{self._hosted.swap.name} on {', '.join(map(str, listeners))}"
            self._log.info("ready: %d worker%s serve%s %s", wanted, *plural, served)
        return min(seconds, READY_SECONDS)


def listen(arbiter: Any) -> None:
    """Listen on the addresses of the configuration; raises SettingError for one that cannot be listened on.

    gunicorn itself handles sockets that are passed on, by systemd or by a master that this one replaces.
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
