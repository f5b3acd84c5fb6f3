"""The half of the worker that decides which connections to take."""

import errno
import socket
import time
from collections import deque
from typing import Any, Final

from gunicorn.workers.gthread import ThreadWorker

from service.connection import ClientSocket, Connection
from service.metrics import Metrics
from service.state import State

NO_DESCRIPTORS: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
SPARE_DESCRIPTORS: Final = 8  # for files, when connections have taken the rest


class AcceptingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """Accepts only while a thread is free; an idle connection makes room for a new one."""

    state: State
    metrics: Metrics
    sockets: list[Any]
    keepalived_conns: deque[Connection]
    working: dict[Connection, float]  # what has a thread, and since when (monotonic clock), the oldest first
    hung: set[Connection]  # what has a thread that does not come back

    @property
    def max_keepalived(self) -> int:
        """How many idle connections to keep: none while draining, so that their clients go elsewhere."""
        return 0 if self.state.draining else self._keepalived

    @max_keepalived.setter
    def max_keepalived(self, value: int) -> None:
        self._keepalived = value

    @property
    def worker_connections(self) -> int:
        """How many connections to accept up to."""
        if len(self.working) + len(self.hung) >= self.cfg.threads:
            return 0
        return self._connections + 1 if self.keepalived_conns else self._connections

    @worker_connections.setter
    def worker_connections(self, value: int) -> None:
        self._connections = value

    def set_accept_enabled(self, enabled: bool) -> None:  # noqa: FBT001  # gunicorn's interface
        """Begin or cease to accept; before the server stops, take all that the kernel has accepted already.

        Those clients have sent their requests: a listener that is closed on them resets their connections.
        """
        super().set_accept_enabled(enabled)
        if not self.alive and self.state.draining:
            for listener in self.sockets:
                self._take_the_last(listener)
            self.sockets.clear()

    def _take_the_last(self, listener: socket.socket) -> None:
        """Accept all there is and close at once: who connects in between is reset, so nothing else is done there."""
        listener.setblocking(False)  # noqa: FBT003  # the socket's interface
        server, accepted = listener.getsockname(), []
        try:
            while True:
                accepted.append(listener.accept())
        except OSError as error:
            listener.close()
            if error.errno in NO_DESCRIPTORS:
                self._make_do()
        for client, address in accepted:
            self._take(client, address, server)

    def accept(self, listener: socket.socket) -> bool:
        """Accept a connection, if there is one, and wait for its first request without a thread."""
        try:
            accepted, address = listener.accept()
        except OSError as error:
            if error.errno in NO_DESCRIPTORS:
                self._make_do()
            elif error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return False
        if self.nr_conns >= self._connections and self.keepalived_conns:
            self.drop(self.keepalived_conns[0])
        self._take(accepted, address, listener.getsockname())
        return True

    def _take(self, client: socket.socket, address: Any, server: Any) -> None:
        self.nr_conns += 1
        self.wait_idle(Connection(ClientSocket(client), address, server))

    def _make_do(self) -> None:
        """Have no more connections than there are descriptors for."""
        self.metrics.out_of_descriptors.inc()
        self._connections = max(1, self.nr_conns - SPARE_DESCRIPTORS)
        self.log.warning("no descriptors left: at most %s connections from now on; see ulimit -n", self._connections)
        while self.nr_conns > self._connections and self.keepalived_conns:
            self.drop(self.keepalived_conns[0])

    def murder_keepalived(self, force: bool = False) -> None:  # noqa: FBT001, FBT002  # gunicorn's interface
        """End the connections that were idle for long; a request that comes in this very moment is still taken."""
        now = time.monotonic()
        while self.keepalived_conns and (force or self.keepalived_conns[0].timeout <= now):
            conn = self.keepalived_conns[0]
            if not force:
                self.on_client_socket_readable(conn, conn.sock)
            if self.keepalived_conns and self.keepalived_conns[0] is conn:
                self.drop(conn)

    def wait_idle(self, conn: Connection) -> None:
        """Wait for a connection's next request."""
        raise NotImplementedError

    def drop(self, conn: Connection) -> None:
        """End a connection that waits."""
        raise NotImplementedError

    def on_client_socket_readable(self, conn: Connection, client: ClientSocket) -> None:
        """Take what has come of a request."""
        raise NotImplementedError
