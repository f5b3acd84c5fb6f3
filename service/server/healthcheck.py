"""`python -m service.server.healthcheck`: exit 0 if the server on this machine is ready; for the image's HEALTHCHECK.

It asks at the address that the server has published. If several servers run, all of them have to be ready, or those
whose masters' process ids are given.

It runs every few seconds and spends most of its time on imports, so this module imports almost nothing.
"""

import os
import socket
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

MEMORY = "/dev/shm"  # noqa: S108  # shared_directory makes a private directory in it
PREFIX = "mlservice-"
FILE = "alive"


def main(pids: Sequence[str], directories: Iterable[str]) -> int:
    """Ask each server for /health/ready once; no server, or any answer but 200 within 2 s, is a failure."""
    servers = filter(None, _published(directories))
    ready = [_is_ready(*address) for pid, *address in servers if not pids or pid in pids]
    return 0 if ready and all(ready) else 1


def _published(directories: Iterable[str]) -> Iterator[list[str]]:
    """Yield the words that each server wrote into its folder in one of the directories: process id, address, port.

    Address and port are missing until the server listens. Directories of other users cannot be read.
    """
    for directory in sorted(set(directories)):
        for entry in os.scandir(directory) if os.access(directory, os.R_OK) else ():
            if entry.name.startswith(PREFIX):
                with suppress(OSError), open(f"{entry.path}/{FILE}", encoding="ascii") as file:  # noqa: PTH123  # see above
                    yield file.read().split()


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
    sys.exit(main(sys.argv[1:], (MEMORY, os.environ.get("TMPDIR", "/tmp"))))  # noqa: S108  # tempfile's default
