"""The image of another scikit-learn version: built for a bundle that needs it, by `make image BUNDLE=…`."""

import os
import subprocess

import pytest

from tests.system.containers import docker
from tests.system.models.versions.matrix import PACK, ROOT, environment
from tests.system.models.versions.matrix import run as run_python

pytestmark = pytest.mark.image
VERSION, TAG = "1.6.1", "ml-service:test-1.6"
COMPILED = "ml-service:test-compiled"


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    """Return the bundles of a model that does not compile, and of one that does, of another scikit-learn."""
    folder = tmp_path_factory.mktemp("bundles")
    python = environment(VERSION)
    run_python(python, "-W", "ignore", ROOT / "tests/system/models/versions/fit.py", folder)
    run_python(python, "-c", PACK, f"{folder}:text:skops", f"{folder}:linear:joblib")
    subprocess.run(["chmod", "-R", "a+rX", folder.parent], check=True)
    return folder / "text-skops", folder / "linear-joblib"


@pytest.fixture(scope="module")
def fitting(clone, bundles):
    """Build the image that fits the bundle that does not compile."""
    words = [f"BUNDLE={bundles[0]}", f"IMAGE={TAG}", f"DOCKER={os.environ.get('DOCKER', 'docker')}"]
    subprocess.run(["make", "image", *words, "BUILD_FLAGS=--network host"], cwd=clone, check=True, capture_output=True)
    return TAG


def mounted(bundle):
    return ["--read-only", "--tmpfs", "/tmp", "--volume", f"{bundle}:/model:ro"]


def test_a_bundle_that_does_not_compile_is_served_by_the_image_that_is_built_for_it(fitting, bundles, run):
    """With the scikit-learn that it was packed with."""
    container = run(*mounted(bundles[0]), tag=fitting)

    program = "import importlib.metadata as m; print(m.version('scikit-learn'))"
    assert VERSION == docker("exec", container.name, "python", "-c", program)
    status, answer = container.predict({"features": ["a few short words"]})
    assert (200, "short") == (status, answer["prediction"])


def test_other_images_refuse_it_and_say_what_to_do(image, bundles):
    """In one line with the command that builds the image."""
    command = [os.environ.get("DOCKER", "docker"), "run", "--rm", *mounted(bundles[0]), image]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ended.returncode != 0
    (line,) = [each for each in ended.stderr.splitlines() if "version_mismatch" in each]
    assert f"was made with scikit-learn {VERSION}, this server has" in line
    assert "`make image BUNDLE=" in line


def test_a_compiled_bundle_is_served_by_every_image(image, fitting, bundles, clone, run):
    """By the usual one, the one without scikit-learn and the one of the other version, with the same answer."""
    docker("build", "--network", "host", "--target", "serve-compiled", "--tag", COMPILED, str(clone))

    answers = [run(*mounted(bundles[1]), tag=tag).predict() for tag in (image, COMPILED, fitting)]

    assert [200] * 3 == [status for status, _ in answers]
    assert [0] * 3 == [answer["prediction"] for _, answer in answers]
    assert 1 == len({answer["probability"] for _, answer in answers})
