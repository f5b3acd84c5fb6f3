"""A collector of traces: takes what an OTLP exporter sends over HTTP, read with the public opentelemetry-proto."""

import gzip
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


def value_of(value):
    """Return a value as Python has it."""
    return getattr(value, value.WhichOneof("value"))


@dataclass(frozen=True)
class Span:
    """A span as it came, with the attributes of its resource."""

    raw: Any
    resource: dict[str, Any]

    @property
    def attributes(self):
        return {each.key: value_of(each.value) for each in self.raw.attributes}

    @property
    def trace_id(self):
        return self.raw.trace_id.hex()

    @property
    def span_id(self):
        return self.raw.span_id.hex()

    @property
    def parent_id(self):
        return self.raw.parent_span_id.hex()

    @property
    def name(self):
        return self.raw.name


@dataclass
class Collector:
    """What has come so far; `status` is what each request is answered, after `wait` was set if that is not None."""

    port: int = 0
    status: int = 200
    held: threading.Event | None = None
    spans: list[Span] = field(default_factory=list)
    requests: int = 0

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def take(self, path, headers, content):
        self.requests += 1
        if self.held is not None:
            self.held.wait(60)
        if self.status != 200:
            return
        assert ("/v1/traces", "application/x-protobuf") == (path, headers["Content-Type"])
        plain = gzip.decompress(content) if headers.get("Content-Encoding") == "gzip" else content
        for group in ExportTraceServiceRequest.FromString(plain).resource_spans:
            resource = {each.key: value_of(each.value) for each in group.resource.attributes}
            self.spans += [Span(raw, resource) for scope in group.scope_spans for raw in scope.spans]

    def of_trace(self, trace_id):
        return [span for span in self.spans if span.trace_id == trace_id]


@contextmanager
def collecting(**options):
    """Listen on a port of its own for the length of the block."""
    collector = Collector(**options)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            content = self.rfile.read(int(self.headers["Content-Length"]))
            collector.take(self.path, self.headers, content)
            body = ExportTraceServiceResponse().SerializeToString()
            self.send_response(collector.status)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        collector.port = server.server_port
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield collector
        finally:
            if collector.held is not None:
                collector.held.set()
            server.shutdown()
