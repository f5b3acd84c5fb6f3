"""The requirement files say which extras of a package are asked for."""

import re
from importlib.metadata import distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT


def asked_for(names):
    """Return the (package, extra) pairs that the installed packages of these names need."""
    needed = [
        Requirement(line)
        for package in distributions()
        if canonicalize_name(package.metadata["Name"]) in names
        for line in package.requires or []
    ]
    return {
        (canonicalize_name(each.name), extra)
        for each in needed
        if each.marker is None or each.marker.evaluate({"extra": ""})
        for extra in each.extras
    }


@pytest.mark.parametrize("file", ["requirements-dev.txt", "requirements-train.txt", "requirements.txt"])
def test_an_extra_that_a_locked_package_needs_is_locked_with_it(file):
    """Old versions of pip take `coverage==7.17.4` for no pin of `coverage[toml]`, and refuse it after the next one."""
    text = (ROOT / file).read_text()
    pins = dict(re.findall(r"^([\w.-]+)(\[[\w,-]+\])?==", text, re.MULTILINE))

    locked = {(name, extra) for name, extras in pins.items() for extra in extras.strip("[]").split(",")}
    missing = {(name, extra) for name, extra in asked_for(pins) if name in pins} - locked

    assert pins
    assert set() == missing
