"""The application under gunicorn's own worker: it answers the same, only without what our worker adds."""

import json
import re

import pytest

from tests.badinput import BAD, JSON, MAX_BODY_BYTES, MAX_ROWS, ROW
from tests.system.conftest import launching

SETTINGS = {
    "MAX_BODY_BYTES": str(MAX_BODY_BYTES),
    "MAX_ROWS": str(MAX_ROWS),
    "WEB_CONCURRENCY": "1",
    "PYTHONHASHSEED": "0",  # the methods in Allow are a set
}
PLAIN = """
bind = "127.0.0.1:0"
wsgi_app = "wsgi:app"
worker_class = "gthread"
threads = 2
control_socket_disable = True
"""
GOOD = json.dumps({"instances": [ROW, ROW]}).encode()
V2 = {"inputs": [{"name": "input-0", "shape": [1, 4], "datatype": "FP64", "data": ROW}]}
ASKED = {
    **{bad.name: (bad.method, bad.path, bad.body, bad.content_type) for bad in BAD},
    **{f"GET {path}": ("GET", path, None, None) for path in ("/", "/health/ready", "/openapi.json", "/v2", "/x")},
    "a prediction": ("POST", "/predict", GOOD, JSON),
    "a prediction of V2": ("POST", "/v2/models/iris/infer", json.dumps(V2).encode(), JSON),
    "HEAD": ("HEAD", "/health", None, None),
    "OPTIONS": ("OPTIONS", "/predict", None, None),
    "an unknown method": ("BREW", "/predict", None, None),
    "an encoded path": ("GET", "/%68ealth?a=b", None, None),
    "chunks": ("POST", "/predict", [GOOD[:10], GOOD[10:]], JSON),
    "too many chunks": ("POST", "/predict", [b" " * 65536] * 20, JSON),
}
# Who answers, when and how long it took, and whether the connection is kept, is the server's.
OWN = {"Server", "Date", "Connection", "Server-Timing", "traceparent"}
TRACE = re.compile(rb'"(trace|span)_id":"[0-9a-f]+"')


@pytest.fixture(scope="module")
def servers(tmp_path_factory, iris_bundle):
    """Serve the same bundle with our worker, and with gthread and no configuration of ours."""
    plain = tmp_path_factory.mktemp("plain") / "plain.conf.py"
    plain.write_text(PLAIN)
    with launching(tmp_path_factory, iris_bundle) as launch:
        ours, other = launch(**SETTINGS), launch(**SETTINGS, GUNICORN_CMD_ARGS=f"--config={plain}")
        ours.wait_until_ready()
        other.wait_until_listening()
        yield ours, other


def answer(server, asked):
    """Ask on a connection of its own; returns the status, the fields that are the application's, and the body."""
    method, path, body, content_type = asked
    with server.connect() as connection:
        status, fields, content = connection.ask(method, path, body, content_type, **{"X-Request-ID": "r"})
    return status, sorted((name, value) for name, value in fields.items() if name not in OWN), TRACE.sub(b"", content)


@pytest.mark.parametrize("name", ASKED)
def test_the_application_answers_the_same_under_any_server(servers, name):
    """Status, fields and body, for good requests and bad ones."""
    ours, other = (answer(server, ASKED[name]) for server in servers)

    assert ours == other
