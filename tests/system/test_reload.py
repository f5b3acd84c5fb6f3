"""SIGHUP: the bundle that is there now is served from the next workers on, or the old one stays."""

import json
import shutil
import signal
import threading

import pytest

from tests.badinput import ROW
from tests.bundles import part
from tests.system.conftest import background, eventually


@pytest.fixture
def bundle(iris_bundle, tmp_path):
    return shutil.copytree(iris_bundle, tmp_path / "bundle")


def reload(server):
    before = set(eventually(server.workers, "ready workers"))
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: server.without(before), "new workers")


def test_another_model_is_served_without_a_request_lost_or_mixed(serve, iris_bundle, second, bundle):
    """Under load, each answer's version and content belong together, before, while and after."""
    server = serve(bundle, WEB_CONCURRENCY="2")
    answers, done = [], threading.Event()

    def ask():
        while not done.is_set():
            with server.connect() as connection:
                for _ in range(20):
                    status, headers, body = connection.ask(
                        "POST", "/predict", b'{"features": [5.1, 3.5, 1.4, 0.2]}', "application/json"
                    )
                    answers.append((status, headers["X-Model-Version"], b'"a"' in body))
                    if headers["Connection"] == "close":
                        break

    with background(threading.Thread(target=ask)):
        try:
            for version, packed in (("2", second), ("1", iris_bundle), ("2", second)):
                shutil.copytree(packed, bundle, dirs_exist_ok=True)
                reload(server)
                assert version == server.model()["version"]
        finally:
            done.set()

    assert {(200, "1", False), (200, "2", True)} == set(answers)
    assert 3 == server.metric("model_reloads_total")


def test_the_openapi_document_follows_a_reload(serve, second, bundle):
    """Every worker makes the same document, so its ETag holds for all of them until the model is another one."""
    server = serve(bundle, WEB_CONCURRENCY="2")
    _, etag, before = server.document()
    again = {server.document(**{"If-None-Match": etag}) for _ in range(10)}
    shutil.copytree(second, bundle, dirs_exist_ok=True)
    reload(server)
    status, other, after = server.document(**{"If-None-Match": etag})

    assert {(304, etag, b"")} == again
    assert (200, "1", "2") == (status, json.loads(before)["info"]["version"], json.loads(after)["info"]["version"])
    assert etag != other


def damage_file(bundle):
    part(bundle, "skops").write_bytes(b"garbage")


def change_golden_rows(bundle):
    path = bundle / "manifest.json"
    path.write_text(path.read_text().replace('"labels": [\n      0', '"labels": [\n      2', 1))


def remove(bundle):
    shutil.rmtree(bundle)


@pytest.mark.parametrize("damage", [damage_file, change_golden_rows, remove], ids=lambda each: each.__name__)
def test_a_bundle_that_is_wrong_leaves_the_old_model_serving(serve, bundle, damage):
    """A line on stderr and a metric say so; and the server goes on, also through the next reload."""
    server = serve(bundle, WEB_CONCURRENCY="1")
    damage(bundle)

    for _ in range(2):
        reload(server)
        status, answer = server.predict({"features": ROW})
        assert (200, 0) == (status, answer["prediction"])

    assert 2 == server.errors.count("is not served, the old one stays: ")
    assert "Traceback" not in server.errors
    with server.connect() as connection:
        assert b'mlservice_model_reloads_total{outcome="failed"} 2.0' in connection.ask("GET", "/metrics")[2]
    assert server.metric("model_loaded_timestamp_seconds") < server.metric("model_reload_failed_timestamp_seconds")
