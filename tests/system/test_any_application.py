"""Our worker under an application that is not ours: it knows neither Flask nor a model."""

import json

from tests.badinput import JSON, ROW
from tests.system.conftest import launching

APPLICATION = """
import json, sys

def app(environ, start_response):
    body = environ["wsgi.input"].read()
    rooms = sorted(name for name in sys.modules if name.partition(".")[0] in ("flask", "werkzeug", "model", "service"))
    answer = json.dumps({"read": len(body), "path": environ["PATH_INFO"], "modules": rooms}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
    return [answer]
"""
CONFIGURATION = """
from service.config.settings import Settings
from service.process_table import ProcessTable

bind = "127.0.0.1:0"
wsgi_app = "ten_lines:app"
worker_class = "service.server.worker.Worker"
threads = 2
control_socket_disable = True

def pre_fork(server, worker):
    worker.slot = "w0"

def post_worker_init(worker):
    worker.set_up(Settings.from_env({}), ProcessTable())
"""


def test_the_worker_serves_any_wsgi_application(tmp_path_factory, iris_bundle):
    """In quick and in chunked requests; of this project it imports the process tree and the settings only."""
    folder = tmp_path_factory.mktemp("ten_lines")
    (folder / "ten_lines.py").write_text(APPLICATION)
    (folder / "plain.conf.py").write_text(CONFIGURATION)
    environ = {"GUNICORN_CMD_ARGS": f"--config={folder}/plain.conf.py", "PYTHONPATH": str(folder)}
    with launching(tmp_path_factory, iris_bundle) as launch:
        server = launch(**environ)
        server.wait_until_listening()
        with server.connect() as connection:
            for body in (json.dumps(ROW).encode(), [b"[", b"]"], b"x" * 100_000):
                status, _, content = connection.ask("POST", "/anything", body, JSON)
                answer = json.loads(content)
                assert (200, sum(map(len, body if isinstance(body, list) else [body]))) == (status, answer["read"])

    assert "/anything" == answer["path"]
    rooms = {".".join(name.split(".")[:2]) for name in answer["modules"]}
    assert {
        *("service", "service.config", "service.errors", "service.incoming", "service.process_table"),
        *("service.server", "service.tracing"),
    } == rooms
