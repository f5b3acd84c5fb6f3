"""A bundle that x86-64 made, served on an emulated ARM64 by the pinned packages: the answers are those of x86-64."""

import platform
import signal
import sys

import numpy as np
import pytest
from sklearn.datasets import load_iris

from tests.system.conftest import eventually

pytestmark = [pytest.mark.arm64, pytest.mark.timeout(1800)]
SLOW = 600.0  # emulation is, and a busy machine even more
PYTHON = "tests/system/arm64/in-arm64"
BOOT = {"BOOT_SECONDS": "600", "PREDICT_SECONDS": "300", "REQUEST_SECONDS": "300", "WEB_CONCURRENCY": "1"}
PACK_FOREST = """
import sys
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from model.packing.pack import pack
rows, labels = load_iris(return_X_y=True)
pack(RandomForestClassifier(50, random_state=0).fit(rows, labels), sys.argv[1], name="forest", data=rows)
"""
LOGISTIC, FOREST = "logistic regression", "forest"


@pytest.fixture(scope="module")
def bundles(iris_bundle, make_once):
    return {LOGISTIC: iris_bundle, FOREST: make_once("-c", PACK_FOREST)}


@pytest.fixture(scope="module")
def rows():
    """Return the training rows, and rows far around them."""
    return np.vstack([load_iris().data, np.random.default_rng(0).uniform(-10, 20, (2000, 4))])


def ready(server):
    eventually(lambda: b"ready: " in server.err.read_bytes(), "ready", SLOW)
    server.wait_until_listening()
    return server


def predicted(server, rows):
    status, answer = server.predict({"instances": rows.tolist()})
    assert 200 == status
    return answer["predictions"], np.array(answer["probabilities"])


def test_it_is_an_arm64(launch):
    """What runs there is a Python for ARM64, on a machine that is none."""
    other = launch(command=[PYTHON, "-c", "import platform; print(platform.machine())"])

    assert 0 == other.process.wait(SLOW)
    assert "aarch64\n" == other.out.read_text()
    assert "x86_64" == platform.machine()
    other.out.write_text("")  # no line of a log


@pytest.mark.parametrize("engine", ["onnx", "scikit-learn"])
@pytest.mark.parametrize("model", [LOGISTIC, FOREST])
def test_a_bundle_of_x86_64_has_the_same_answers(launch, bundles, rows, model, engine):
    """All labels are equal, and probabilities to within 1e-15; the server starts, reloads and stops."""
    settings = {**BOOT, "ENGINE": "auto" if engine == "onnx" else engine}
    other = launch(bundles[model], command=[PYTHON, "-m", "gunicorn"], **settings)
    labels, expected = predicted(ready(launch(bundles[model], **settings)), rows)

    found_labels, found = predicted(ready(other), rows)
    other.process.send_signal(signal.SIGHUP)
    eventually(lambda: other.metric("model_reloads_total"), "reloaded", SLOW)
    again = predicted(other, rows)
    other.process.send_signal(signal.SIGTERM)

    equal, most = (expected == found).mean(), np.abs(expected - found).max()
    sys.stdout.write(f"{model}, {engine}: {equal:.2%} of the probabilities bit-equal, largest difference {most:.1e}\n")
    assert 0 == other.process.wait(SLOW)
    assert labels == found_labels == again[0]
    assert np.allclose(expected, found, rtol=0, atol=1e-15)
    assert found.tobytes() == again[1].tobytes()
