"""The image for ARM64, built by buildx with that for x86-64, and run under emulation: their answers are equal."""

import sys

import numpy as np
import pytest
from sklearn.datasets import load_iris

from tests.system.arm64.engine import FOLDER, PLATFORMS, SLOW, Container, engine
from tests.system.conftest import eventually

pytestmark = [pytest.mark.arm64, pytest.mark.timeout(7200)]
IMAGE = "ml-service:platforms"
SETTINGS = {
    "BOOT_SECONDS": "600",
    "PREDICT_SECONDS": "300",
    "REQUEST_SECONDS": "300",
    "WEB_CONCURRENCY": "1",
    "DRAIN_SECONDS": "0",
}
STRICT = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
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
def machine(clone):
    """Run an engine that has the image for both processors."""
    with engine() as found:
        found.build("python:3.11-slim", FOLDER / "base")
        found.build(IMAGE, clone)
        yield found


@pytest.fixture
def start(machine):
    """Start a container of each platform, and wait until they are ready."""

    def both(*options, **settings):
        environ = [word for name, value in (SETTINGS | settings).items() for word in ("--env", f"{name}={value}")]
        started = [Container(machine, platform, *STRICT, *options, *environ, IMAGE) for platform in PLATFORMS]
        for container in started:
            container.wait_until_ready()
        return started

    return both


@pytest.fixture(scope="module")
def bundles(iris_bundle, make_once):
    return {LOGISTIC: iris_bundle, FOREST: make_once("-c", PACK_FOREST)}


@pytest.fixture(scope="module")
def rows():
    """Return the training rows, and rows far around them."""
    return np.vstack([load_iris().data, np.random.default_rng(0).uniform(-10, 20, (2000, 4))])


def predicted(container, rows):
    status, answer = container.inside(container.predict, {"instances": rows.tolist()})
    assert 200 == status
    return answer["predictions"], np.array(answer["probabilities"])


def check_answers(expected, found):
    """All labels are equal, and probabilities to within 1e-15."""
    assert expected[0] == found[0]
    assert np.allclose(expected[1], found[1], rtol=0, atol=1e-15)


def test_the_images_are_of_two_processors_and_hold_one_bundle(machine):
    """What runs is a program of each processor; the bundle was made once, and is the same in both."""
    say = "uname -m; sha256sum /model/*; grep -o arch=arm64 /usr/share/sbom/ml-service.cdx.json | head -1"
    ours, other = (
        machine.docker("run", "--rm", "--network", "none", "--platform", each, "--entrypoint", "sh", IMAGE, "-c", say)
        for each in PLATFORMS
    )

    assert ours.startswith("x86_64\n")
    assert [other] == [ours.replace("x86_64", "aarch64", 1) + "\narch=arm64"]


def test_the_image_of_arm64_answers_as_that_of_x86_64(start, rows):
    """Strictly confined, as nobody in particular: it becomes ready and healthy, predicts the same, and stops."""
    options = ["--health-interval", "1s", "--health-timeout", "300s"]
    ours, other = start(*options)
    expected, found = predicted(ours, rows), predicted(other, rows)

    check_answers(expected, found)
    eventually(lambda: other.state("Health")["Status"] == "healthy", "healthy", SLOW)
    assert "10001" == other.docker("exec", other.name, "id", "-u")
    assert [0, 0] == [ours.stop(), other.stop()]


@pytest.mark.parametrize("engine_name", ["onnx", "scikit-learn"])
@pytest.mark.parametrize("model", [LOGISTIC, FOREST])
def test_a_mounted_bundle_has_the_same_answers(start, bundles, rows, model, engine_name):
    """Of each model and engine; and the same again after a reload."""
    mount = ["--volume", f"{bundles[model]}:/model:ro", "--user", "0:0"]
    ours, other = start(*mount, ENGINE="auto" if engine_name == "onnx" else engine_name)
    labels, expected = predicted(ours, rows)

    found = predicted(other, rows)
    other.docker("kill", "--signal", "HUP", other.name)
    eventually(lambda: other.inside(other.metric, "model_reloads_total"), "reloaded", SLOW)
    again = predicted(other, rows)

    equal, most = (expected == found[1]).mean(), np.abs(expected - found[1]).max()
    sys.stdout.write(
        f"{model}, {engine_name}: {equal:.2%} of the probabilities bit-equal, largest difference {most:.1e}\n"
    )
    check_answers((labels, expected), found)
    assert found[1].tobytes() == again[1].tobytes()
    assert [0, 0] == [ours.stop(), other.stop()]
