"""What a collector gets of each request."""

import json
import socket

import pytest

from tests.badinput import JSON
from tests.system.conftest import DEADLINE, eventually, launching
from tests.system.traces.collector import collecting
from tests.system.traces.conftest import GOOD, PHASES, traced, traceparent

pytestmark = pytest.mark.traces
UNSET, ERROR = 0, 2  # of a span's status
INTERNAL, SERVER = 1, 2  # of a span's kind
IS_REMOTE = 0x300  # that the parent's place is known, and is another process (OTLP's flags)


@pytest.fixture(scope="module")
def traced_server(tmp_path_factory, iris_bundle):
    """Serve two workers and collect their spans."""
    with collecting() as collector, launching(tmp_path_factory, iris_bundle) as launch:
        named = {"OTEL_SERVICE_NAME": "churn", "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test"}
        server = launch(WEB_CONCURRENCY="2", **traced(collector.endpoint), **named)
        server.wait_until_ready()
        yield server, collector


def ask(server, method, path, document, **headers):
    with server.connect() as connection:
        return connection.ask(method, path, json.dumps(document), JSON, **headers)


def root_of(collector, trace_id):
    """Return the span of the request, once all of its trace has come: it ends, and so is sent, last."""

    def arrived():
        return [span for span in collector.of_trace(trace_id) if span.raw.kind == SERVER]

    (root,) = eventually(arrived, "the span")
    return root


def test_a_prediction_is_a_child_of_its_caller_and_has_its_phases_as_children(traced_server):
    """The ids are those of the answer and of the log; the phases follow each other within their parent."""
    server, collector = traced_server
    trace_id, caller, parent = traceparent()
    _, headers, _ = ask(server, "POST", "/predict?a=secret", GOOD, traceparent=parent, tracestate="vendor=1")

    root = root_of(collector, trace_id)
    children = sorted(
        (s for s in collector.of_trace(trace_id) if s is not root), key=lambda s: s.raw.start_time_unix_nano
    )
    (line,) = [line for line in server.log() if line["trace_id"] == trace_id]
    assert headers["traceparent"] == f"00-{trace_id}-{root.span_id}-01"
    assert ("POST /predict", caller, line["span_id"]) == (root.name, root.parent_id, root.span_id)
    assert {root.span_id} == {span.parent_id for span in children}
    assert set(PHASES) == {span.name for span in children}
    assert {INTERNAL} == {span.raw.kind for span in children}
    edges = [edge for s in children for edge in (s.raw.start_time_unix_nano, s.raw.end_time_unix_nano)]
    assert sorted(edges) == edges
    assert (root.raw.start_time_unix_nano, root.raw.end_time_unix_nano) == (edges[0], edges[-1])
    assert ("vendor=1", IS_REMOTE) == (root.raw.trace_state, root.raw.flags & IS_REMOTE)


def test_the_attributes_are_those_of_the_conventions(traced_server):
    """Of HTTP, the model and the process; nothing of the query, the row or the answer."""
    server, collector = traced_server
    trace_id, _, parent = traceparent()
    headers = {"traceparent": parent, "User-Agent": "tester/1", "X-Request-ID": "mine"}
    ask(server, "POST", "/predict?a=secret", GOOD, **headers)

    root, model = root_of(collector, trace_id), server.model()
    attributes = root.attributes
    assert len(attributes.pop("mlservice.model.digest")) == 64
    assert attributes == {
        "http.request.method": "POST",
        "http.route": "/predict",
        "http.response.status_code": 200,
        "url.scheme": "http",
        "url.path": "/predict",
        "server.address": "127.0.0.1",
        "server.port": server.port,
        "client.address": "127.0.0.1",
        "network.peer.address": "127.0.0.1",
        "network.protocol.version": "1.1",
        "user_agent.original": "tester/1",
        "mlservice.protocol": "native",
        "mlservice.request_id": "mine",
        "mlservice.code": "ok",
        "mlservice.model.name": model["name"],
        "mlservice.model.version": model["version"],
        "mlservice.model.engine": model["engine"],
        "mlservice.rows": 1,
    }
    assert ("churn", "test") == (root.resource["service.name"], root.resource["deployment.environment.name"])


@pytest.mark.parametrize(
    ("path", "document", "headers", "expected"),
    [
        ("/predict", {"features": ["x"]}, {}, ("POST /predict", 422, UNSET, None)),
        ("/nowhere", GOOD, {}, ("POST", 404, UNSET, None)),
        ("/predict", GOOD, {"X-Request-Timeout": "0"}, ("POST /predict", 504, ERROR, "deadline_exceeded")),
        (
            "/v2/models/iris/infer",
            {},
            {},
            ("POST /v2/models/{model}/infer", 400, UNSET, None),
        ),
    ],
    ids=["refused", "unknown", "late", "v2"],
)
def test_only_what_the_server_failed_at_is_an_error(traced_server, path, document, headers, expected):
    """A status of 4xx leaves the span's unset, as the conventions have it; 5xx makes it an error with its code."""
    server, collector = traced_server
    trace_id, _, parent = traceparent()
    ask(server, "POST", path, document, traceparent=parent, **headers)

    root = root_of(collector, trace_id)
    found = root.attributes["http.response.status_code"], root.raw.status.code, root.attributes.get("error.type")
    assert expected == (root.name, *found)


def test_a_request_that_begins_its_trace_has_no_parent(traced_server):
    """By default every new trace is recorded; the answer says so to whoever wants to go on with it."""
    server, collector = traced_server
    _, headers, _ = ask(server, "POST", "/predict", GOOD)

    _, trace_id, span_id, flags = headers["traceparent"].split("-")
    root = root_of(collector, trace_id)
    assert ("", span_id, "03") == (root.parent_id, root.span_id, flags)


def test_a_trace_that_its_caller_does_not_record_has_no_spans(traced_server):
    """It is in the log all the same. Of two requests, only the other one's spans come."""
    server, collector = traced_server
    (silent, _, first), (recorded, _, second) = traceparent(sampled=False), traceparent()
    with server.connect() as connection:
        for parent in (first, second):
            connection.ask("POST", "/predict", json.dumps(GOOD), JSON, traceparent=parent)
    root_of(collector, recorded)

    assert [] == collector.of_trace(silent)
    assert silent in {line["trace_id"] for line in server.log()}


def test_malformed_http_has_a_span(traced_server):
    """What never reached the application has one with the trace that its error names."""
    server, collector = traced_server
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as client:
        client.sendall(b"GET / HTTP/1.1\r\nbad header\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(65536), b""))

    problem = json.loads(answer.partition(b"\r\n\r\n")[2])
    root = root_of(collector, problem["trace_id"])
    assert ("GET", problem["span_id"], 400) == (root.name, root.span_id, root.attributes["http.response.status_code"])


def test_health_checks_and_scrapes_have_no_spans(traced_server):
    """They come every few seconds from machines, and nobody looks for them."""
    server, collector = traced_server
    asked = {path: traceparent() for path in ("/health", "/metrics", "/model")}
    last, _, parent = traceparent()
    with server.connect() as connection:
        for path, (_, _, header) in asked.items():
            assert 200 == connection.ask("GET", path, traceparent=header)[0]
        connection.ask("POST", "/predict", json.dumps(GOOD), JSON, traceparent=parent)
    root_of(collector, last)

    assert [] == [span for trace_id, _, _ in asked.values() for span in collector.of_trace(trace_id)]
