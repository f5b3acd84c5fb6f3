"""Without OpenTelemetry's variables, nothing of it is imported, installed or not."""

from tests.badinput import ROW


def test_nothing_is_imported_that_is_not_asked_for(launch, tmp_path):
    """A package that would leave a mark when it is imported leaves none, in the master or in a worker."""
    mark, package = tmp_path / "imported", tmp_path / "python/opentelemetry"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f"open({str(mark)!r}, 'w').close()\n")
    server = launch(PYTHONPATH=str(tmp_path / "python"), OTEL_SERVICE_NAME="x", WEB_CONCURRENCY="1")
    server.wait_until_ready()

    assert 200 == server.predict({"features": ROW})[0]
    assert 0 == server.stop()
    assert not mark.exists()


def test_a_server_starts_where_the_packages_are_missing(launch):
    """Variables that a cluster sets for all of its processes stop none."""
    server = launch(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1", WEB_CONCURRENCY="1")
    server.wait_until_ready()

    assert 200 == server.predict({"features": ROW})[0]
    assert "pip install opentelemetry-sdk" in server.errors
