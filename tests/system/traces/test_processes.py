"""Spans across forks, reloads and ends, and beside collectors that are dead or slow."""

import json
import signal
import statistics
import threading
import time

import pytest

from tests.badinput import JSON
from tests.system.conftest import eventually
from tests.system.sleeping import sleeping
from tests.system.traces.collector import collecting
from tests.system.traces.conftest import GOOD

pytestmark = pytest.mark.traces
LATER = "60000"  # milliseconds until spans are sent without being asked for


def predict(server, times, trace_ids=None):
    """Predict on one connection; return the seconds that each took."""
    seconds = []
    with server.connect() as connection:
        for _ in range(times):
            start = time.perf_counter()
            status, headers, _ = connection.ask("POST", "/predict", json.dumps(GOOD), JSON)
            seconds.append(time.perf_counter() - start)
            assert 200 == status
            if trace_ids is not None:
                trace_ids.append(headers["traceparent"].split("-")[1])
    return seconds


def predictions(collector):
    return [span for span in collector.spans if span.name == "POST /predict"]


def instances(collector):
    return {span.resource["service.instance.id"] for span in collector.spans}


def test_each_worker_sends_its_spans_also_after_a_reload(tracing, collector):
    """No request is without its span: of two workers, and of the two that replace them, each a process of its own."""
    server, asked = tracing(collector.endpoint, WEB_CONCURRENCY="2"), []
    eventually(lambda: (predict(server, 5, asked), len(instances(collector)) == 2)[1], "spans of two workers")
    before = server.workers()
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: server.without(before), "new workers")
    eventually(lambda: (predict(server, 5, asked), len(instances(collector)) == 4)[1], "spans of the new workers")
    assert 0 == server.stop()

    assert sorted(asked) == sorted(span.trace_id for span in predictions(collector))
    assert {"", *(span.span_id for span in predictions(collector))} == {span.parent_id for span in collector.spans}


def test_a_worker_that_ends_sends_what_it_has(tracing, collector, monkeypatch):
    """SIGTERM comes before the spans would be sent: they come all the same, and none is counted as dropped."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", LATER)
    server, asked = tracing(collector.endpoint, WEB_CONCURRENCY="1"), []
    predict(server, 40, asked)
    assert [] == collector.spans

    assert 0 == server.stop()
    assert sorted(asked) == sorted(span.trace_id for span in predictions(collector))
    assert "not sent" not in server.errors


def test_the_sampler_is_the_one_that_the_environment_names(tracing, collector):
    """Of none of the traces, that is: the answers say so, and nothing is sent."""
    sampler = {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"}
    server = tracing(collector.endpoint, WEB_CONCURRENCY="1", **sampler)
    with server.connect() as connection:
        _, headers, _ = connection.ask("POST", "/predict", json.dumps(GOOD), JSON)
    assert 0 == server.stop()

    assert ("02", []) == (headers["traceparent"].split("-")[3], collector.spans)


def test_settings_that_the_sdk_refuses_stop_no_server(tracing, collector, monkeypatch):
    """Nor does an exporter that is not installed: the log says that there are no spans, and why."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "-1")
    server = tracing(collector.endpoint, WEB_CONCURRENCY="1", OTEL_TRACES_EXPORTER="otlp,nope")
    predict(server, 1)

    assert "no spans are sent to 'nope': no such exporter is installed" in server.errors
    assert "no spans are sent by this worker" in server.errors
    assert 0 == server.stop()


def test_a_request_that_hangs_has_a_span_that_says_so(tracing, collector, sleeper):
    """The answer, the record on stderr and the span are of one trace; the worker sends it before it is replaced."""
    server = tracing(collector.endpoint, WEB_CONCURRENCY="1", PREDICT_SECONDS="1", **sleeper)
    status, problem = server.predict(sleeping(60))

    (span,) = eventually(
        lambda: [span for span in collector.of_trace(problem["trace_id"]) if span.attributes], "a span"
    )
    code = "prediction_timeout"
    assert (504, code, problem["span_id"]) == (status, problem["code"], span.span_id)
    assert (code, 2) == (span.attributes["error.type"], span.raw.status.code)
    assert f"a request (trace {problem['trace_id']}) hangs" in server.errors


def test_a_dead_or_slow_collector_costs_no_prediction_anything(tracing, collector):
    """Requests take what they take beside one that answers; spans are dropped, and counted, and the end is in time."""
    small = {"WEB_CONCURRENCY": "1", "OTEL_BSP_MAX_QUEUE_SIZE": "64", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "32"}
    with collecting(held=threading.Event()) as slow:
        endpoints = collector.endpoint, "http://127.0.0.1:1", slow.endpoint
        servers = [tracing(endpoint, **small) for endpoint in endpoints]
        rounds = [[statistics.median(predict(server, 30)) for server in servers] for _ in range(15)]
        for server in servers[1:]:
            eventually(lambda server=server: server.metric("spans_total"), "spans that are counted")
            predict(server, 3)
            start = time.monotonic()
            assert 0 == server.stop()
            assert 15 > time.monotonic() - start
            assert "spans were not sent before this worker ended" in server.errors

    # The least of each: what else the machine does disturbs some of the rounds.
    usual, dead, held = (min(medians) for medians in zip(*rounds, strict=True))
    assert max(dead, held) < 1.5 * usual + 0.001
