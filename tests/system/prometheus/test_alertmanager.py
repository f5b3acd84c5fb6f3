"""An alert gets from a server that has died to whoever is called, by the files of deploy/prometheus."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml

from tests.alerts import DEPLOY
from tests.system.conftest import background, eventually
from tests.system.prometheus import monitors


@contextmanager
def receiving():
    """Take what Alertmanager sends; give the port, and a list of path and alert that grows."""
    received = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            received.extend((self.path, alert) for alert in body["alerts"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    with server, background(threading.Thread(target=server.serve_forever)):
        try:
            yield server.server_port, received
        finally:
            server.shutdown()


@pytest.fixture
def pager(tmp_path):
    """Run Alertmanager as deploy/ has it, but that it waits for a second only; return it and what it has sent."""
    document = yaml.safe_load((DEPLOY / "alertmanager.yml").read_text())
    document["route"] |= {"group_wait": "1s", "group_interval": "1s"}
    with receiving() as (port, received):
        for receiver in document["receivers"]:
            for webhook in receiver["webhook_configs"]:
                webhook["url"] = webhook["url"].replace("5001", str(port))
        config = tmp_path / "alertmanager.yml"
        config.write_text(yaml.safe_dump(document))
        with monitors.alertmanager(config) as alertmanager:
            yield alertmanager, received


def test_a_server_that_dies_calls_somebody_and_what_follows_from_it_calls_nobody(serve, watch, pager):
    """Alertmanager sends the page on no ready worker to the pager, and nothing about the target that is down."""
    alertmanager, received = pager
    server = serve(WEB_CONCURRENCY="1")
    prometheus = watch(server, alertmanager=alertmanager.port, holds="1s")
    eventually(prometheus.scraped, "a scrape")
    assert [] == received

    server.process.kill()

    eventually(lambda: received, "a call")
    path, alert = received[0]
    assert ("/page", "MLServiceNoReadyWorker") == (path, alert["labels"]["alertname"])
    assert alert["annotations"]["runbook_url"].endswith("/docs/runbook.md#mlservicenoreadyworker")
    held = eventually(lambda: [each for each in alertmanager.alerts() if each["status"]["inhibitedBy"]], "inhibition")
    assert {"MLServiceTargetDown"} == {each["labels"]["alertname"] for each in held}
    assert {"/page"} == {path for path, _ in received}
