"""Engines with the images, and a client that counts each request."""

import pytest

from tests.made_once import made_once
from tests.system.conftest import PACK_VERSION
from tests.system.reliability.load import Load, watching
from tests.system.swarm import images
from tests.system.swarm.engines import engines

PORT = 8080  # the default of deploy/compose.yaml; each engine has a network of its own
CLIENTS, RATE = 20, 200
SETTLED = 400.0  # seconds for an update on a machine that does much else


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
    return lambda engine, **headers: watching(load(engine, **headers), SETTLED, report)
