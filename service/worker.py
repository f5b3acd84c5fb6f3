"""gunicorn's threaded worker, changed so that no client holds a thread without giving it something to do.

gunicorn 27's gthread gives a thread to a connection when its first bytes come, and reads the rest in it without a
deadline: a few slow senders stop the worker. Here the main loop collects each request and gives a thread to it when it
is whole, as a buffering proxy would. It also accepts only while a thread is free, so that another worker with a free
one gets the connection, and never waits for a client that keeps its socket open after the answer.
"""

import errno
import select
import selectors
import socket
import time
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from service.arriving import Arriving
from service.state import State

PIECE = 256 * 1024
HELD_BODIES = 16
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class ClientSocket(socket.socket):
    """A socket whose timeouts are what they mean: a client that has gone. gunicorn logs any other as a failure."""

    arrived: float | None = None  # when the request that is being answered had arrived whole (monotonic clock)

    def has_gone(self) -> bool:
        """Say whether the client has closed the connection, as far as the kernel knows."""
        poll = select.poll()
        poll.register(self, select.POLLRDHUP)
        return bool(poll.poll(0))

    def recv(self, *arguments: Any) -> bytes:
        """Receive as socket.recv does; raises ConnectionResetError instead of TimeoutError."""
        try:
            return super().recv(*arguments)
        except TimeoutError as error:
            raise ConnectionResetError(errno.ECONNRESET, "the client sends nothing") from error

    def sendall(self, *arguments: Any) -> None:
        """Send as socket.sendall does; raises BrokenPipeError instead of TimeoutError."""
        try:
            super().sendall(*arguments)
        except TimeoutError as error:
            raise BrokenPipeError(errno.EPIPE, "the client takes nothing") from error


class Connection(TConn):  # type: ignore[misc]  # gunicorn ships no types
    """A connection that remembers what of the next request has come, and closes without waiting."""

    arriving: Arriving | None = None
    patience = 0.0

    def __init__(self, cfg: Any, client: socket.socket, address: Any, server: Any, patience: float) -> None:
        super().__init__(cfg, ClientSocket(fileno=client.detach()), address, server)
        self.patience = patience

    def init(self) -> None:
        """Bound how long a thread waits for the client, to send more or to take its answer."""
        super().init()
        self.sock.settimeout(self.patience)

    def close(self, graceful: bool = False) -> None:  # noqa: FBT001, FBT002, ARG002  # gunicorn's interface
        """Say that nothing more comes, then close at once.

        What has come and was not read would turn the close into a reset, and cost the client the end of the answer: it
        is read first, as far as it is there. gunicorn waits up to two seconds for the client here, in the main loop.
        """
        with suppress(OSError):  # gone already, or nothing left to read
            self.sock.shutdown(socket.SHUT_WR)
            self.sock.setblocking(False)  # noqa: FBT003  # the socket's interface
            for _ in range(16):
                if not self.sock.recv(PIECE):
                    break
        self.sock.close()


class Worker(ThreadWorker):  # type: ignore[misc]  # likewise
    """The worker class of this service; everything but `handle` runs in the worker's main thread."""

    sockets: list[Any]
    busy = 0
    held = 0  # bytes of requests that are arriving

    def limit(self, read_seconds: float, most_body: int, state: State) -> None:
        """Say how long a request may take to arrive, from which size on its body is not waited for, and who drains."""
        self.read_seconds, self.most_body, self.state = read_seconds, most_body, state

    @property
    def max_keepalived(self) -> int:
        """How many idle connections to keep: none while draining, so that their clients go elsewhere."""
        return 0 if self.state.draining else self._keepalived

    @max_keepalived.setter
    def max_keepalived(self, value: int) -> None:
        self._keepalived = value

    @property
    def worker_connections(self) -> int:
        """How many connections to accept up to: none while every thread is busy."""
        return self._connections if self.busy < self.cfg.threads else 0

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
                listener.setblocking(False)  # noqa: FBT003  # likewise
                while self.accept(listener):
                    pass
                listener.close()
            self.sockets.clear()

    def accept(self, listener: socket.socket) -> bool:
        """Accept a connection, if there is one, and wait for its first request without a thread."""
        try:
            accepted, address = listener.accept()
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                return False
            raise
        self.nr_conns += 1
        self._wait_idle(Connection(self.cfg, accepted, address, listener.getsockname(), self.read_seconds))
        return True

    def on_client_socket_readable(self, conn: Connection, client: socket.socket) -> None:
        """Take what has come of a request; give it a thread when it is whole."""
        try:
            content = client.recv(PIECE)
        except BlockingIOError:
            return
        except OSError:
            content = b""
        if conn.arriving is not None and not content:
            self._start(conn, conn.arriving)  # no more will come: the parser says what that is
        elif not content or self.held > self.most_body * HELD_BODIES:
            self._drop(conn)
        else:
            if conn.arriving is None:
                self.keepalived_conns.remove(conn)
            self._add(conn, conn.arriving or self._begin(conn), content)

    def _begin(self, conn: Connection) -> Arriving:
        arriving = conn.arriving = Arriving(self.most_body)
        conn.timeout = time.monotonic() + self.read_seconds
        self.pending_conns.append(conn)
        return arriving

    def _add(self, conn: Connection, arriving: Arriving, content: bytes) -> None:
        self.held += len(content)
        if arriving.add(content):
            self._start(conn, arriving)
        elif arriving.waits_for_continue:
            with suppress(OSError):  # a client that has gone is found out at its next read
                conn.sock.send(CONTINUE)

    def _start(self, conn: Connection, arrived: Arriving) -> None:
        self.poller.unregister(conn.sock)
        self.pending_conns.remove(conn)
        self.held -= len(arrived.content)
        conn.arriving, conn.data_ready, conn.sock.arrived = None, True, time.monotonic()
        conn.init()
        conn.parser.unreader.buf.write(arrived.content)
        self.enqueue_req(conn)

    def enqueue_req(self, conn: Connection) -> None:
        """Give a thread to a request."""
        self.busy += 1
        super().enqueue_req(conn)

    def finish_request(self, conn: Connection, fs: "Future[Any]") -> None:
        """Wait for the connection's next request, or end it."""
        self.busy -= 1
        if fs.cancelled() or fs.exception() is not None or not fs.result():
            self.nr_conns -= 1
            conn.close()
        elif behind := conn.parser.unreader.take_buffered():  # the next request came with this one
            self._register(conn)
            self._add(conn, self._begin(conn), behind)
        else:
            self._wait_idle(conn)

    def murder_pending(self) -> None:
        """End the connections whose request did not arrive in time."""
        now = time.monotonic()
        while self.pending_conns and self.pending_conns[0].timeout <= now:
            conn = self.pending_conns[0]
            with suppress(OSError):  # gone meanwhile
                conn.sock.send(TOO_SLOW)
            self._drop(conn)

    def murder_keepalived(self, force: bool = False) -> None:  # noqa: FBT001, FBT002  # gunicorn's interface
        """End the connections that were idle for long; a request that comes in this very moment is still taken."""
        now = time.monotonic()
        while self.keepalived_conns and (force or self.keepalived_conns[0].timeout <= now):
            conn = self.keepalived_conns[0]
            if not force:
                self.on_client_socket_readable(conn, conn.sock)
            if self.keepalived_conns and self.keepalived_conns[0] is conn:
                self._drop(conn)

    def _wait_idle(self, conn: Connection) -> None:
        conn.set_timeout()
        if not self.alive:
            conn.timeout = min(conn.timeout, time.monotonic() + 2)
        self._register(conn)
        self.keepalived_conns.append(conn)

    def _register(self, conn: Connection) -> None:
        conn.sock.setblocking(False)  # noqa: FBT003  # the socket's interface
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_client_socket_readable, conn))

    def _drop(self, conn: Connection) -> None:
        self.poller.unregister(conn.sock)
        waiting = self.keepalived_conns if conn.arriving is None else self.pending_conns
        waiting.remove(conn)
        self.held -= len(conn.arriving.content) if conn.arriving else 0
        self.nr_conns -= 1
        conn.close()
