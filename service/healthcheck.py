"""`python -m service.healthcheck`: exit 0 if the server on this machine is ready; for the image's HEALTHCHECK."""

import os
import sys
from http.client import HTTPConnection

from service import platforms


def main(host: str, port: int) -> int:
    """Ask /health/ready once; anything but 200 within 2 s is a failure."""
    connection = HTTPConnection("127.0.0.1" if host in ("", "0.0.0.0") else host, port, timeout=2)  # noqa: S104
    try:
        connection.request("GET", "/health/ready")
        return 0 if connection.getresponse().status == 200 else 1
    except OSError:
        return 1


if __name__ == "__main__":
    environ = platforms.applied(os.environ)
    sys.exit(main(environ.get("HOST", ""), int(environ.get("PORT", "8000"))))
