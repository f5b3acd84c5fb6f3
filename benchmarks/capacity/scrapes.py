"""What Prometheus has to do: the size of a scrape, and the memory of each series in a real Prometheus."""

import http.client
import re
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks import load, servers
from benchmarks.capacity.figures import Scrape
from benchmarks.capacity.replicas import BUSY, SERVER, Lengths, bodies
from benchmarks.measure import say
from benchmarks.models import Fitted

_TARGETS = (1, 201)
_CONFIG = """
global: {{scrape_interval: 2s}}
scrape_configs:
  - job_name: ml-service
    static_configs:
{targets}
"""
_SECONDS = 60.0


def scrape(fitted: Fitted, work: Path, lengths: Lengths) -> Scrape:
    """Measure a server that has answered predictions, and a Prometheus that is told of many that look like it."""
    with servers.serving(SERVER, fitted.folder, fitted.singles()[0], workers=2) as server:
        load.once(server.port, bodies(fitted, 1), BUSY[1], lengths.warm_up)
        taken = [_metrics(server.port) for _ in range(7)]
    text = taken[-1][0]
    series = sum(not line.startswith("#") for line in text.splitlines())
    with _answering(text.encode()) as port:
        used = [_memory(port, count, series, work / f"prometheus-{count}") for count in _TARGETS]
    memory = (used[1] - used[0]) / (series * (_TARGETS[1] - _TARGETS[0]))
    say(f"  {series} series, {len(text)} bytes, {memory:.0f} bytes of memory each")
    return Scrape(series, len(text.encode()), statistics.median(seconds for _, seconds in taken), memory)


def _metrics(port: int) -> tuple[str, float]:
    start = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return text, time.perf_counter() - start


@contextmanager
def _answering(text: bytes) -> Iterator[int]:
    """Answer every request with the same metrics."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Say nothing: a Prometheus that ends resets its connections."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()


def _memory(port: int, count: int, series: int, folder: Path) -> int:
    """Return the bytes of a Prometheus that has scraped so many targets, each the same page under another label."""
    folder.mkdir(parents=True)
    targets = [f'      - {{targets: ["127.0.0.1:{port}"], labels: {{replica: "{each}"}}}}' for each in range(count)]
    (folder / "prometheus.yml").write_text(_CONFIG.format(targets="\n".join(targets)))
    (own,) = servers.free_ports(1)
    options = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            ["prometheus", *options, f"--web.listen-address=127.0.0.1:{own}"], stdout=output, stderr=output
        )
    try:
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end:
            with suppress(OSError, http.client.HTTPException):
                known = re.search(r"^prometheus_tsdb_head_series (\S+)$", _metrics(own)[0], re.MULTILINE)
                if known and float(known[1]) >= count * series:
                    status = Path(f"/proc/{process.pid}/status").read_text()
                    return int(re.search(r"VmRSS:\s*(\d+) kB", status)[1]) * 1024  # type: ignore[index]  # always there
            time.sleep(0.2)
        raise servers.ServerFailedError(f"Prometheus did not scrape {count} targets within {_SECONDS:g} s")
    finally:
        process.terminate()
        process.wait(10)
