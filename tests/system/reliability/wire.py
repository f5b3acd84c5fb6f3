"""An HTTP/1.1 client in bytes that knows its connection: its port, and which bytes have come."""

import gzip
import re
import socket
import time
from contextlib import suppress
from dataclasses import dataclass

from tests.system.conftest import DEADLINE

HEAD = re.compile(rb"HTTP/1\.1 (\d{3})[^\r\n]*\r\n((?:[^\r\n]+\r\n)+)\r\n")


class Lost(Exception):
    """The connection ended before the answer was whole; the message is the part that had come."""


@dataclass(frozen=True)
class Answer:
    """A whole answer; fields by their names in small letters."""

    status: int
    fields: dict[str, str]
    body: bytes


class Wire:
    """One connection; `clock` is when it was opened."""

    def __init__(self, port, *, slow=False):
        self.clock, self.came, self.asked = time.monotonic(), bytearray(), 0
        self._client = socket.socket()
        self._client.settimeout(DEADLINE)
        if slow:
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._client.connect(("127.0.0.1", port))
        self.port = self._client.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._client.close()

    def fileno(self):
        return self._client.fileno()

    def send(self, content):
        """Send what the server takes; reading tells if it takes no more."""
        with suppress(ConnectionError):
            self._client.sendall(content)

    def read(self, size=1 << 16):
        """Return the next whole answer, or None while it is not; reads once. Raises Lost, and TimeoutError."""
        if answer := self._whole():
            return answer
        try:
            piece = self._client.recv(size)
        except ConnectionError:
            piece = b""
        if not piece:
            raise Lost(bytes(self.came[:200]))
        self.came += piece
        return self._whole()

    def answer(self, size=1 << 16, pause=0.0):
        """Return the next whole answer. Raises Lost, and TimeoutError."""
        while not (answer := self.read(size)):
            time.sleep(pause)
        return answer

    def _whole(self):
        found = HEAD.match(self.came)
        if not found:
            return None
        lines = (line.partition(b":") for line in found[2].splitlines())
        fields = {name.lower().decode(): value.strip().decode() for name, _, value in lines}
        status, end = int(found[1]), found.end() + int(fields["content-length"])
        if len(self.came) < end:
            return None
        body = bytes(self.came[found.end() : end])
        del self.came[:end]
        body = gzip.decompress(body) if fields.get("content-encoding") == "gzip" else body
        return Answer(status, fields, body)
