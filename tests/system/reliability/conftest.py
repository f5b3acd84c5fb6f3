"""What only these tests share: servers behind the proxies of deploy/, and the file of figures."""

from contextlib import ExitStack

import pytest

from tests.system.reliability import figures
from tests.system.reliability.fronts import proxying

# What compares times or rates.
ALONE = {"test_crowds", "test_kills", "test_overload", "test_slow"}


def pytest_collection_modifyitems(items):
    """Mark everything in this folder: it needs nginx and HAProxy, and some of it both cores."""
    for item in items:
        if item.path.parent.name == "reliability":
            item.add_marker(pytest.mark.proxies)
            if item.path.stem in ALONE:
                item.add_marker(pytest.mark.alone)


@pytest.fixture
def behind(tmp_path_factory):
    """Start a proxy in front of servers; with "direct", there is none, and requests go to the first server."""
    with ExitStack() as running:

        def start(kind, *servers):
            if kind == "direct":
                return servers[0]
            return running.enter_context(proxying(kind, tmp_path_factory.mktemp(kind), servers))

        yield start


@pytest.fixture
def figure():
    return figures.write


@pytest.fixture
def report(figure):
    def write(what, load, said):
        figure("Faults", what, "every request answered, rightly", f"{len(load.answers)} of {len(load.answers)}; {said}")

    return write
