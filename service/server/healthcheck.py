"""`python -m service.server.healthcheck`: exit 0 if the server on this machine is ready; for the image's HEALTHCHECK.

It asks at the address that the server has published. If several servers run, all of them have to be ready, or those
whose masters' process ids are given.
"""

import os
import socket
import sys
from collections.abc import Iterable, Sequence

from service.server import running_servers


def main(pids: Sequence[str], directories: Iterable[str]) -> int:
    """Ask each server for /health/ready once; no server, or any answer but 200 within 2 s, is a failure."""
    servers = filter(None, running_servers.published(directories))
    ready = [_is_ready(*address) for pid, *address in servers if not pids or pid in pids]
    return 0 if ready and all(ready) else 1


def _is_ready(host: str = "", port: str = "") -> bool:
    """Ask one server; a server without an address does not listen yet."""
    if not port:
        return False
    try:
        with socket.create_connection((host, int(port)), timeout=2) as connection, connection.makefile("rb") as answer:
            connection.sendall(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return answer.readline(20).startswith(b"HTTP/1.1 200 ")
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], (running_servers.MEMORY, os.environ.get("TMPDIR", "/tmp"))))  # noqa: S108  # tempfile's default
