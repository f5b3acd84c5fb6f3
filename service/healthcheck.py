"""`python -m service.healthcheck`: exit 0 if the server on this machine is ready; for the image's HEALTHCHECK.

It asks where the server has said that it listens, and imports nothing that takes long: it runs every few seconds.
"""

import socket
import sys

from service import shareddir


def main() -> int:
    """Ask /health/ready once of each server that lives; anything but 200 within 2 s, or no server, is a failure."""
    addresses = [shareddir.address(directory) for directory in shareddir.living().values()]
    return 0 if addresses and all(map(_ready, addresses)) else 1


def _ready(address: tuple[str, int] | None) -> bool:
    if address is None:
        return False
    try:
        with socket.create_connection(address, timeout=2) as connection, connection.makefile("rb") as answer:
            connection.sendall(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return answer.readline(20).startswith(b"HTTP/1.1 200 ")
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
