"""A client's connection. It never blocks, so that no client occupies a thread for longer than its request takes."""

import os
import select
import socket
from contextlib import suppress
from typing import Any, Final

from service.server.http_request import HttpRequest
from service.server.pace import Pace

PIECE: Final = 256 * 1024
SMALL_PIECE: Final = 16 * 1024  # of a chunked body, where each chunk costs work and may hold a single byte


class ClientSocket(socket.socket):
    """A non-blocking socket for the event loop, which buffers what is to be sent."""

    def __init__(self, client: socket.socket, received: memoryview) -> None:
        """Take over a socket; `received` is PIECE bytes of memory that all sockets of the loop share."""
        super().__init__(fileno=client.detach())
        self.settimeout(0)
        self.unsent = bytearray()
        self._received = received

    def take(self, most: int = PIECE) -> bytes:
        """Receive at most `most` bytes, in the loop's thread; raises BlockingIOError if there are none.

        `recv` would allocate all of PIECE for each request at the end of the heap, and leave the received bytes there.
        So the heap would grow by whatever else is allocated meanwhile and stays.
        """
        return bytes(self._received[: self.recv_into(self._received, most)])

    def sendall(self, content: Any, flags: int = 0) -> None:  # noqa: ARG002  # the socket's interface
        """Buffer what is to be sent, so that head and body leave in one write."""
        self.unsent += content

    def flush(self) -> bool:
        """Send as much as the client takes at once; return whether that was all. Raises OSError if it has gone."""
        if self.unsent:
            with suppress(BlockingIOError):
                del self.unsent[: os.write(self.fileno(), self.unsent)]
        return not self.unsent

    def has_gone(self) -> bool:
        """Return whether the client has closed the connection, as far as the kernel knows."""
        poll = select.poll()
        poll.register(self, select.POLLRDHUP)
        return bool(poll.poll(0))


class Connection:
    """A client's connection: the request that is arriving or being answered, and what the connection waits for."""

    arriving: HttpRequest | None = None
    request: HttpRequest  # the one that is being answered
    waits_in: "dict[Connection, None] | None" = None  # Connections.idle or .transferring; None while it is answered
    waits_since, timeout = 0.0, 0.0  # since when and until when it waits (monotonic clock)
    moved = 0  # bytes received or sent since `waits_since`
    polled = False  # whether the main loop waits for it to be readable
    pace: Pace | None = None  # the pace of requests of the same size as the one that is being answered
    keeps = False  # whether it stays open after the answer that is being sent

    def __init__(self, sock: ClientSocket, client: Any, server: Any) -> None:
        self.sock = sock
        # Addresses as the kernel has them; a Unix socket has a path or nothing.
        self.client, self.server = ((each if isinstance(each, tuple) else (each, "")) for each in (client, server))

    @property
    def piece(self) -> int:
        """How much to receive at once."""
        return SMALL_PIECE if self.arriving is not None and self.arriving.length is None else PIECE

    def speed(self, now: float) -> float:
        """Return how many bytes a second have moved since the connection began to wait."""
        return self.moved / max(now - self.waits_since, 0.001)

    def close(self) -> None:
        """Tell the client that nothing more comes, then close at once.

        Received bytes that nobody has read would turn the close into a reset, and the client would lose the end of the
        answer. So they are read first, as far as they are there.
        """
        with suppress(OSError):  # gone already, or nothing left to read
            self.sock.shutdown(socket.SHUT_WR)
            for _ in range(16):
                if not self.sock.take():
                    break
        self.sock.close()
