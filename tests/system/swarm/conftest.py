"""Engines with the images, and a client that counts each request."""

import sys
import time
from contextlib import contextmanager

import pytest

from tests.made_once import made_once
from tests.system.conftest import PACK_VERSION, eventually
from tests.system.reliability.load import Load
from tests.system.swarm import images
from tests.system.swarm.engines import engines

PORT = 8080  # the default of deploy/compose.yaml; each engine has a network of its own
CLIENTS, RATE = 20, 200
SETTLED = 180.0  # seconds for an update on a machine that does much else


@pytest.fixture(scope="session")
def models(pytestconfig, tmp_path_factory):
    """Return the folder of the models."""
    return made_once(pytestconfig, PACK_VERSION, tmp_path_factory.mktemp("models"), images.pack_models)


@pytest.fixture(scope="session")
def archive(clone, models, tmp_path_factory):
    """Build the images, and return the file that they are saved to."""
    folder = tmp_path_factory.mktemp("images")
    images.build_stand_ins(folder / "stand-ins")
    images.build_service(clone, models)
    yield images.save(folder / "images.tar")
    (folder / "images.tar").unlink()


@pytest.fixture(scope="module")
def machines(request, archive):
    """Run the engines that the module names, each of which has all images."""
    with engines(request.module.ENGINES) as found:
        images.load(archive, found)
        yield found


@pytest.fixture
def load():
    """Return what starts a load of kept-alive connections to the nginx of an engine."""
    return lambda engine, **headers: Load(PORT, CLIENTS, RATE, enter=engine.enter, **headers)


@pytest.fixture
def watched(load, report):
    """Return a block during which an engine is asked for predictions; each must have been answered with 200."""

    @contextmanager
    def during(engine, **headers):
        with load(engine, **headers) as asked:
            start = time.monotonic()
            eventually(lambda: len(asked.answers) > RATE, "load", SETTLED)
            yield asked
            after = len(asked.answers)
            eventually(lambda: len(asked.answers) > after + RATE, "load", SETTLED)
            seconds = time.monotonic() - start
        failed = [answer for answer in asked.answers if answer.status != 200]
        slowest = max(answer.seconds for answer in asked.answers)
        report(f"{len(asked.answers)} requests, {seconds:.0f} s, {len(failed)} failed, slowest {slowest:.2f} s")
        assert [] == failed, failed[:3]

    return during


@pytest.fixture
def report(request, capfd):
    """Return what writes a line of figures to stderr, whatever becomes of the output of tests."""

    def say(line):
        with capfd.disabled():
            sys.stderr.write(f"\n{request.node.name}: {line}\n")

    return say
