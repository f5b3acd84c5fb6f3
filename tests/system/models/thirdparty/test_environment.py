"""The environment of these tests."""

from importlib.metadata import version

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.models
NAMES = [
    line
    for line in (ROOT / "tests/models/requirements-thirdparty.in").read_text().splitlines()
    if not line.startswith("#")
]


@pytest.mark.parametrize("name", [*NAMES, "scikit-learn"])
def test_libraries_are_the_pinned_ones(name):
    """What is installed is what tests/models pins."""
    pinned = (ROOT / "tests/models/requirements-thirdparty.txt").read_text()

    assert f"\n{name}=={version(name)} " in pinned
