"""What every level shares: a bundle of the reference model, made once by the command a user would run."""

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from model.thread_limits import limit_threads
from tests.made_once import made_once
from tests.victims import PACK, WIDE

# As commands and the server do: threads of libraries wait for each other on a busy machine, and do not survive a fork.
limit_threads(os.environ)

SLOW = [HealthCheck.too_slow]  # a busy machine is
# By default the examples are few and the same in each run, so that a failure can be repeated; `nightly` looks further.
settings.register_profile("default", deadline=None, derandomize=True, max_examples=50, suppress_health_check=SLOW)
settings.register_profile("nightly", deadline=None, max_examples=2000, print_blob=True, suppress_health_check=SLOW)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

ROOT = Path(__file__).parent.parent
pytest_plugins = ["tests.system.containers"]  # the image is built once, whichever tests use it


def pytest_collection_finish():
    """Have the garbage collector leave out the thousands of tests; unit and http tests take 7 % less CPU for it."""
    gc.freeze()


@pytest.fixture(scope="session")
def make_once(pytestconfig, tmp_path_factory):
    """Run Python with arguments that end in a directory to write to; return a copy of the directory, made once."""

    def make(*arguments):
        def run(folder):
            subprocess.run([sys.executable, *arguments, str(folder)], cwd=ROOT, check=True, capture_output=True)

        return made_once(pytestconfig, "\n".join(arguments), tmp_path_factory.mktemp("made"), run)

    return make


@pytest.fixture(scope="session")
def iris_bundle(make_once):
    """Make the reference model's bundle as `python -m model train` does."""
    return make_once("-m", "model", "train", "--output")


@pytest.fixture(scope="session")
def victim_bundles(make_once, iris_bundle):
    """Pack the models that bodies are made to harm: each one's bundle by its name."""
    folder = make_once("-c", PACK, " ".join(WIDE))
    return {"iris": iris_bundle, **{name: folder / name for name in ("wide", "mixed", "text")}}
