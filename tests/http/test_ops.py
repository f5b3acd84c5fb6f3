"""service.http.operations: health, the model's page and metrics, and what every answer carries."""

import pytest

from service import VERSION
from tests.badinput import NAMES, ROW


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready", "/__heartbeat__", "/__lbheartbeat__"])
def test_health_is_ok_and_never_cached(server, path):
    """Each health route answers 200 without a body of its own beyond the status, to GET and HEAD."""
    answer = server.client.get(path)

    assert (answer.status_code, answer.json) == (200, {"status": "ok"})
    assert answer.headers["Cache-Control"] == "no-store"
    assert server.client.head(path).status_code == 200


def test_model_says_what_is_served(server):
    """GET /model has the name, version, digest, signature, classes and engine of the model that answers."""
    model = server.client.get("/model").json

    assert tuple(model[key] for key in ("name", "version", "task", "engine")) == (
        "iris",
        "1",
        "classifier",
        "onnx",
    )
    assert [feature["name"] for feature in model["features"]] == NAMES
    assert model["classes"] == [0, 1, 2]
    assert len(model["digest"]) == 64
    assert model["loaded_at"] == "2001-09-09T01:46:40+00:00"


def test_the_version_object_says_what_is_known_of_the_build(serve):
    """Dockerflow's members, empty where nothing is known; the image has a file of its own."""
    build = serve(BUILD_REVISION="1f0c").client.get("/__version__").json

    assert {"source": "", "version": VERSION, "commit": "1f0c", "build": ""} == build


def test_health_and_model_are_not_prediction_requests(server):
    """Probes and scrapes leave no line in the prediction log and no count."""
    for path in ("/health", "/health/live", "/health/ready", "/model", "/metrics"):
        server.client.get(path)

    assert server.lines == []
    assert server.metric("requests_total", protocol="native", code="ok") == 0


def test_metrics_are_prometheus_text(server):
    """The exposition is text, or OpenMetrics for who asks for it."""
    server.predict({"instances": [ROW, ROW]})

    plain = server.client.get("/metrics")
    openmetrics = server.client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})

    assert plain.content_type.startswith("text/plain")
    assert 'mlservice_requests_total{code="ok",protocol="native",status="2xx"} 1.0' in plain.text
    assert 'mlservice_rows_total{protocol="native"} 2.0' in plain.text
    assert openmetrics.content_type.startswith("application/openmetrics-text")
    assert openmetrics.text.endswith("# EOF\n")


def test_every_answer_has_a_request_id(server):
    """Also a 404, also health."""
    for path in ("/nowhere", "/health", "/metrics"):
        assert len(server.client.get(path).headers["X-Request-ID"]) == 32


def test_a_draining_server_is_alive_and_answers_but_is_not_ready(server):
    """Load balancers are to send no more; who does is answered."""
    server.metrics.processes.server.draining = True

    answer = server.client.get("/health/ready")
    assert (503, "draining") == (answer.status_code, answer.json["code"])
    assert "Retry-After" in answer.headers
    for page in ("/v2/health/ready", "/v2/models/iris/ready", "/v1/models/iris", "/ping"):
        assert 503 == server.client.get(page).status_code, page
    for page in ("/health/live", "/v2", "/v2/health/live", "/version", "/execution-parameters"):
        assert 200 == server.client.get(page).status_code, page
    assert 200 == server.predict({"features": ROW}).status_code


@pytest.mark.parametrize("name", ["X-Request-Timeout", "X-Envoy-Expected-Rq-Timeout-Ms"])
def test_a_callers_timeout_is_a_number_or_refused(server, name):
    """What cannot be read must not look as if it was heeded; what is over already is not started."""
    for text in ("soon", "-1", "nan", "1e3", ""):
        answer = server.predict({"features": ROW}, **{name: text})
        assert (400, "bad_request") == (answer.status_code, answer.json["code"]), text
        assert name in answer.json["detail"]
    assert 200 == server.predict({"features": ROW}, **{name: "1000.5"}).status_code
    answer = server.predict({"features": ROW}, **{name: "0"})
    assert (504, "deadline_exceeded") == (answer.status_code, answer.json["code"])
