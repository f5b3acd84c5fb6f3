"""A web server of one folder for tests of fetching: ranges, tags, and faults that a test asks for."""

import hashlib
import ssl
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Answer:
    """What is answered; `cut` bytes are left out at the end, though the length says that they come."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: int = 0


@dataclass
class WebFolder:
    """A folder, and what was asked of it. `fault` may change an answer, or return another one."""

    folder: Path
    ranges: bool = True
    tags: bool = True
    port: int = 0
    fault: Callable[[str, Answer], Answer | None] = lambda _name, _answer: None
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def answer(self, path, headers):
        name = urlsplit(path).path.rpartition("/")[2]
        self.asked.append((path, headers))
        file = self.folder / name
        answer = self._of(file.read_bytes(), headers) if file.is_file() else Answer(404)
        answer = self.fault(name, answer) or answer
        self.sent[name] += max(0, len(answer.body) - answer.cut)
        return answer

    def _of(self, content, headers):
        tag = f'"{hashlib.md5(content).hexdigest()}"'  # a tag
        known = {"ETag": tag} if self.tags else {}
        if self.tags and headers.get("If-Match", tag) != tag:
            return Answer(412)
        if self.tags and headers.get("If-None-Match") == tag:
            return Answer(304, known)
        start = headers.get("Range", "").removeprefix("bytes=").rstrip("-")
        if not (self.ranges and start):
            return Answer(200, known, content)
        span = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return Answer(206, {**known, "Content-Range": span}, content[int(start) :])


@contextmanager
def serving(made: Any, tls: ssl.SSLContext | None = None):
    """Answer on a port of this machine for the length of the block; what is made has `port` and `answer`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            answer = made.answer(self.path, dict(self.headers))
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.status != 304:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body[: len(answer.body) - answer.cut])
            self.close_connection = bool(answer.cut)

        def log_message(self, *words):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # a client that does not trust it
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        made.port = server.server_port
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield made
        server.shutdown()
