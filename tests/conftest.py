"""What every level shares: a bundle of the reference model, made once by the command a user would run."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from tests.victims import PACK, WIDE

# A busy machine is slow; the examples are the same in each run, so that a failure can be repeated.
settings.register_profile("tests", deadline=None, derandomize=True)
settings.load_profile("tests")

ROOT = Path(__file__).parent.parent
pytest_plugins = ["tests.system.containers"]  # the image is built once, whichever tests use it


@pytest.fixture(scope="session")
def iris_bundle(tmp_path_factory):
    """Make the reference model's bundle as `python -m model train` does."""
    output = tmp_path_factory.mktemp("models") / "iris"
    command = [sys.executable, "-m", "model", "train", "--output", str(output)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return output


@pytest.fixture(scope="session")
def victim_bundles(tmp_path_factory, iris_bundle):
    """Pack the models that bodies are made to harm: each one's bundle by its name."""
    folder = tmp_path_factory.mktemp("victims")
    subprocess.run([sys.executable, "-c", PACK, str(folder), " ".join(WIDE)], cwd=ROOT, check=True, capture_output=True)
    return {"iris": iris_bundle, **{name: folder / name for name in ("wide", "mixed", "text")}}
