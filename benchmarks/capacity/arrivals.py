"""Open-loop load: requests arrive at random times, independent of the answers, as those of many callers do.

Each latency is counted from the moment at which the request arrived, not from when a connection was free to send it, so
that a server that falls behind cannot hide it (no coordinated omission). It runs on the core of the process that calls
it, and looks at its connections without ever sleeping.
"""

import gc
import select
import socket
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

CONNECTIONS = 64
_LONGEST = 30.0


@dataclass(frozen=True)
class Offered:
    """What came of a load: requests/s offered and answered with 200, milliseconds, failures, bytes of each request."""

    offered: float
    answered: float
    p50: float
    p99: float
    failed: int
    sent: float
    received: float


@dataclass
class _Connection:
    socket: socket.socket
    due: float = 0.0
    unsent: memoryview = field(default_factory=lambda: memoryview(b""))
    chunks: list[bytes] = field(default_factory=list)
    missing: int | None = None

    def send(self) -> None:
        try:
            self.unsent = self.unsent[self.socket.send(self.unsent) :]
        except BlockingIOError:
            return

    def receive(self) -> bool:
        """Take what is there; return whether the answer is whole."""
        self.chunks.append(chunk := self.socket.recv(1 << 18))
        if not chunk:
            raise ConnectionResetError("the server closed a connection")
        if self.missing is None:
            head, found, body = b"".join(self.chunks).partition(b"\r\n\r\n")
            if not found:
                return False
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            self.missing = int(length[15:]) - len(body)
        else:
            self.missing -= len(chunk)
        return self.missing <= 0


def requests(port: int, path: str, bodies: Sequence[bytes]) -> list[bytes]:
    """Return JSON bodies as requests of HTTP/1.1."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: "
    return [f"{head}{len(body)}\r\n\r\n".encode() + body for body in bodies]


def offer(port: int, contents: Sequence[bytes], rate: float, seconds: float, seed: int = 0) -> Offered:
    """Offer requests at a rate, a Poisson process, for some seconds, and wait for all answers."""
    count = max(round(rate * seconds), 1)
    moments = np.random.default_rng(seed).exponential(1 / rate, count).cumsum().tolist()
    connections = [_connect(port) for _ in range(CONNECTIONS)]
    gc.disable()
    try:
        return _Load(connections, contents, moments).run()
    finally:
        gc.enable()
        for each in connections:
            each.socket.close()


def _connect(port: int) -> _Connection:
    opened = socket.create_connection(("127.0.0.1", port))
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    opened.setblocking(False)  # noqa: FBT003  # the socket's own interface
    return _Connection(opened)


class _Load:
    """Requests on their way: those that arrived and wait for a connection, and those that wait for an answer."""

    def __init__(self, connections: Sequence[_Connection], contents: Sequence[bytes], moments: list[float]) -> None:
        self._contents, self._moments = contents, moments
        self._connections = {each.socket.fileno(): each for each in connections}
        self._free, self._waiting = deque(connections), deque[float]()
        self._poll = select.epoll()
        for fd in self._connections:
            self._poll.register(fd, select.EPOLLIN)
        self._latencies: list[float] = []
        self._taken = self._sent = self._failed = self._received = 0
        self._start = 0.0

    def run(self) -> Offered:
        count, last = len(self._moments), self._moments[-1]
        self._start = time.perf_counter()
        while len(self._latencies) < count:
            now = time.perf_counter() - self._start
            if now > last + _LONGEST:
                raise TimeoutError(f"{count - len(self._latencies)} requests were not answered")
            self._send(now)
            for fd, event in self._poll.poll(0):
                self._look(self._connections[fd], event)
        took = time.perf_counter() - self._start
        p50, p99 = np.percentile(self._latencies, [50, 99]) * 1e3
        size = sum(map(len, self._contents)) / len(self._contents)
        good = (count - self._failed) / took
        return Offered(count / last, good, float(p50), float(p99), self._failed, size, self._received / count)

    def _send(self, now: float) -> None:
        while self._taken < len(self._moments) and self._moments[self._taken] <= now:
            self._waiting.append(self._moments[self._taken])
            self._taken += 1
        while self._waiting and self._free:
            each, content = self._free.popleft(), self._contents[self._sent % len(self._contents)]
            each.due, each.unsent, each.chunks, each.missing = self._waiting.popleft(), memoryview(content), [], None
            each.send()
            self._sent += 1
            if each.unsent:
                self._poll.modify(each.socket, select.EPOLLIN | select.EPOLLOUT)

    def _look(self, each: _Connection, event: int) -> None:
        if event & select.EPOLLOUT:
            each.send()
            if not each.unsent:
                self._poll.modify(each.socket, select.EPOLLIN)
        if event & ~select.EPOLLOUT and each.receive():
            self._latencies.append(time.perf_counter() - self._start - each.due)
            self._failed += not each.chunks[0].startswith(b"HTTP/1.1 200 ")
            self._received += sum(map(len, each.chunks))
            self._free.append(each)
