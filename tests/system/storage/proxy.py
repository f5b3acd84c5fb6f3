"""A proxy in front of a server of objects, that a test may have slow down, break off or refuse."""

import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote


@dataclass
class Proxy:
    """Passes requests on to a server of objects. A fault is asked for by the name of an object."""

    behind: int
    port: int = 0
    status: dict[str, int] = field(default_factory=dict)  # what is answered instead
    pause: float = 0.0  # before each piece
    sent: Counter[str] = field(default_factory=Counter)  # bytes of bodies
    busy: set[object] = field(default_factory=set)  # connections that get an answer now
    breaks: set[str] = field(default_factory=set)  # the next answer ends halfway

    def ask(self, path, headers):
        """Return what the server answers: status, headers, body."""
        connection = HTTPConnection("127.0.0.1", self.behind, timeout=60)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, answer.getheaders(), body

    def pieces(self, name, body):
        """Yield the body in pieces, each counted before it is sent."""
        comes = body[: len(body) // 2] if name in self.breaks else body
        self.breaks.discard(name)
        for start in range(0, len(comes), 2000):
            time.sleep(self.pause)
            self.sent[name] += len(comes[start : start + 2000])
            yield comes[start : start + 2000]


@contextmanager
def proxying(proxy):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            name = unquote(self.path.partition("?")[0]).rpartition("/")[2]
            proxy.busy.add(self)
            if status := proxy.status.get(name):
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                proxy.busy.discard(self)
                return
            status, headers, body = proxy.ask(self.path, dict(self.headers))
            self.send_response(status)
            for header, value in headers:
                if header.lower() not in ("connection", "content-length", "transfer-encoding", "date", "server"):
                    self.send_header(header, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.close_connection |= name in proxy.breaks
            try:
                for piece in proxy.pieces(name, body):
                    self.wfile.write(piece)
            except OSError:
                self.close_connection = True  # the client has gone
            proxy.busy.discard(self)

        def log_message(self, *words):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        proxy.port = server.server_port
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield proxy
        server.shutdown()
