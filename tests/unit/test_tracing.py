"""What spans are made of, and when they are made: without OpenTelemetry, which `make test` does not have."""

import logging

import pytest

from service.tracing.configuration import exporter_names, is_configured, tracer_of
from service.tracing.context import Trace
from service.tracing.request_span import Begun, HttpFacts, RequestSpan, attributes_of, first_attributes, name_of

COLLECTOR = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


def attributes(http, status=200, code="ok", **answered):
    begun = Begun(Trace("a" * 32, "b" * 16), None)
    return attributes_of(RequestSpan(begun, http, 1.0, 2.0, "r", code, status, "native", **answered))


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "churn", "OTEL_TRACES_SAMPLER": "always_on"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        (COLLECTOR, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
        ({**COLLECTOR, "OTEL_TRACES_EXPORTER": "none"}, False),
        ({**COLLECTOR, "OTEL_SDK_DISABLED": "True"}, False),
        ({**COLLECTOR, "OTEL_SDK_DISABLED": "false"}, True),
    ],
)
def test_spans_are_asked_for_by_an_exporter_or_the_address_of_a_collector(environ, expected):
    """By OpenTelemetry's own variables; other ones say how, not whether."""
    assert expected == is_configured(environ)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, ["otlp_proto_http"]),
        ({"OTEL_TRACES_EXPORTER": "otlp, console"}, ["otlp_proto_http", "console"]),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, ["otlp_proto_grpc"]),
        (
            {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"},
            ["otlp_proto_http"],
        ),
    ],
)
def test_an_exporter_is_found_by_the_name_that_its_package_gives_it(environ, expected):
    """OTLP has two, by protocol."""
    assert expected == exporter_names(environ)


def test_without_the_packages_a_warning_says_what_to_install(caplog):
    """An operator of a cluster may set the variables for all: the server starts without spans."""
    with caplog.at_level(logging.WARNING):
        assert tracer_of(COLLECTOR, lambda *_: None) is None

    assert "pip install opentelemetry-sdk" in caplog.text


def test_a_prediction_has_the_attributes_of_http_and_of_its_model():
    """The names are those of the semantic conventions for HTTP servers; our own begin with mlservice."""
    route = "/v2/models/<name:model>/infer"
    http = HttpFacts("POST", "/v2/models/m/infer", "10.0.0.1", route, "api.example:8443", "curl/8", "HTTP/1.1")

    assert name_of(http) == "POST /v2/models/{model}/infer"
    model = {"name": "m", "version": "1", "digest": "d" * 64, "engine": "onnx"}
    assert attributes(http, model=model, rows=3) == {
        "http.request.method": "POST",
        "url.scheme": "http",
        "url.path": "/v2/models/m/infer",
        "http.route": "/v2/models/{model}/infer",
        "server.address": "api.example",
        "server.port": 8443,
        "client.address": "10.0.0.1",
        "network.peer.address": "10.0.0.1",
        "network.protocol.version": "1.1",
        "user_agent.original": "curl/8",
        "http.response.status_code": 200,
        "mlservice.protocol": "native",
        "mlservice.request_id": "r",
        "mlservice.code": "ok",
        "mlservice.model.name": "m",
        "mlservice.model.version": "1",
        "mlservice.model.digest": "d" * 64,
        "mlservice.model.engine": "onnx",
        "mlservice.rows": 3,
    }


@pytest.mark.parametrize(("status", "expected"), [(200, None), (404, None), (499, None), (500, "c"), (503, "c")])
def test_only_a_failure_of_the_server_is_an_error(status, expected):
    """A request that was refused is the caller's error, not the server's."""
    assert expected == attributes(HttpFacts("POST", "/predict", ""), status, "c").get("error.type")


@pytest.mark.parametrize("method", ["BREW", "post", "X" * 9999])
def test_an_unknown_method_is_other(method):
    """So that nobody can make names of spans; what it was is an attribute of its own, up to a length."""
    found = first_attributes(method, "/")

    assert ("_OTHER", method[:200]) == (found["http.request.method"], found["http.request.method_original"])
    assert name_of(HttpFacts(method, "/", "")) == "HTTP"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("example", ("example", None)),
        ("[::1]:80", ("[::1]", 80)),
        ("a:b:c", (None, None)),
        ("", (None, None)),
        (f"{'x' * 9999}:1", ("x" * 200, None)),
    ],
)
def test_the_address_of_the_server_is_what_the_caller_called_it(host, expected):
    """Up to a length, and only if it has the form of a host."""
    found = attributes(HttpFacts("GET", "/", "", host=host))

    assert expected == (found.get("server.address"), found.get("server.port"))
