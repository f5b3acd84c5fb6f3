"""A real S3 server (moto), and a proxy in front of it that a test may have slow down, break off or refuse."""

import re
import subprocess
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.conftest import ROOT
from tests.system.conftest import end, eventually

SERVER = ROOT / ".venv-storage/servers/bin/moto_server"
# The S3 server checks who signed, and not the signature.
SIGNED = "AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
CLIENT = ROOT / ".venv-storage/python"  # obstore, for PYTHONPATH


@dataclass
class Proxy:
    """Passes requests on to the S3 server. A fault is asked for by the name of an object."""

    behind: int
    port: int = 0
    status: dict[str, int] = field(default_factory=dict)  # what is answered instead
    pause: float = 0.0  # before each piece
    sent: Counter[str] = field(default_factory=Counter)  # bytes of bodies
    busy: set[object] = field(default_factory=set)  # connections that get an answer now

    def pieces(self, name, body):
        """Yield the body in pieces, each counted before it is sent."""
        for start in range(0, len(body), 2000):
            time.sleep(self.pause)
            self.sent[name] += len(body[start : start + 2000])
            yield body[start : start + 2000]


@contextmanager
def proxying(proxy):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            name = self.path.partition("?")[0].rpartition("/")[2]
            proxy.busy.add(self)
            if status := proxy.status.get(name):
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                proxy.busy.discard(self)
                return
            connection = HTTPConnection("127.0.0.1", proxy.behind, timeout=60)
            connection.request("GET", self.path, headers=dict(self.headers))
            answer = connection.getresponse()
            body = answer.read()
            self.send_response(answer.status)
            for header, value in answer.getheaders():
                if header.lower() not in ("connection", "content-length", "transfer-encoding", "date", "server"):
                    self.send_header(header, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            connection.close()
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


@pytest.fixture(scope="session")
def s3(tmp_path_factory):
    """Start the S3 server: its port."""
    log = tmp_path_factory.mktemp("s3") / "log"
    with log.open("wb") as file:
        command = [SERVER, "-H", "127.0.0.1", "-p", "0"]
        process = subprocess.Popen(command, stdout=file, stderr=file)
    try:
        found = eventually(lambda: re.search(r"127\.0\.0\.1:(\d+)", log.read_text()), "the S3 server", 90)
        yield int(found.group(1))
    finally:
        end(process)


class Bucket:
    """A bucket of its own, reached through a proxy of its own."""

    def __init__(self, name, proxy):
        self.name, self.proxy = name, proxy

    @property
    def uri(self):
        return f"s3://{self.name}/churn"

    @property
    def environ(self):
        """The variables of a client; no other machine is asked for credentials."""
        return {
            "PYTHONPATH": str(CLIENT),
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "hidden",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.proxy.port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_METADATA_ENDPOINT": "http://127.0.0.1:1",
        }

    def put(self, path, body=b""):
        connection = HTTPConnection("127.0.0.1", self.proxy.behind, timeout=60)
        connection.request("PUT", f"/{self.name}{path}", body, {"Authorization": SIGNED})
        assert connection.getresponse().status == 200
        connection.close()

    def upload(self, bundle: Path):
        """Upload a bundle as people do: in the order of the names, so that the manifest comes before its files."""
        for path in sorted(bundle.iterdir()):
            self.put(f"/churn/{path.name}", path.read_bytes())


@pytest.fixture
def bucket(s3, request):
    """Make a bucket."""
    name = f"b{abs(hash(request.node.name))}"
    with proxying(Proxy(s3)) as proxy:
        made = Bucket(name, proxy)
        made.put("")
        yield made
