"""The environment of these tests."""

from importlib.metadata import version

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.models


@pytest.mark.parametrize("name", ["xgboost-cpu", "lightgbm", "catboost", "imbalanced-learn", "scikit-learn"])
def test_libraries_are_the_pinned_ones(name):
    """What is installed is what tests/models pins."""
    pinned = (ROOT / "tests/models/requirements-boosting.txt").read_text()

    assert f"\n{name}=={version(name)} " in pinned
