"""A load generator that is a process of its own: kept-alive connections, each of which asks again when it is answered.

`python -m tests.system.reliability.closedloop PORT CONNECTIONS SECONDS PATH...` prints one JSON object: `rate` (answers
with status 200 per second), `statuses`, `jain` (Jain's index of the answers of each connection, the least of all paths)
and `longest_wait`, the longest time that any connection waited for an answer, those still waiting at the end included.
Each path is asked by an equal share of the connections.
"""

import json
import re
import select
import socket
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

from tests.badinput import JSON, ROW

LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
CONNECT_SECONDS = 10.0


def request(path):
    """Return the bytes that ask for a path: a prediction with a body, anything else without one."""
    head = f"{'POST' if path == '/predict' else 'GET'} {path} HTTP/1.1\r\nHost: service\r\n"
    if path != "/predict":
        return f"{head}\r\n".encode()
    body = json.dumps({"features": ROW})
    return f"{head}Content-Type: {JSON}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


@dataclass
class Client:
    """One connection and the results of its requests."""

    path: str
    port: int
    sock: socket.socket | None = None
    received: bytearray = field(default_factory=bytearray)
    asked_at: float = 0.0
    answered: int = 0
    longest: float = 0.0

    def begin(self, poll, clients):
        """Connect and ask."""
        self.sock = socket.create_connection(("127.0.0.1", self.port), timeout=CONNECT_SECONDS)
        self.sock.setblocking(False)
        clients[self.sock.fileno()] = self
        poll.register(self.sock, select.EPOLLIN)
        self.ask()

    def ask(self):
        """Send the next request."""
        self.received.clear()
        self.asked_at = time.monotonic()
        with suppress(OSError):  # gone, which is noticed when it is read
            self.sock.send(request(self.path))

    def read(self):
        """Read what has come; return the status of a whole answer, 0 if the connection has ended, else None."""
        try:
            content = self.sock.recv(1 << 18)
        except BlockingIOError:
            return None
        except OSError:
            content = b""
        self.received += content
        end = self.received.find(b"\r\n\r\n")
        if end >= 0:
            length = int(LENGTH.search(self.received, 0, end + 4)[1])
            if len(self.received) >= end + 4 + length:
                self.longest = max(self.longest, time.monotonic() - self.asked_at)
                self.answered += 1
                return int(self.received[9:12])
        return None if content else 0

    @property
    def keeps(self):
        """Whether the connection goes on after the answer that has come."""
        return b"\r\nConnection: close\r\n" not in self.received


def run(port, count, seconds, paths):
    """Load a server for so long; return the results."""
    poll, clients, statuses = select.epoll(), {}, Counter()
    everybody = [Client(paths[place % len(paths)], port) for place in range(count)]
    for client in everybody:
        client.begin(poll, clients)
    start = time.monotonic()
    end = start + seconds
    while (now := time.monotonic()) < end:
        for descriptor, _ in poll.poll(end - now):
            client = clients[descriptor]
            status = client.read()
            if status is None:
                continue
            statuses[status] += 1
            if status and client.keeps:
                client.ask()
                continue
            poll.unregister(client.sock)
            client.sock.close()
            del clients[descriptor]
            client.begin(poll, clients)
    waits = [max(client.longest, end - client.asked_at) for client in everybody]
    return {
        "rate": statuses[200] / seconds,
        "statuses": {str(status): number for status, number in sorted(statuses.items())},
        "jain": min(jain([each.answered for each in everybody if each.path == path]) for path in set(paths)),
        "longest_wait": max(waits),
    }


def jain(counts):
    """Return Jain's index of fairness: 1 if all got the same, 1/n if one of n got everything."""
    squares = len(counts) * sum(count * count for count in counts)
    return sum(counts) ** 2 / squares if squares else 0.0


if __name__ == "__main__":
    port, count, seconds, *paths = sys.argv[1:]
    sys.stdout.write(json.dumps(run(int(port), int(count), float(seconds), paths)))
