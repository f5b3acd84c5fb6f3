"""The last trace in each bucket of the latency."""

import os
import time

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from service.monitoring.catalogue import SECONDS
from service.monitoring.metrics import Metrics
from service.tracing.context import Trace

ACCEPT = "application/openmetrics-text; version=1.0.0"


@pytest.fixture
def metrics(tmp_path):
    return Metrics(["native", "v2"], tmp_path)


def answered(metrics, seconds, trace_id, code="ok", at=5.0):
    metrics.requests.answered("native", code, seconds)
    metrics.exemplars.note("native", code, seconds, Trace(trace_id * 32, "b" * 16), at)


def exemplars(metrics, accept=ACCEPT):
    """Return what a scrape has: by outcome and bound, the ids, the value and the time."""
    text = metrics.exposition(accept, time.monotonic())[0].decode()
    return {
        (sample.labels["outcome"], sample.labels["le"]): sample.exemplar
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.exemplar is not None
    }


def test_a_bucket_has_the_last_request_that_was_in_it(metrics):
    """By the library's own parser: its trace and span, its latency, and when it ended."""
    answered(metrics, 0.0004, "1")
    answered(metrics, 0.0005, "2", at=6.0)
    answered(metrics, 0.3, "3", code="invalid_value")
    found = exemplars(metrics)

    assert {("ok", "0.0005"), ("refused", "0.5")} == set(found)
    exemplar = found["ok", "0.0005"]
    assert {"trace_id": "2" * 32, "span_id": "b" * 16} == exemplar.labels
    assert (0.0005, 6.0) == (exemplar.value, float(exemplar.timestamp))


@pytest.mark.parametrize(("seconds", "bound"), [(0.0, "0.0003"), (0.0003, "0.0003"), (60.0, "60.0"), (61.0, "+Inf")])
def test_an_exemplar_is_in_the_bucket_of_its_value(metrics, seconds, bound):
    """Bounds belong to the bucket below them."""
    answered(metrics, seconds, "1")

    assert [("ok", bound)] == list(exemplars(metrics))


def test_what_one_process_notes_another_one_tells(metrics):
    """Whichever worker is scraped: they share the memory from before their forks."""
    if (child := os.fork()) == 0:
        answered(metrics, 0.001, "c")
        os._exit(0)
    os.waitpid(child, 0)

    assert "c" * 32 == exemplars(metrics)["ok", "0.001"].labels["trace_id"]


def test_the_text_format_of_prometheus_has_none(metrics):
    """It knows no exemplars."""
    answered(metrics, 0.001, "1")

    assert b"trace_id" not in metrics.exposition("", time.monotonic())[0]
    assert b"trace_id" in metrics.exposition(ACCEPT, time.monotonic())[0]


def test_no_trace_adds_a_series(metrics):
    """However many traces there are, one exemplar each bucket."""
    before = metrics.exposition(ACCEPT, time.monotonic())[0].count(b"\n")
    for number in range(1000):
        answered(metrics, SECONDS[number % len(SECONDS)], f"{number % 10}")

    assert before == metrics.exposition(ACCEPT, time.monotonic())[0].count(b"\n")
    assert len(SECONDS) == len(exemplars(metrics))
