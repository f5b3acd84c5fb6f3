"""Clients that are slow, idle or deaf, kept up for as long as a block runs."""

import json
import selectors
import socket
import threading
from contextlib import suppress

from tests.badinput import ROW
from tests.system.conftest import DEADLINE
from tests.system.reliability.malformed import HEAD

TRICKLE_SECONDS = 0.25
BIG = json.dumps({"instances": [ROW] * 10_000}).encode()
# What each sends at once, and then trickles.
KINDS = {
    "half a head": (50, HEAD, b"X"),
    "half a body": (50, HEAD + b"Content-Length: 100000\r\n\r\n{", b" "),
    "idle": (200, b"", b""),
    "deaf": (20, HEAD + b"Content-Length: %d\r\n\r\n" % len(BIG) + BIG, b""),
}


class Crowd:
    """All of KINDS at once. Clients that are refused come back, except the deaf, whose answers cost work."""

    def __init__(self, port):
        self.port, self._done = port, threading.Event()
        self._clients = selectors.DefaultSelector()
        self._thread = threading.Thread(target=self._trickle)

    def __enter__(self):
        for name, (count, _, _) in KINDS.items():
            for _ in range(count):
                self._start(name)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join(DEADLINE)
        for key in list(self._clients.get_map().values()):
            key.fileobj.close()
        self._clients.close()

    def __len__(self):
        return len(self._clients.get_map())

    def _start(self, name):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(DEADLINE)
        client.connect(("127.0.0.1", self.port))
        with suppress(OSError):
            client.sendall(KINDS[name][1])
        # The deaf are not watched: what comes is not their business.
        self._clients.register(client, selectors.EVENT_READ if name != "deaf" else selectors.EVENT_WRITE, name)

    def _trickle(self):
        while not self._done.wait(TRICKLE_SECONDS):
            for key, _ in self._clients.select(0):
                if key.data != "deaf":  # turned away
                    self._clients.unregister(key.fileobj)
                    key.fileobj.close()
                    self._start(key.data)
            for key in list(self._clients.get_map().values()):
                if more := KINDS[key.data][2]:
                    with suppress(OSError):
                        key.fileobj.send(more)
