"""`python -m service.server.healthcheck`: exit 0 if the server on this machine is ready; for the image's HEALTHCHECK.

It asks where the server has said that it listens. Where several servers run, all of them have to be ready, or the one
whose master's process id is given.
"""

import os
import socket
import sys
from collections.abc import Iterable, Sequence

from service.server import running_servers


def main(pids: Sequence[str], places: Iterable[str]) -> int:
    """Ask /health/ready once of each server; anything but 200 within 2 s, or no server, is a failure."""
    asked = [
        _ready(*address) for pid, *address in filter(None, running_servers.said(places)) if not pids or pid in pids
    ]
    return 0 if asked and all(asked) else 1


def _ready(host: str = "", port: str = "") -> bool:
    """Ask one server; one without an address does not listen yet."""
    if not port:
        return False
    try:
        with socket.create_connection((host, int(port)), timeout=2) as connection, connection.makefile("rb") as answer:
            connection.sendall(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return answer.readline(20).startswith(b"HTTP/1.1 200 ")
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], (running_servers.MEMORY, os.environ.get("TMPDIR", "/tmp"))))  # noqa: S108  # as tempfile has it
