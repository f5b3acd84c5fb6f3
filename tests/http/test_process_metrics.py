"""What metrics say of the model and of the server that serves it."""

import hashlib
import json
import math
import platform
import shutil
from threading import Event, Thread

import pytest

from service import VERSION
from tests.badinput import ROW


def test_the_digest_of_the_model_is_the_same_everywhere(server):
    """In full: the SHA-256 of the bundle's manifest. So metrics, logs and a directory of bundles can be joined."""
    digest = hashlib.sha256((server.bundle / "manifest.json").read_bytes()).hexdigest()
    server.metrics.served(server.model.current.loaded, 1e9)
    server.predict({"features": ROW})

    assert f'mlservice_model_info{{digest="{digest}",engine="' in server.client.get("/metrics").text
    assert digest == server.client.get("/model").json["digest"]
    assert digest == server.client.get("/openapi.json").json["info"]["x-digest"]
    assert [digest] == [line["model"]["digest"] for line in server.logged()]
    assert f'title="{digest}"' in server.client.get("/", headers={"Accept": "text/html"}).text


@pytest.mark.parametrize(
    ("written", "expected"),
    [("2026-11-26T12:23:26+00:00", 1795695806.0), ("yesterday", math.nan), ("", math.nan), ("9" * 99, math.nan)],
    ids=["packed", "words", "empty", "digits"],
)
def test_the_age_of_the_model_can_be_computed(serve, iris_bundle, tmp_path, written, expected):
    """From when it was packed, as the manifest says, and that may say anything."""
    bundle = shutil.copytree(iris_bundle, tmp_path / "bundle")
    manifest = json.loads((bundle / "manifest.json").read_text())
    (bundle / "manifest.json").write_text(json.dumps(manifest | {"created_at": written}))
    server = serve(bundle)

    server.metrics.served(server.model.current.loaded, 1e9)

    assert str(expected) == str(server.metric("model_created_timestamp_seconds"))
    assert 1e9 == server.metric("model_loaded_timestamp_seconds")


@pytest.mark.parametrize(("environ", "revision"), [({}, "unknown"), ({"BUILD_REVISION": "2d1cf3b"}, "2d1cf3b")])
def test_metrics_say_which_build_of_the_server_runs(serve, environ, revision):
    """With the revision that the image was built from."""
    python = platform.python_version()

    assert 1 == serve(**environ).metric("build_info", version=VERSION, revision=revision, python=python)


def test_a_request_holds_a_slot_while_it_is_predicted(server):
    """Whichever thread computes it; and none afterwards."""
    began, go_on, inner = Event(), Event(), server.model.current.loaded.engine

    class Waiting:
        """An engine that waits."""

        name = inner.name

        def predict(self, *given):
            began.set()
            go_on.wait(60)
            return inner.predict(*given)

    server.compute_with(Waiting())
    thread = Thread(target=server.predict, args=({"features": ROW},))
    thread.start()
    began.wait(60)
    during = server.metric("predicting_requests")
    go_on.set()
    thread.join()

    assert (1, 0) == (during, server.metric("predicting_requests"))
