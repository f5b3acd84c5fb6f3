"""The trace of a request: in the answer, the log and the error."""

import logging
import re

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.badinput import ROW
from tests.unit.test_trace_context import INVALID, SPAN, TRACE


@pytest.fixture
def broken(server):
    """Serve a model that raises."""

    class Broken:
        def predict(self, rows, further=()):
            raise RuntimeError("model")

    server.compute_with(Broken())
    return server


@pytest.mark.parametrize("path", ["/predict", "/v2/models/iris/infer", "/nowhere", "/health", "/metrics"])
def test_an_answer_goes_on_with_the_trace_of_its_request(server, path):
    """Whatever is asked for, and whether it is answered or refused: the same trace, and a span of its own."""
    answer = server.client.post(path, headers={"traceparent": f"00-{TRACE}-{SPAN}-01"})

    assert re.fullmatch(rf"00-{TRACE}-(?!{SPAN})[0-9a-f]{{16}}-01", answer.headers["traceparent"])


@pytest.mark.parametrize("document", [{"features": ROW}, {"features": ["x"]}, {}])
def test_a_line_of_the_log_has_the_trace_and_the_span_of_the_answer(server, document):
    """For each outcome."""
    answer = server.predict(document, traceparent=f"00-{TRACE}-{SPAN}-00")

    (line,) = server.logged()
    assert f"00-{TRACE}-{line['span_id']}-00" == answer.headers["traceparent"]
    assert TRACE == line["trace_id"]


@pytest.mark.parametrize(("path", "status"), [("/predict", 422), ("/nowhere", 404)])
def test_a_native_error_has_the_trace(server, path, status):
    """A caller who keeps only the body can be helped too."""
    answer = server.client.post(path, json={"features": ["x"]}, headers={"traceparent": f"00-{TRACE}-{SPAN}-01"})

    assert (status, TRACE) == (answer.status_code, answer.json["trace_id"])
    assert f"00-{TRACE}-{answer.json['span_id']}-01" == answer.headers["traceparent"]
    assert answer.json["span_id"] == server.logged()[0]["span_id"]


@pytest.mark.parametrize("name", [name for name in INVALID if name != "a line feed"])
def test_an_invalid_traceparent_is_never_repeated(server, name):
    """The answer, its body and the line of the log have a new trace."""
    answer = server.predict({"features": ["x"]}, traceparent=INVALID[name])

    trace_id = answer.headers["traceparent"].split("-")[1]
    assert [trace_id, trace_id] == [answer.json["trace_id"], server.logged()[0]["trace_id"]]
    assert trace_id not in {TRACE, "0" * 32}
    assert not INVALID[name] or INVALID[name] not in f"{answer.headers}{answer.text}{server.lines}"


def test_a_request_that_begins_a_trace_has_its_id(server):
    """One id to look for; within the trace of a caller, requests have ids of their own."""
    begun = server.predict({"features": ROW})
    continued = [server.predict({"features": ROW}, traceparent=f"00-{TRACE}-{SPAN}-01") for _ in range(2)]

    assert begun.headers["X-Request-ID"] == begun.headers["traceparent"].split("-")[1]
    assert 3 == len({TRACE, *(answer.headers["X-Request-ID"] for answer in continued)})


def test_the_record_of_a_failure_names_the_trace(broken, caplog):
    """On stderr, beside the traceback."""
    with caplog.at_level(logging.ERROR):
        answer = broken.predict({"features": ROW}, traceparent=f"00-{TRACE}-{SPAN}-01")

    assert 500 == answer.status_code
    assert f"(trace {TRACE}) failed" in caplog.text


@pytest.mark.parametrize(
    ("parent", "expected"),
    [(f"00-{TRACE}-{SPAN}-01", {TRACE}), (f"00-{TRACE}-{SPAN}-00", {TRACE}), ("", set()), ("nonsense", set())],
)
def test_only_a_trace_that_somebody_may_know_is_an_exemplar(server, parent, expected):
    """One that a caller named; what began here and is recorded nowhere leads to nothing."""
    server.predict({"features": ROW}, traceparent=parent)
    accepted = server.client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})

    families = text_string_to_metric_families(accepted.text)
    samples = [sample for family in families for sample in family.samples if sample.exemplar]
    assert expected == {sample.exemplar.labels["trace_id"] for sample in samples}
    assert len(expected) == len(samples)
