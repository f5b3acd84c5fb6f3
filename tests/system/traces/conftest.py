"""Servers that send spans, and a collector that takes them."""

import os
import secrets

import pytest

from tests.badinput import ROW
from tests.system.traces.collector import collecting

GOOD = {"features": ROW}
PHASES = ["read", "queue", "parse", "predict", "encode"]


def traceparent(*, sampled=True):
    """Return a caller's span of a new trace: its trace id, its own id, and the header."""
    trace_id, span_id = secrets.token_hex(16), secrets.token_hex(8)
    return trace_id, span_id, f"00-{trace_id}-{span_id}-{sampled:02d}"


@pytest.fixture
def collector():
    with collecting() as made:
        yield made


@pytest.fixture
def tracing(launch):
    """Start a server that sends spans to a collector, soon."""

    def start(endpoint, *arguments, **environ):
        server = launch(*arguments, **traced(endpoint), **environ)
        server.wait_until_ready()
        return server

    return start


def traced(endpoint):
    """Return the variables of a server that sends spans soon."""
    return {
        "PYTHONPATH": os.environ["PYTHONPATH"],
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_BSP_SCHEDULE_DELAY": os.environ.get("OTEL_BSP_SCHEDULE_DELAY", "100"),
    }
